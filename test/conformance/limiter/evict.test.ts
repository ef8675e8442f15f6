/**
 * Evicting: an operator ends a run, held or waiting, and says why.
 */
import { describe, expect, test } from 'vitest';
import { exit, SlotLostError } from '../../../src/index.ts';
import { recordEvents, SimulatedClock, settle } from '../../../src/testing.ts';
import {
  ask,
  attempt,
  counts,
  EMPTY,
  LIMITER_EVENTS,
  lossOf,
  NOTHING_RELEASED,
  outcomes,
  saidOf,
  start,
  wait,
} from '../../support/callers.ts';
import { expectNoCrashSeen, MANY_RESTARTS, underFire } from '../../support/crash-points.ts';
import { eventsBySlot } from '../../support/crashes.ts';
import { faultOf } from '../../support/servers.ts';

const ONE_RUN = { sessions: 0, runs: 1, waiters: 0 };
const ONE_WAITER = { sessions: 0, runs: 0, waiters: 1 };

describe('evict', () => {
  test('ending a run that is held, with its signal', async () => {
    await using limiter = await start();
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    const { signal } = slot;
    expect(await limiter.evict('r1', 'it hangs')).toEqual(ONE_RUN);
    expect(signal.reason).toBeInstanceOf(SlotLostError);
    expect(signal.reason).toMatchObject({ code: 'evicted' });
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('telling every handle of the grant, also one that looks later', async () => {
    await using limiter = await start();
    const slots = [await ask(limiter, ['s1', 'r1']), await ask(limiter, ['s1', 'r1'])];
    await limiter.evict('r1', 'it hangs');
    expect(slots.map(lossOf)).toEqual(['evicted', 'evicted']);
  });

  test('giving the room to who waits before the signal aborts', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const { signal } = await limiter.acquireRunSlot('s1', 'r1');
    const low = wait(limiter, ['s1', 'low']);
    const high = wait(limiter, ['s2', 'high', { priority: 1 }]);
    const seen: unknown[] = [];
    signal.addEventListener('abort', () => seen.push(counts(limiter)));
    await limiter.evict('r1', 'it hangs');
    await settle();
    expect(outcomes([low, high])).toEqual(['waiting', 'granted']);
    expect(seen).toEqual([{ ...EMPTY, activeRuns: 1, waitingRuns: 1 }]);
  });

  test('withdrawing an id that waits, with all who have joined it', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const waiting = [1, 2, 3].map(() => wait(limiter, ['s1', 'r2']));
    expect(await limiter.evict('r2', 'not now')).toEqual(ONE_WAITER);
    await settle();
    expect(waiting.map(saidOf)).toEqual(Array(3).fill({ code: 'withdrawn', retryable: false }));
    expect(lossOf(held)).toBe(undefined);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('finding nothing under an id that is unknown, released or evicted', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireRunSlot('s1', 'r2');
    await limiter.releaseRunSlot('r1');
    await limiter.evict('r2', 'once');
    using recorder = recordEvents([...LIMITER_EVENTS]);
    for (const id of ['r1', 'r2', 'nobody']) {
      expect(await limiter.evict(id, 'again')).toEqual(NOTHING_RELEASED);
    }
    expect(recorder.events).toEqual([]);
  });

  test('being of runs: a session of the same id is left alone, and so are its other runs', async () => {
    await using limiter = await start();
    const session = await limiter.acquireSessionSlot('same');
    const other = await limiter.acquireRunSlot('same', 'other');
    expect(await limiter.evict('same', 'no run')).toEqual(NOTHING_RELEASED);
    await limiter.acquireRunSlot('same', 'same');
    expect(await limiter.evict('same', 'a run')).toEqual(ONE_RUN);
    expect([session, other].map(lossOf)).toEqual([undefined, undefined]);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1 });
  });

  test('leaving a late release of the handle without an effect', async () => {
    await using limiter = await start();
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    await limiter.evict('r1', 'it hangs');
    const next = await limiter.acquireRunSlot('s1', 'r1');
    expect(await slot.release()).toEqual(NOTHING_RELEASED);
    expect(lossOf(next)).toBe(undefined);
  });

  test('leaving withRunSlot its result, and telling its function', async () => {
    await using limiter = await start();
    const result = limiter.withRunSlot('s1', async ({ runId, signal }) => {
      await limiter.evict(runId, 'it hangs');
      return signal.reason;
    });
    expect(await result).toMatchObject({ name: 'SlotLostError', code: 'evicted' });
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('taking the lease with it', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await limiter.acquireRunSlot('s1', 'r1', { leaseMs: 1_000 });
    await limiter.evict('r1', 'it hangs');
    const next = await limiter.acquireRunSlot('s1', 'r1');
    using recorder = recordEvents([...LIMITER_EVENTS]);
    await clock.advance(5_000);
    expect([lossOf(next), recorder.events]).toEqual([undefined, []]);
  });
});

describe('the reason of an eviction', () => {
  test('standing in the event as a note, which no other end has', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await limiter.acquireSessionSlot('s1');
    const facts = { owner: 'alice', kind: 'exec' };
    const { token } = await limiter.acquireRunSlot('s1', 'r1', facts);
    await limiter.acquireRunSlot('s1', 'r2');
    await limiter.acquireRunSlot('s1', 'r3');
    const own = await limiter.acquireRunSlot('s1', 'r4');
    await clock.advance(250);
    using recorder = recordEvents(['run_slot_ended']);
    await limiter.evict('r1', 'it hangs');
    await own.release();
    await limiter.releaseRunSlot('r2');
    await limiter.releaseSessionSlot('s1');
    const told = recorder.events.map((event) =>
      event.type === 'run_slot_ended' ? [event.runId, event.reason, event.note] : event,
    );
    expect(recorder.events[0]).toEqual({
      type: 'run_slot_ended',
      sessionId: 's1',
      runId: 'r1',
      token,
      ...facts,
      reason: 'evicted',
      note: 'it hangs',
      heldMs: 250,
    });
    expect(told).toEqual([
      ['r1', 'evicted', 'it hangs'],
      ['r4', 'released', undefined],
      ['r2', 'released', undefined],
      ['r3', 'cascade', undefined],
    ]);
  });

  test('being withdrawn in the event of each who has waited', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    for (let joiner = 0; joiner < 2; joiner++) wait(limiter, ['s1', 'r2']);
    using recorder = recordEvents([...LIMITER_EVENTS]);
    await limiter.evict('r2', 'not now');
    await settle();
    const refused = { type: 'run_slot_refused', runId: 'r2', code: 'withdrawn' };
    expect(recorder.events).toMatchObject([refused, refused]);
  });

  test.each(['x', 'x'.repeat(256), ' ', 'two\nlines'])('being a string: %o', async (reason) => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    using recorder = recordEvents(['run_slot_ended']);
    expect(await limiter.evict('r1', reason)).toEqual(ONE_RUN);
    expect(recorder.events).toMatchObject([{ note: reason }]);
  });

  test.each(['', 'x'.repeat(257), 5, null, undefined, {}, ['it hangs']])(
    'not being %o',
    async (reason) => {
      await using limiter = await start();
      const slot = await limiter.acquireRunSlot('s1', 'r1');
      const evicted = limiter.evict('r1', reason as string); // wrong on purpose
      const fault = await faultOf(evicted);
      expect([fault.code, lossOf(slot)]).toEqual(['invalid_option', undefined]);
      expect(fault.message).toContain('reason');
      expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
    },
  );

  test.each(['', 'x'.repeat(257), 'a\u0000b', '\ud800', 7, undefined, null])(
    'being of no use with the id %o',
    async (id) => {
      await using limiter = await start();
      const evicted = limiter.evict(id as string, 'it hangs'); // wrong on purpose
      expect((await faultOf(evicted)).code).toBe('invalid_id');
    },
  );
});

describe('an eviction and crashes', () => {
  test('being answered by the next incarnation', async () => {
    await using limiter = await start();
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    exit(limiter.ref, new Error('crash'));
    const evicted = attempt(limiter.evict('r1', 'it hangs'));
    await settle();
    expect([evicted.value, lossOf(slot)]).toEqual([ONE_RUN, 'evicted']);
  });

  test.each([
    ['a run that is held', 'r1', ONE_RUN, ['granted', 'waiting']],
    ['a run that waits', 'r3', ONE_WAITER, ['withdrawn', 'waiting']],
    ['a run that is unknown', 'nobody', NOTHING_RELEASED, ['waiting', 'waiting']],
  ])('being as without a crash: of %s', async (_what, id, report, told) => {
    const { trace } = await expectNoCrashSeen(async (faultPoints) => {
      const options = { faultPoints, restartIntensity: MANY_RESTARTS };
      await using limiter = await start({ maxParallelRuns: 2 }, options);
      const held = [await ask(limiter, ['s1', 'r1']), await ask(limiter, ['s1', 'r2'])];
      const waiting = ['r3', 'r4'].map((runId) => wait(limiter, ['s1', runId]));
      using recorder = recordEvents([...LIMITER_EVENTS]);
      const evicted = await underFire(faultPoints, () => limiter.evict(id, 'it hangs'));
      const events = eventsBySlot(recorder.events);
      return { evicted, losses: held.map(lossOf), told: outcomes(waiting), events };
    });
    expect(trace.evicted).toEqual(report);
    expect(trace.losses).toEqual([id === 'r1' ? 'evicted' : undefined, undefined]);
    expect(trace.told).toEqual(told);
  });
});
