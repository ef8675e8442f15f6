/**
 * A million slots held: what a pair costs then against none held, and how long the loop stood still on
 * the way there, beside a plain Map that climbs as far.
 */
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { type RunSlot, startConcurrencyLimiter } from 'slotkeeper';
import { expectCount, FEW_ROUNDS, median, timeOnce } from './harness.ts';
import { printTable } from './table.ts';

const HELD = 1_000_000;
/** Acquires between two looks at the event loop. */
const SLICE = 100;

/** Something that holds ids and lets them go. */
interface Holding<Handle> {
  acquire(id: string): Promise<Handle>;
  release(handle: Handle): Promise<unknown>;
  count(): number;
  close(): Promise<void>;
}

/** What one climb to a million showed. */
interface Climb {
  readonly emptyPair: number;
  readonly fullPair: number;
  readonly stallMs: number;
  readonly collectionMs: number;
}

export async function benchMillion(): Promise<void> {
  const ids = Array.from({ length: HELD }, (_, index) => `run-${index}`);
  const climbs: Climb[] = [];
  const mapClimbs: Climb[] = [];
  await climb(openLimiter, ids.slice(0, HELD / 10)); // warms up
  for (let round = 0; round < FEW_ROUNDS; round += 1) {
    climbs.push(await climb(openLimiter, ids));
    mapClimbs.push(await climb(openMap, ids));
  }
  const ours = (what: keyof Climb): number => median(climbs.map((one) => one[what]));
  const map = (what: keyof Climb): number => median(mapClimbs.map((one) => one[what]));
  printTable(`${HELD} slots held, ${FEW_ROUNDS} rounds`, [
    { what: 'pair, none held', value: ours('emptyPair'), unit: 'µs' },
    {
      what: 'pair, a million held',
      value: ours('fullPair'),
      unit: 'µs',
      ratio: ours('fullPair') / ours('emptyPair'),
      against: 'none held',
      must: '≤ 2 ×',
      aim: '≤ 1.2 ×',
    },
    {
      what: 'pair of the floor, a million keys in its Map',
      value: map('fullPair'),
      unit: 'µs',
      ratio: map('fullPair') / map('emptyPair'),
      against: 'an empty Map',
    },
    {
      what: 'worst stall of the loop on the way there, less the mean',
      value: ours('stallMs'),
      unit: 'ms',
      aim: '≤ 20 ms',
    },
    { what: '  the longest collection then', value: ours('collectionMs'), unit: 'ms' },
    { what: '  the stall of the floor', value: map('stallMs'), unit: 'ms' },
    { what: '  the longest collection then', value: map('collectionMs'), unit: 'ms' },
  ]);
}

async function openLimiter(): Promise<Holding<RunSlot>> {
  const limiter = await startConcurrencyLimiter({
    limits: { maxParallelRuns: Number.POSITIVE_INFINITY },
  });
  await limiter.acquireSessionSlot('bench');
  return {
    acquire: (id) => limiter.acquireRunSlot('bench', id),
    release: (slot) => slot.release(),
    count: () => limiter.getStatus().activeRuns,
    close: () => limiter.stop(),
  };
}

async function openMap(): Promise<Holding<string>> {
  const held = new Map<string, string>();
  return {
    acquire: async (id) => {
      held.set(id, id);
      return id;
    },
    release: async (id) => held.delete(id),
    count: () => held.size,
    close: async () => held.clear(),
  };
}

async function climb<Handle>(
  open: () => Promise<Holding<Handle>>,
  ids: readonly string[],
): Promise<Climb> {
  const holding = await open();
  const emptyPair = await timePairs(holding);
  const kept: Handle[] = new Array(ids.length);
  const collections = watchCollections();
  const stallMs = await worstStall(ids.length, async (from) => {
    const slice = ids.slice(from, from + SLICE);
    const handles = await Promise.all(slice.map((id) => holding.acquire(id)));
    for (const [offset, handle] of handles.entries()) kept[from + offset] = handle;
  });
  const collectionMs = await collections.longest();
  expectCount('slots held', holding.count(), ids.length);
  const fullPair = await timePairs(holding);
  expectCount('slots held after the pairs', holding.count(), kept.length);
  await holding.close();
  return { emptyPair, fullPair, stallMs, collectionMs };
}

function timePairs<Handle>({ acquire, release }: Holding<Handle>): Promise<number> {
  return timeOnce({
    name: 'pairs',
    count: 100_000,
    run: async (count) => {
      for (let n = 0; n < count; n += 1) await release(await acquire(`pair-${n}`));
    },
  });
}

/** The longest turn of the loop while the items are worked through in slices, less the mean turn. */
async function worstStall(items: number, work: (from: number) => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  let last = startedAt;
  let worst = 0;
  for (let from = 0; from < items; from += SLICE) {
    await work(from);
    await setImmediate();
    const now = performance.now();
    worst = Math.max(worst, now - last);
    last = now;
  }
  return worst - ((last - startedAt) * SLICE) / items;
}

/** Which share of a stall is the collector's: its longest pause since the call. */
function watchCollections(): { longest(): Promise<number> } {
  let longest = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
  });
  observer.observe({ entryTypes: ['gc'] });
  return {
    longest: async () => {
      await setImmediate(); // entries arrive in a turn of their own
      observer.disconnect();
      return longest;
    },
  };
}
