/**
 * The figure of fair order: how long a quiet session waits while a noisy one has 10,000 waiters. One
 * series is a run of the limiter on a simulated clock; the other is the same work in a queue without
 * turns, worked out here.
 */
import { startConcurrencyLimiter } from 'slotkeeper';
import { SimulatedClock } from 'slotkeeper/testing';
import { type Point, pointChart } from './chart.ts';

const SLOTS = 10;
const NOISY_JOBS = 10_000;
const QUIET_JOBS = 40;
const QUIET_EVERY_MS = 25_000;

/** Who asks for a slot when, and for how long it is held then. Times in milliseconds. */
interface Job {
  readonly session: 'noisy' | 'quiet';
  readonly askedAt: number;
  readonly heldMs: number;
}

export async function fairnessFigure(): Promise<string> {
  const jobs = makeJobs();
  const inTurns = quietWaits(jobs, await startsInTurns(jobs));
  const byArrival = quietWaits(jobs, startsByArrival(jobs));
  const longest = Math.max(...inTurns.map(({ y }) => y));
  return pointChart({
    title: `A quiet session beside one with ${NOISY_JOBS.toLocaleString('en')} waiters, ${SLOTS} slots held for about 1 s each`,
    xTitle: 'when the quiet session asked for a slot (s)',
    yTitle: 'how long it waited (s)',
    series: [
      { name: 'first come, first served', color: '#b45309', points: byArrival },
      {
        name: `fairness: 'session' (${longest.toFixed(2)} s at most)`,
        color: '#1d4ed8',
        points: inTurns,
      },
    ],
  });
}

/** All of the noisy ones at once, then a quiet one from time to time; in the order of asking. */
function makeJobs(): Job[] {
  const heldMs = (n: number): number => 500 + ((n * 389) % 1_001); // 500 to 1,500, evenly
  const noisy = Array.from({ length: NOISY_JOBS }, (_, n): Job => {
    return { session: 'noisy', askedAt: 0, heldMs: heldMs(n) };
  });
  const quiet = Array.from({ length: QUIET_JOBS }, (_, n): Job => {
    return { session: 'quiet', askedAt: (n + 1) * QUIET_EVERY_MS, heldMs: heldMs(n) };
  });
  return [...noisy, ...quiet];
}

/** When each job began in a run of the limiter where sessions take turns. */
async function startsInTurns(jobs: readonly Job[]): Promise<number[]> {
  const clock = new SimulatedClock();
  await using limiter = await startConcurrencyLimiter({
    clock,
    fairness: 'session',
    limits: { maxParallelRuns: SLOTS },
  });
  const starts: number[] = [];
  const runs: Promise<void>[] = [];
  for (const [index, { session, askedAt, heldMs }] of jobs.entries()) {
    await clock.advance(askedAt - clock.monotonicNow());
    const work = (): Promise<void> => {
      starts[index] = clock.monotonicNow();
      return new Promise((resolve) => clock.setTimeout(resolve, heldMs));
    };
    runs.push(limiter.withRunSlot(session, work, { waitTimeoutMs: Infinity }));
  }
  await clock.advance(NOISY_JOBS * 1_500); // none can last longer
  await Promise.all(runs);
  return starts;
}

/** When each job would begin if it took the slot that is free first, in the order of asking. */
function startsByArrival(jobs: readonly Job[]): number[] {
  const freeAt = new Array<number>(SLOTS).fill(0);
  return jobs.map(({ askedAt, heldMs }) => {
    const slot = freeAt.indexOf(Math.min(...freeAt));
    const startedAt = Math.max(askedAt, freeAt[slot] ?? 0);
    freeAt[slot] = startedAt + heldMs;
    return startedAt;
  });
}

/** In seconds: when the quiet session asked, and how long it waited. */
function quietWaits(jobs: readonly Job[], starts: readonly number[]): Point[] {
  return jobs.flatMap(({ session, askedAt }, index) => {
    const startedAt = starts[index] ?? Number.NaN;
    return session === 'quiet' ? [{ x: askedAt / 1_000, y: (startedAt - askedAt) / 1_000 }] : [];
  });
}
