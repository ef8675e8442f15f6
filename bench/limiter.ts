/**
 * The limiter on the memory journal: its pairs against their floor.
 */
import { type ConcurrencyLimiter, startConcurrencyLimiter } from 'slotkeeper';
import { type Contender, expectCount, timeEach } from './harness.ts';
import { printTable, type Row } from './table.ts';

const PAIRS = 200_000;

let idsMade = 0;

/** An id that no contender has seen, made where it is used, as in life. */
function nextId(): string {
  idsMade += 1;
  return `run-${idsMade}`;
}

export async function benchPairs(): Promise<void> {
  const limiter = await startConcurrencyLimiter();
  const limited = await startConcurrencyLimiter();
  await limiter.acquireSessionSlot('held');
  await limited.acquireSessionSlot('held');
  await limited.setLimits({ maxRunsPerSession: 2 });
  const finite = await startConcurrencyLimiter({ limits: ALL_FINITE });
  await finite.acquireSessionSlot('held', { owner: 'alice' });
  const times = await timeEach([
    floorContender(),
    pairContender('pair', (id) => limiter.acquireRunSlot('held', id)),
    byIdContender(limiter),
    pairContender('session not held', (id) => limiter.acquireRunSlot('not held', id)),
    pairContender('owner and kind', (id) =>
      limiter.acquireRunSlot('held', id, { owner: 'alice', kind: 'tool' }),
    ),
    pairContender('finite session', (id) => limited.acquireRunSlot('held', id)),
    pairContender('all finite', (id) =>
      finite.acquireRunSlot('held', id, { owner: 'alice', kind: 'tool' }),
    ),
    sessionContender(limiter),
    withContender(limiter),
  ]);
  await Promise.all([limiter.stop(), limited.stop(), finite.stop()]);
  const of = (name: string): number => times.get(name) ?? Number.NaN;
  const row = (what: string, name: string): Row => ({
    what,
    value: of(name),
    unit: 'µs',
    ratio: of(name) / of('floor'),
    against: 'floor',
  });
  printTable('Acquire + release, awaited, one caller', [
    { what: 'two async functions over a Map (the floor)', value: of('floor'), unit: 'µs' },
    { ...row('run slot, its session held', 'pair'), must: '≤ 2.8 ×', aim: '≤ 2.0 ×' },
    row('run slot, released by id', 'by id'),
    row('run slot, its session not held', 'session not held'),
    row('run slot with owner and kind', 'owner and kind'),
    row('run slot under a finite maxRunsPerSession', 'finite session'),
    row('run slot with owner and kind, every limit finite', 'all finite'),
    row('session slot', 'session'),
    row('withRunSlot of an empty async function', 'with'),
  ]);
}

const ALL_FINITE = {
  maxRunsPerSession: 10,
  maxSessionsPerOwner: 10,
  maxRunsPerOwner: 10,
  maxJobsPerOwner: 10,
  maxRunsPerKind: { tool: 10 },
};

/** The least that the promise can cost: two awaited async functions, one unique key. */
function floorContender(): Contender {
  const held = new Map<string, string>();
  const acquire = async (id: string): Promise<string> => {
    held.set(id, id);
    return id;
  };
  const release = async (id: string): Promise<boolean> => held.delete(id);
  return {
    name: 'floor',
    count: PAIRS,
    run: async (count) => {
      let released = 0;
      for (let n = 0; n < count; n += 1) {
        if (await release(await acquire(nextId()))) released += 1;
      }
      expectCount('floor', released, count);
    },
  };
}

interface Releasable {
  release(): Promise<{ readonly runs: number; readonly sessions: number }>;
}

function pairContender(name: string, acquire: (id: string) => Promise<Releasable>): Contender {
  return {
    name,
    count: PAIRS,
    run: async (count) => {
      let released = 0;
      for (let n = 0; n < count; n += 1) {
        const slot = await acquire(nextId());
        released += (await slot.release()).runs;
      }
      expectCount(name, released, count);
    },
  };
}

function byIdContender(limiter: ConcurrencyLimiter): Contender {
  return {
    name: 'by id',
    count: PAIRS,
    run: async (count) => {
      let released = 0;
      for (let n = 0; n < count; n += 1) {
        const id = nextId();
        await limiter.acquireRunSlot('held', id);
        released += (await limiter.releaseRunSlot(id)).runs;
      }
      expectCount('by id', released, count);
    },
  };
}

function sessionContender(limiter: ConcurrencyLimiter): Contender {
  return {
    name: 'session',
    count: PAIRS,
    run: async (count) => {
      let released = 0;
      for (let n = 0; n < count; n += 1) {
        const slot = await limiter.acquireSessionSlot(nextId());
        released += (await slot.release()).sessions;
      }
      expectCount('session', released, count);
    },
  };
}

function withContender(limiter: ConcurrencyLimiter): Contender {
  return {
    name: 'with',
    count: PAIRS,
    run: async (count) => {
      let done = 0;
      const job = async (): Promise<void> => {
        done += 1;
      };
      for (let n = 0; n < count; n += 1) await limiter.withRunSlot('held', job);
      expectCount('with', done, count);
    },
  };
}
