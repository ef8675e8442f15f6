/**
 * The limiter beside its peers: a crowd that always finds room, a backlog, and the moment between the
 * end of one job and the start of the next. The slow ones get fewer jobs: their cost per job grows with
 * the number that waits, so fewer favours them, and the table says how many they had.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { startConcurrencyLimiter } from 'slotkeeper';
import {
  type Contender,
  expectCount,
  FEW_ROUNDS,
  median,
  ROUNDS,
  type Sampler,
  sampleEach,
  timeEach,
} from './harness.ts';
import { type Gate, PEERS, peerVersions } from './peers.ts';
import { printTable, type Row } from './table.ts';

/**
 * A round of hand-overs has a thousand jobs, one in each macrotask, and so much code between two of them is
 * not compiled to its end for tens of thousands. A daemon that is up for a minute has had them.
 */
const HANDOVER_WARM_UPS = 50;

const SLOTS = 50;
const CALLERS = 50;
/** Ours as it comes, refused when full: for a crowd that always finds room. */
const US = 'withRunSlot';
/** Ours with the promise to wait, which every peer makes unasked. */
const WAITING = 'withRunSlot, ready to wait';

/** How many jobs those get that would need minutes for what the others do in a second. */
type Fewer = Readonly<Record<string, number>>;

/** Opens every peer and the limiter, gives the gates to `use`, and stops what must be stopped. */
async function withGates<Result>(
  limit: number,
  use: (gates: ReadonlyMap<string, Gate>) => Promise<Result>,
): Promise<Result> {
  const limiter = await startConcurrencyLimiter({
    limits: { maxParallelRuns: limit, maxWaiters: Number.POSITIVE_INFINITY },
  });
  await limiter.acquireSessionSlot('bench');
  const gates = new Map<string, Gate>([
    [US, (job) => limiter.withRunSlot('bench', job)],
    [
      WAITING,
      (job) => limiter.withRunSlot('bench', job, { waitTimeoutMs: Number.POSITIVE_INFINITY }),
    ],
    ...PEERS.map(({ name, open }) => [name, open(limit)] as const),
  ]);
  try {
    return await use(gates);
  } finally {
    await limiter.stop();
  }
}

export async function benchCrowd(): Promise<void> {
  console.log(`\npeers: ${peerVersions()}`);
  const fewer: Fewer = { bottleneck: 100 };
  const count = (name: string): number => fewer[name] ?? 100_000;
  const times = await withGates(SLOTS, (gates) =>
    timeEach([...gates].map(([name, gate]) => crowdContender(name, gate, count(name)))),
  );
  printBeside(
    `An empty job, ${CALLERS} callers on ${SLOTS} slots; ratio: ours to theirs`,
    times,
    (name) => `${count(name)} jobs`,
    (name) =>
      name === 'async-sema' || name === 'cockatiel' ? { aim: '< 1 ×' } : { must: '< 1 ×' },
  );
}

function crowdContender(name: string, gate: Gate, jobs: number): Contender {
  return {
    name,
    count: jobs,
    run: async () => {
      let done = 0;
      const job = async (): Promise<void> => {
        done += 1;
      };
      const caller = async (): Promise<void> => {
        for (let n = 0; n < jobs / CALLERS; n += 1) await gate(job);
      };
      await Promise.all(Array.from({ length: CALLERS }, caller));
      expectCount(name, done, jobs);
    },
  };
}

/** The gates that wait when there is no room. */
const waiting = (gates: ReadonlyMap<string, Gate>): [string, Gate][] =>
  [...gates].filter(([name]) => name !== US);

export async function benchBacklog(): Promise<void> {
  const fewer: Fewer = { bottleneck: 200, cockatiel: 20_000, effect: 20_000 };
  const count = (name: string): number => fewer[name] ?? 200_000;
  const times = await withGates(SLOTS, (gates) =>
    timeEach(
      waiting(gates).map(([name, gate]) => backlogContender(name, gate, count(name))),
      FEW_ROUNDS,
    ),
  );
  printBeside(
    `A backlog on ${SLOTS} slots, per job, ${FEW_ROUNDS} rounds; ratio: ours to theirs`,
    times,
    (name) => `${count(name)} at once`,
    (name) => (name === 'async-sema' ? { aim: '< 1 ×' } : { must: '< 1 ×' }),
  );
}

function backlogContender(name: string, gate: Gate, jobs: number): Contender {
  return {
    name,
    count: jobs,
    // What the contender before left behind would be collected at this one's cost; and the time that
    // takes is not to count as if this one had kept the loop busy.
    prepare: async () => {
      globalThis.gc?.();
      await setImmediate();
    },
    run: async () => {
      let done = 0;
      const job = async (): Promise<void> => {
        done += 1;
      };
      await Promise.all(Array.from({ length: jobs }, () => gate(job)));
      expectCount(name, done, jobs);
    },
  };
}

export async function benchHandover(): Promise<void> {
  const limit = 10;
  const fewer: Fewer = { bottleneck: 100 };
  const count = (name: string): number => fewer[name] ?? 1_000;
  const medians = await withGates(limit, (gates) =>
    sampleEach(
      waiting(gates).map(([name, gate]) => handoverSampler(name, gate, count(name), limit)),
      ROUNDS,
      HANDOVER_WARM_UPS,
    ),
  );
  printBeside(
    `End of a job to the start of the next, p50, ${limit} slots; ratio: ours to theirs`,
    medians,
    (name) => `a queue of ${count(name)}`,
    (name) => (name === 'p-limit' ? { must: '≤ 1 ×' } : { aim: '≤ 1 ×' }),
  );
}

/**
 * Each job ends in a macrotask of its own, so that one slot is freed at a time; the first `limit` jobs
 * find room, and every later start belongs to the oldest end that has none yet.
 */
function handoverSampler(name: string, gate: Gate, jobs: number, limit: number): Sampler {
  return {
    name,
    sample: async () => {
      const ends: number[] = [];
      const latencies: number[] = [];
      let started = 0;
      const job = async (): Promise<void> => {
        const startedAt = performance.now();
        if (started >= limit) latencies.push(startedAt - (ends[started - limit] ?? Number.NaN));
        started += 1;
        await setImmediate();
        ends.push(performance.now());
      };
      await Promise.all(Array.from({ length: jobs }, () => gate(job)));
      expectCount(name, ends.length, jobs);
      return median(latencies) * 1_000;
    },
  };
}

/** A row for each of ours, then one for each peer with the ratio of our time to its. */
function printBeside(
  title: string,
  times: ReadonlyMap<string, number>,
  amount: (name: string) => string,
  goal: (name: string) => Pick<Row, 'must' | 'aim'>,
): void {
  const ours = times.get(US) ?? times.get(WAITING) ?? Number.NaN;
  printTable(
    title,
    [...times].map(([name, value]) => {
      const row = { what: `${name}, ${amount(name)}`, value, unit: 'µs' };
      if (name === US || name === WAITING) return row;
      return { ...row, ratio: ours / value, against: name, ...goal(name) };
    }),
  );
}
