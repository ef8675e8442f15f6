/**
 * Many sessions: each is closed in its time, behind one timer, and what they took is given back.
 */
import { describe, expect, test } from 'vitest';
import { onEvent, type RunOutcome, type Session, startSlotkeeper } from '../../src/index.ts';
import { SimulatedClock, settle } from '../../src/testing.ts';
import { counts, EMPTY } from '../support/callers.ts';
import { collect } from '../support/garbage.ts';

const NO_LIMITS = { maxParallelSessions: Infinity, maxParallelRuns: Infinity };
/** What a machine's own caches and the runtime take besides, whatever the number. */
const NOISE_BYTES = 2_000_000;

async function heapUsed(): Promise<number> {
  await settle();
  await collect(3);
  return process.memoryUsage().heapUsed;
}

describe('ten thousand sessions with idle timeouts', () => {
  const COUNT = 10_000;
  const FEW = 1_000;
  const RETENTION_MS = 60_000;
  /** From 1 to 11 seconds, each some milliseconds from the next. */
  const idleTimeoutOf = (n: number) => 1_000 + ((n * 7_919) % 10_000);

  /** How long each has lived, by its number. */
  async function live(clock: SimulatedClock, count: number) {
    const keeper = await startSlotkeeper({
      clock,
      limits: NO_LIMITS,
      retention: { maxAgeMs: RETENTION_MS },
    });
    const closedAt = new Map<string, number>();
    const openedAt = clock.monotonicNow();
    const end = onEvent('session_closed', ({ sessionId, reason }) => {
      closedAt.set(`${sessionId} ${reason}`, clock.monotonicNow() - openedAt);
    });
    const opening = Array.from({ length: count }, (_, n) =>
      keeper.openSession({ sessionId: `s${n}`, idleTimeoutMs: idleTimeoutOf(n) }),
    );
    await Promise.all(opening);
    const timers = clock.allTimers;
    await clock.advance(12_000);
    end();
    return { keeper, closedAt, timers };
  }

  test('being closed within one second of their limits, none early, behind one timer', async () => {
    const clock = new SimulatedClock();
    const { keeper, closedAt, timers } = await live(clock, COUNT);
    const lateness = Array.from({ length: COUNT }, (_, n) => {
      return (closedAt.get(`s${n} idle_timeout`) ?? Infinity) - idleTimeoutOf(n);
    });
    expect(closedAt.size).toBe(COUNT);
    expect(Math.min(...lateness)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...lateness)).toBeLessThanOrEqual(1_000);
    // One of sessions, and one of calls.
    expect(timers).toBeLessThanOrEqual(2);
    expect(counts(keeper.limiter)).toEqual(EMPTY);
    await keeper.stop();
  });

  test('giving back what they took', async () => {
    const clock = new SimulatedClock();
    const play = async (count: number) => {
      const { keeper } = await live(clock, count);
      await clock.advance(RETENTION_MS);
      expect([...keeper.sessions({ closed: true })]).toEqual([]);
      const bytes = await heapUsed();
      await keeper.stop();
      return bytes;
    };
    await play(FEW);
    const before = await play(FEW);
    // A session that stayed would be some kilobytes.
    expect((await play(COUNT)) - before).toBeLessThan(NOISE_BYTES);
  }, 60_000);
});

describe('a thousand sessions with ten runs each', () => {
  const SESSIONS = 1_000;
  const RUNS = 10;
  const PATIENT = { waitTimeoutMs: Infinity };

  const never = ({ signal }: { readonly signal: AbortSignal }): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });

  /** Each of them ends in another way. */
  async function outcomeOf(session: Session, n: number): Promise<RunOutcome> {
    switch (n % 5) {
      case 0:
        return (await session.run(() => n, PATIENT)).outcome;
      case 1:
        return (await session.run(() => Promise.reject(new Error('failed')), PATIENT)).outcome;
      case 2:
        return (await session.run(never, { ...PATIENT, deadlineMs: 5 })).outcome;
      case 3:
        return (await session.run(never, PATIENT)).interrupt();
      default: {
        const later = new Promise<number>((resolve) => setTimeout(resolve, 1, n));
        return (await session.run(() => later, PATIENT)).outcome;
      }
    }
  }

  function isRight(outcome: RunOutcome, n: number): boolean {
    const { state } = outcome;
    const states = ['succeeded', 'failed', 'timed_out', 'interrupted', 'succeeded'];
    return state === states[n % 5] && (state !== 'succeeded' || outcome.value === n);
  }

  test('ending as they should, each of them, and giving back what they took', async () => {
    await using keeper = await startSlotkeeper({
      limits: { maxParallelSessions: 50, maxParallelRuns: 100, maxRunsPerSession: 4 },
      retention: { maxCount: 0 },
    });
    const oneSession = async (): Promise<number> => {
      await using session = await keeper.openSession(PATIENT);
      const asked = Array.from({ length: RUNS }, (_, n) => outcomeOf(session, n));
      return (await Promise.all(asked)).filter(isRight).length;
    };
    const many = async (count: number): Promise<number> => {
      const right = await Promise.all(Array.from({ length: count }, oneSession));
      return right.reduce((sum, one) => sum + one, 0);
    };
    expect(await many(100)).toBe(100 * RUNS);
    const before = await heapUsed();
    expect(await many(SESSIONS)).toBe(SESSIONS * RUNS);
    expect(counts(keeper.limiter)).toEqual(EMPTY);
    expect(keeper.getStatus()).toMatchObject({ openSessions: 0, stuckRuns: 0 });
    expect((await heapUsed()) - before).toBeLessThan(NOISE_BYTES);
  });
});
