/**
 * What many cost: the memory of each slot and of each waiter, and the end of a session with a hundred
 * thousand runs. Ids are made beforehand and kept, so that no number here counts them.
 */
import { setImmediate } from 'node:timers/promises';
import { type ConcurrencyLimiter, type RunSlot, startConcurrencyLimiter } from 'slotkeeper';
import { bytesEach, type Contender, expectCount, timeEach } from './harness.ts';
import { printTable, type Row } from './table.ts';

const MANY = 100_000;

const UNLIMITED = {
  maxParallelSessions: Number.POSITIVE_INFINITY,
  maxParallelRuns: Number.POSITIVE_INFINITY,
  maxWaiters: Number.POSITIVE_INFINITY,
};

const makeIds = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `run-${index}`);

export async function benchSlotMemory(): Promise<void> {
  const ids = makeIds(MANY);
  const id = (index: number): string => ids[index] ?? '';
  const slot = await heldBytes((limiter, n) => limiter.acquireRunSlot('bench', id(n)));
  const lone = await heldBytes((limiter, n) => limiter.acquireRunSlot(id(n), id(n)));
  const session = await heldBytes((limiter, n) => limiter.acquireSessionSlot(id(n)));
  const waiter = await waiterBytes(id, () => 'bench', Number.POSITIVE_INFINITY);
  const dated = await waiterBytes(id, () => 'bench', 3_600_000);
  const apart = await waiterBytes(id, id, Number.POSITIVE_INFINITY);
  const row = (what: string, value: number): Row => ({ what, value, unit: 'B' });
  printTable('Memory, ids not counted', [
    { ...row('run slot held, its handle kept', slot), must: '≤ 400 B', aim: '≤ 200 B' },
    row('run slot held, each in a session of its own that is not held', lone),
    row('session slot held, its handle kept', session),
    { ...row('waiter, its promise kept', waiter), must: '≤ 700 B', aim: '≤ 400 B' },
    row('waiter with a deadline', dated),
    row('waiter, each in a session of its own', apart),
  ]);
  expectCount('ids kept', ids.length, MANY);
}

async function heldBytes(
  acquire: (limiter: ConcurrencyLimiter, index: number) => Promise<unknown>,
): Promise<number> {
  const limiter = await startConcurrencyLimiter({ limits: UNLIMITED });
  await limiter.acquireSessionSlot('bench');
  const bytes = await bytesEach(MANY, (index) => acquire(limiter, index));
  const { activeRuns, activeSessions } = limiter.getStatus();
  expectCount('slots held', activeRuns + activeSessions - 1, MANY);
  await limiter.stop();
  return bytes;
}

async function waiterBytes(
  id: (index: number) => string,
  session: (index: number) => string,
  waitTimeoutMs: number,
): Promise<number> {
  const limiter = await startConcurrencyLimiter({ limits: { ...UNLIMITED, maxParallelRuns: 1 } });
  await limiter.acquireSessionSlot('bench');
  await limiter.acquireRunSlot('bench', 'the one that is held');
  const waits: Promise<unknown>[] = new Array(MANY);
  const bytes = await bytesEach(MANY, async (index) => {
    waits[index] = limiter.acquireRunSlot(session(index), id(index), { waitTimeoutMs });
    // What is still in the mailbox would be measured as a message, not as a waiter.
    while (limiter.getStatus().waitingRuns <= index) await setImmediate();
  });
  expectCount('waiters', limiter.getStatus().waitingRuns, MANY);
  const settled = Promise.allSettled(waits);
  await limiter.stop();
  const refused = (await settled).filter(({ status }) => status === 'rejected');
  expectCount('waiters refused at stop', refused.length, MANY);
  return bytes;
}

export async function benchCascade(): Promise<void> {
  const ids = makeIds(MANY);
  const limiter = await startConcurrencyLimiter({ limits: UNLIMITED });
  const times = await timeEach([
    mapContender(ids),
    cascadeContender('cascade', limiter, ids, () => {}),
    cascadeContender('signals', limiter, ids.slice(0, MANY / 10), ({ signal }) => signal),
  ]);
  await limiter.stop();
  const of = (name: string): number => times.get(name) ?? Number.NaN;
  printTable('Cascade, per run', [
    { what: `deletes of ${MANY} keys from a Map (for orientation)`, value: of('map'), unit: 'µs' },
    {
      what: `release of a session with ${MANY} runs`,
      value: of('cascade'),
      unit: 'µs',
      must: '≤ 0.8 µs',
      aim: '≤ 0.3 µs',
    },
    {
      what: `release of a session with ${MANY / 10} runs whose signals were read`,
      value: of('signals'),
      unit: 'µs',
    },
  ]);
}

function mapContender(ids: readonly string[]): Contender {
  const held = new Map<string, { readonly id: string }>();
  return {
    name: 'map',
    count: ids.length,
    prepare: () => {
      for (const id of ids) held.set(id, { id });
    },
    run: () => {
      for (const id of ids) held.delete(id);
      expectCount('keys left', held.size, 0);
    },
  };
}

function cascadeContender(
  name: string,
  limiter: ConcurrencyLimiter,
  ids: readonly string[],
  touch: (slot: RunSlot) => unknown,
): Contender {
  const kept: RunSlot[] = [];
  return {
    name,
    count: ids.length,
    prepare: async () => {
      await limiter.acquireSessionSlot('bench');
      const slots = await Promise.all(ids.map((id) => limiter.acquireRunSlot('bench', id)));
      for (const slot of slots) touch(slot);
      kept.splice(0, kept.length);
      for (const slot of slots) kept.push(slot);
    },
    run: async (count) => {
      const { runs } = await limiter.releaseSessionSlot('bench');
      expectCount(name, runs, count);
    },
  };
}
