/**
 * Leases: a slot that is not renewed in time ends as `expired`. What clocks that jump do to them:
 * lease-clocks.test.ts.
 */
import { describe, expect, test } from 'vitest';
import { exit, sys } from '../../../src/index.ts';
import { recordEvents, SimulatedClock, settle } from '../../../src/testing.ts';
import {
  type AcquireOptions,
  ask,
  attempt,
  counts,
  EMPTY,
  LIMITER_EVENTS,
  type Limiter,
  lossOf,
  outcomes,
  start,
  tryAsk,
  wait,
} from '../../support/callers.ts';
import { expectNoCrashSeen, MANY_RESTARTS, underFire } from '../../support/crash-points.ts';
import { eventsBySlot } from '../../support/crashes.ts';
import { faultOf } from '../../support/servers.ts';

const LEASE: AcquireOptions = { leaseMs: 1_000 };

/** A limiter and the clock that it lives by. */
async function timed(limits: Parameters<typeof start>[0] = {}) {
  const clock = new SimulatedClock();
  const limiter = await start(limits, { clock });
  return { limiter, clock, [Symbol.asyncDispose]: () => limiter.stop() };
}

/** Renews the lease of a session, or with a run id, of a run. */
function renew(limiter: Limiter, runId: string | undefined, token: number): Promise<void> {
  return runId === undefined
    ? limiter.renewSessionSlot('s1', token)
    : limiter.renewRunSlot(runId, token);
}

describe.each<[string, string | undefined]>([
  ['session', undefined],
  ['run', 'r1'],
])('the lease of a %s', (_name, runId) => {
  test('ending the slot as expired when it is over, not before', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const slot = await ask(limiter, ['s1', runId, LEASE]);
    await clock.advance(999);
    expect(lossOf(slot)).toBe(undefined);
    await clock.advance(1);
    expect(lossOf(slot)).toBe('expired');
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('ending what was acquired synchronously', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    tryAsk(limiter, ['s1', runId, LEASE]);
    await clock.advance(999);
    expect(counts(limiter)).not.toEqual(EMPTY);
    await clock.advance(1);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('beginning with the grant: waiting is not counted', async () => {
    await using world = await timed({ maxParallelSessions: 1, maxParallelRuns: 1 });
    const { limiter, clock } = world;
    const held = await ask(limiter, ['s0', runId && 'r0']);
    const waiting = wait(limiter, ['s1', runId, LEASE]);
    await clock.advance(5_000);
    expect(waiting.outcome).toBe('waiting');
    await held.release();
    await clock.advance(999);
    expect(waiting.value && lossOf(waiting.value)).toBe(undefined);
    await clock.advance(1);
    expect(waiting.value && lossOf(waiting.value)).toBe('expired');
  });

  test('running for another leaseMs from each renewal', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const slot = await ask(limiter, ['s1', runId, LEASE]);
    for (let renewal = 0; renewal < 5; renewal++) {
      await clock.advance(900);
      expect(await renew(limiter, runId, slot.token)).toBe(undefined);
    }
    await clock.advance(999);
    expect(lossOf(slot)).toBe(undefined);
    await clock.advance(1);
    expect(lossOf(slot)).toBe('expired');
  });

  test('being that of the first options, however the id is asked for again', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const slot = await ask(limiter, ['s1', runId, LEASE]);
    await clock.advance(900);
    await ask(limiter, ['s1', runId, { leaseMs: 5_000 }]);
    await ask(limiter, ['s1', runId]);
    await clock.advance(100);
    expect(lossOf(slot)).toBe('expired');
  });

  test('being none where the first options had none', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const slot = await ask(limiter, ['s1', runId]);
    await ask(limiter, ['s1', runId, LEASE]);
    await clock.advance(365 * 86_400_000);
    expect(lossOf(slot)).toBe(undefined);
  });

  test('being none with Infinity', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const slot = await ask(limiter, ['s1', runId, { leaseMs: Infinity }]);
    await clock.advance(365 * 86_400_000);
    expect(lossOf(slot)).toBe(undefined);
    expect(await renew(limiter, runId, slot.token)).toBe(undefined);
  });

  test('leaving a later grant of the same id alone', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const first = await ask(limiter, ['s1', runId, LEASE]);
    await clock.advance(500);
    await first.release();
    const second = await ask(limiter, ['s1', runId, LEASE]);
    await clock.advance(999);
    expect(lossOf(second)).toBe(undefined);
    await clock.advance(1);
    expect(lossOf(second)).toBe('expired');
  });

  test('being longer than a timer of Node can be', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const slot = await ask(limiter, ['s1', runId, { leaseMs: 2 ** 31 }]);
    await clock.advance(2 ** 31 - 1);
    expect(lossOf(slot)).toBe(undefined);
    await clock.advance(1);
    expect(lossOf(slot)).toBe('expired');
  });

  test('not keeping the process alive, nor a timer once it is over', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const before = clock.allTimers;
    const released = await ask(limiter, ['s2', runId && 'r2', { leaseMs: 700 }]);
    await ask(limiter, ['s1', runId, LEASE]);
    await settle();
    expect(clock.pendingTimers).toBe(0);
    expect(clock.allTimers).toBeGreaterThan(before);
    await released.release();
    await clock.advance(1_000);
    expect(clock.allTimers).toBeLessThanOrEqual(before);
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

describe('a lease that runs out', () => {
  test('taking the runs of its session with it, and nobody else', async () => {
    await using world = await timed({ maxParallelRuns: 3 });
    const { limiter, clock } = world;
    const held = [
      await ask(limiter, ['s1', undefined, LEASE]),
      await ask(limiter, ['s1', 'r1']),
      await ask(limiter, ['s1', 'r2', { leaseMs: 60_000 }]),
      await ask(limiter, ['s2', 'r3']),
    ];
    const waiting = [wait(limiter, ['s1', 'r4']), wait(limiter, ['s2', 'r5'])];
    await clock.advance(1_000);
    expect(held.map(lossOf)).toEqual(['expired', 'cascade', 'cascade', undefined]);
    expect(outcomes(waiting)).toEqual(['session_released', 'granted']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 2 });
  });

  test('leaving the session and its other runs, when it is that of a run', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const others = [await ask(limiter, ['s1']), await ask(limiter, ['s1', 'r1'])];
    await ask(limiter, ['s1', 'r2', LEASE]);
    await clock.advance(1_000);
    expect(others.map(lossOf)).toEqual([undefined, undefined]);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1 });
  });

  test('giving its room to who waits, by priority, before its signal aborts', async () => {
    await using world = await timed({ maxParallelRuns: 1 });
    const { limiter, clock } = world;
    const { signal } = await ask(limiter, ['s1', 'r1', LEASE]);
    const low = wait(limiter, ['s1', 'low']);
    const high = wait(limiter, ['s2', 'high', { priority: 1 }]);
    const seen: unknown[] = [];
    signal.addEventListener('abort', () => seen.push(counts(limiter)));
    await clock.advance(1_000);
    expect(outcomes([low, high])).toEqual(['waiting', 'granted']);
    expect(seen).toEqual([{ ...EMPTY, activeRuns: 1, waitingRuns: 1 }]);
  });

  test('being told in the event of the end', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const { token } = await ask(limiter, ['s1', 'r1', { ...LEASE, owner: 'alice' }]);
    using recorder = recordEvents([...LIMITER_EVENTS]);
    await clock.advance(1_000);
    const facts = { sessionId: 's1', runId: 'r1', token, owner: 'alice', kind: undefined };
    expect(recorder.events).toEqual([
      { type: 'run_slot_ended', ...facts, reason: 'expired', heldMs: 1_000, note: undefined },
    ]);
  });

  test('ending each of many at its own time', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    for (const leaseMs of [300, 100, 200, 100]) {
      await ask(limiter, ['s1', `r${counts(limiter).activeRuns}`, { leaseMs }]);
    }
    const seen: number[] = [];
    for (let step = 0; step < 4; step++) {
      seen.push(limiter.getStatus().activeRuns);
      await clock.advance(100);
    }
    expect([seen, counts(limiter)]).toEqual([[4, 2, 1, 0], EMPTY]);
  });

  test('leaving withRunSlot its result, and telling its function', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const work = async ({ signal }: { readonly signal: AbortSignal }) => {
      await clock.advance(1_000);
      return [signal.reason, limiter.getStatus().activeRuns];
    };
    const result = await limiter.withRunSlot('s1', work, LEASE);
    expect(result).toMatchObject([{ name: 'SlotLostError', code: 'expired' }, 0]);
  });

  test('ending nothing while the limiter is suspended, and all of it afterwards', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    await ask(limiter, ['s1', 'r1', LEASE]);
    await sys.suspend(limiter.ref);
    await clock.advance(1_500);
    expect(limiter.getStatus().activeRuns).toBe(1);
    await sys.resume(limiter.ref);
    // It may take the late service for a jump of the clock, and wait for renewals.
    await clock.advance(2_000);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test.each([new Error('crash'), 'kill'] as const)(
    'coming at its time in spite of a restart after %s',
    async (reason) => {
      await using world = await timed();
      const { limiter, clock } = world;
      const slot = await ask(limiter, ['s1', 'r1', LEASE]);
      await clock.advance(600);
      exit(limiter.ref, reason);
      await clock.advance(399);
      expect(lossOf(slot)).toBe(undefined);
      await clock.advance(1);
      expect(lossOf(slot)).toBe('expired');
    },
  );
});

describe('a lease that cannot be', () => {
  test.each([0, -1, NaN, -Infinity, '10', null, true, {}])('being refused: %o', async (leaseMs) => {
    await using limiter = await start();
    const options = { leaseMs } as unknown as AcquireOptions; // as a program in JavaScript may
    const asked = [
      limiter.acquireSessionSlot('s1', options),
      limiter.acquireRunSlot('s1', 'r1', options),
      limiter.withRunSlot('s1', () => {}, options),
    ];
    for (const { code, message } of await Promise.all(asked.map(faultOf))) {
      expect([code, message]).toEqual(['invalid_option', expect.stringContaining('leaseMs')]);
    }
    for (const runId of [undefined, 'r1']) {
      expect(() => tryAsk(limiter, ['s1', runId, options])).toThrow(
        expect.objectContaining({ code: 'invalid_option' }),
      );
    }
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('being as short as can be otherwise', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const slot = await ask(limiter, ['s1', 'r1', { leaseMs: 0.5 }]);
    expect(lossOf(slot)).toBe(undefined);
    await clock.advance(1);
    expect(lossOf(slot)).toBe('expired');
  });
});

describe('a crash of the limiter in the midst', () => {
  test('changing nothing of what expires', async () => {
    const { trace, points } = await expectNoCrashSeen(async (faultPoints) => {
      const clock = new SimulatedClock();
      const options = { clock, faultPoints, restartIntensity: MANY_RESTARTS };
      await using limiter = await start({ maxParallelRuns: 3 }, options);
      const held = [
        await ask(limiter, ['s1', undefined, LEASE]),
        await ask(limiter, ['s1', 'r1', LEASE]),
        await ask(limiter, ['s2', 'r2', LEASE]),
        await ask(limiter, ['s2', 'r3', { leaseMs: 5_000 }]),
      ];
      const waiting = ['r4', 'r5', 'r6'].map((id) => wait(limiter, ['s2', id, LEASE]));
      using recorder = recordEvents([...LIMITER_EVENTS]);
      await underFire(faultPoints, () => clock.advance(1_000));
      const granted = { told: outcomes(waiting), now: counts(limiter) };
      await clock.advance(1_000);
      const later = { losses: held.slice(2).map(lossOf), now: counts(limiter) };
      return { granted, later, events: eventsBySlot(recorder.events) };
    });
    expect(points).toBeGreaterThan(0);
    expect(trace.granted).toEqual({
      told: ['granted', 'granted', 'waiting'],
      now: { ...EMPTY, activeRuns: 3, waitingRuns: 1 },
    });
    expect(trace.later).toEqual({
      losses: ['expired', undefined],
      now: { ...EMPTY, activeRuns: 2 },
    });
  });

  test('changing nothing of a renewal', async () => {
    const { trace } = await expectNoCrashSeen(async (faultPoints) => {
      const clock = new SimulatedClock();
      const options = { clock, faultPoints, restartIntensity: MANY_RESTARTS };
      await using limiter = await start({}, options);
      const slot = await ask(limiter, ['s1', 'r1', LEASE]);
      await clock.advance(600);
      const renewals = await underFire(faultPoints, () => [
        attempt(limiter.renewRunSlot('r1', slot.token)),
        attempt(limiter.renewRunSlot('r1', slot.token + 1)),
      ]);
      const seen = [...outcomes(renewals)];
      for (const ms of [999, 1]) {
        await clock.advance(ms);
        seen.push(String(lossOf(slot)));
      }
      return seen;
    });
    expect(trace).toEqual(['granted', 'stale_token', 'undefined', 'expired']);
  });
});
