/**
 * Holders: a slot ends when the server, the actor or the signal that holds it goes down, and so does the
 * wait for one. Who holds what several have asked for: holder-joins.test.ts; who
 * listens to holders: holder-listeners.test.ts.
 */
import { describe, expect, test } from 'vitest';
import { exit, stopServer, sys } from '../../../src/index.ts';
import { recordEvents, SimulatedClock, settle } from '../../../src/testing.ts';
import {
  type AcquireOptions,
  ask,
  attempt,
  counts,
  EMPTY,
  LIMITER_EVENTS,
  lossOf,
  NOTHING_RELEASED,
  outcomes,
  PATIENT,
  saidOf,
  start,
  tryAsk,
  wait,
} from '../../support/callers.ts';
import { expectNoCrashSeen, MANY_RESTARTS, underFire } from '../../support/crash-points.ts';
import { eventsBySlot } from '../../support/crashes.ts';
import { HOLDERS } from '../../support/holders.ts';
import { faultOf } from '../../support/servers.ts';
import { World } from '../../support/trees.ts';

describe.each(HOLDERS)('%s', (_name, live) => {
  test('losing all its slots as holder_down, and nobody else any', async () => {
    await using limiter = await start();
    const { holder, end } = await live();
    const own = [
      await ask(limiter, ['s1', undefined, { holder }]),
      await ask(limiter, ['s2', 'r1', { holder }]),
      await ask(limiter, ['s3', 'r2', { holder }]),
    ];
    const other = await ask(limiter, ['s2', 'r3']);
    await end();
    await settle();
    expect(own.map(lossOf)).toEqual(['holder_down', 'holder_down', 'holder_down']);
    expect(lossOf(other)).toBe(undefined);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('leaving all its waits as withdrawn, and nobody else his', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxParallelSessions: 1 });
    const { holder, end } = await live();
    const held = [await ask(limiter, ['s1']), await ask(limiter, ['s1', 'r1'])];
    const own = [
      wait(limiter, ['s2', undefined, { holder }]),
      wait(limiter, ['s2', 'r2', { holder }]),
      wait(limiter, ['s1', 'r3', { holder, waitTimeoutMs: 1_000 }]),
    ];
    const other = wait(limiter, ['s1', 'r4']);
    await end();
    await settle();
    expect(own.map(saidOf)).toEqual(Array(3).fill({ code: 'withdrawn', retryable: false }));
    expect(other.outcome).toBe('waiting');
    expect(held.map(lossOf)).toEqual([undefined, undefined]);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1, waitingRuns: 1 });
  });

  test('getting nothing when it is down already', async () => {
    await using limiter = await start();
    const { holder, end } = await live();
    await end();
    await settle();
    using recorder = recordEvents([...LIMITER_EVENTS]);
    const before = limiter.getStatus();
    const called: unknown[] = [];
    const asked = [
      limiter.acquireSessionSlot('s1', { holder }),
      limiter.acquireRunSlot('s1', 'r1', { holder, ...PATIENT }),
      limiter.withRunSlot('s1', (slot) => called.push(slot), { holder }),
    ];
    const codes = (await Promise.all(asked.map(faultOf))).map(({ code }) => code);
    expect(codes).toEqual(['noproc', 'noproc', 'noproc']);
    for (const runId of [undefined, 'r1']) {
      expect(() => tryAsk(limiter, ['s1', runId, { holder }])).toThrow(
        expect.objectContaining({ name: 'SlotkeeperError', code: 'noproc' }),
      );
    }
    expect([called, recorder.events]).toEqual([[], []]);
    expect(limiter.getStatus()).toBe(before);
  });

  test('losing what it had acquired synchronously', async () => {
    await using limiter = await start();
    const { holder, end } = await live();
    const slots = [undefined, 'r1'].map((runId) => tryAsk(limiter, ['s1', runId, { holder }]));
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1 });
    await end();
    await settle();
    expect(slots).toHaveLength(2);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('being no holder any more of what was released before', async () => {
    await using limiter = await start();
    const { holder, end } = await live();
    const first = await ask(limiter, ['s1', 'r1', { holder }]);
    const { signal } = first;
    await first.release();
    const second = await ask(limiter, ['s1', 'r1']);
    await end();
    await settle();
    expect([signal.aborted, lossOf(second)]).toEqual([false, undefined]);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });
});

describe('the end of a holder', () => {
  test('ending all in one turn, and giving the room to others in it', async () => {
    await using limiter = await start({ maxParallelRuns: 3 });
    const controller = new AbortController();
    const holder = controller.signal;
    const ids = ['r1', 'r2', 'r3'];
    const held = await Promise.all(ids.map((id) => ask(limiter, ['s1', id, { holder }])));
    const own = wait(limiter, ['s1', 'r4', { holder, priority: 9 }]);
    const others = ['r5', 'r6'].map((id) => wait(limiter, ['s2', id]));
    const seen: unknown[] = [];
    for (const { signal } of held) {
      signal.addEventListener('abort', () => seen.push(counts(limiter)));
    }
    controller.abort();
    await settle();
    expect(seen).toEqual(Array(3).fill({ ...EMPTY, activeRuns: 2 }));
    expect(outcomes([own, ...others])).toEqual(['withdrawn', 'granted', 'granted']);
  });

  test('giving the room of an owner and a kind by priority', async () => {
    await using limiter = await start({ maxRunsPerOwner: 1, maxRunsPerKind: { exec: 2 } });
    const controller = new AbortController();
    const alice = { owner: 'alice', kind: 'exec' };
    await ask(limiter, ['s1', 'r1', { ...alice, holder: controller.signal }]);
    const low = wait(limiter, ['s1', 'low', alice]);
    const high = wait(limiter, ['s1', 'high', { ...alice, priority: 1 }]);
    controller.abort();
    await settle();
    expect(outcomes([low, high])).toEqual(['waiting', 'granted']);
  });

  test('withdrawing the calls that were not decided yet', async () => {
    await using limiter = await start();
    const controller = new AbortController();
    const holder = controller.signal;
    await sys.suspend(limiter.ref);
    const asked = [
      attempt(limiter.acquireSessionSlot('s1', { holder })),
      attempt(limiter.acquireRunSlot('s1', 'r1', { holder })),
      wait(limiter, ['s1', 'r2', { holder }]),
    ];
    const other = attempt(limiter.acquireRunSlot('s1', 'r3'));
    controller.abort();
    await sys.resume(limiter.ref);
    await settle();
    expect(outcomes(asked)).toEqual(['withdrawn', 'withdrawn', 'withdrawn']);
    expect(other.outcome).toBe('granted');
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('ending nothing while the limiter is suspended', async () => {
    await using limiter = await start();
    const controller = new AbortController();
    const slot = await ask(limiter, ['s1', 'r1', { holder: controller.signal }]);
    await sys.suspend(limiter.ref);
    controller.abort();
    await settle();
    expect([lossOf(slot), limiter.getStatus().activeRuns]).toEqual([undefined, 1]);
    await sys.resume(limiter.ref);
    await settle();
    expect([lossOf(slot), limiter.getStatus().activeRuns]).toEqual(['holder_down', 0]);
  });

  test('being seen by the next incarnation, when it comes while the limiter is down', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const controller = new AbortController();
    const holder = controller.signal;
    const slot = await ask(limiter, ['s1', 'r1', { holder }]);
    const own = wait(limiter, ['s1', 'r2', { holder }]);
    const other = wait(limiter, ['s1', 'r3']);
    exit(limiter.ref, new Error('crash'));
    const undecided = wait(limiter, ['s1', 'r4', { holder }]);
    controller.abort();
    await settle();
    expect(lossOf(slot)).toBe('holder_down');
    expect(outcomes([own, undecided, other])).toEqual(['withdrawn', 'withdrawn', 'granted']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('being seen after restarts that it had no part in', async () => {
    await using limiter = await start();
    const controller = new AbortController();
    const slot = await ask(limiter, ['s1', 'r1', { holder: controller.signal }]);
    for (const reason of [new Error('crash'), 'kill'] as const) {
      exit(limiter.ref, reason);
      await settle();
    }
    expect(lossOf(slot)).toBe(undefined);
    controller.abort();
    await settle();
    expect(lossOf(slot)).toBe('holder_down');
  });

  test('telling the facts of each end, and of each wait that it ends', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxRunsPerKind: { exec: 1 } }, { clock });
    const controller = new AbortController();
    const options = { owner: 'alice', kind: 'exec', holder: controller.signal };
    const { token } = await ask(limiter, ['s1', 'r1', options]);
    wait(limiter, ['s1', 'r2', options]);
    await clock.advance(700);
    using recorder = recordEvents([...LIMITER_EVENTS]);
    controller.abort();
    await settle();
    const facts = { sessionId: 's1', owner: 'alice', kind: 'exec' };
    const ended = { type: 'run_slot_ended', runId: 'r1', reason: 'holder_down', heldMs: 700 };
    const refused = { type: 'run_slot_refused', runId: 'r2', code: 'withdrawn', waitedMs: 700 };
    expect(eventsBySlot(recorder.events)).toEqual({
      's1/r1': [{ ...facts, ...ended, note: undefined }],
      's1/r2': [{ ...facts, ...refused }],
    });
    expect(recorder.events).toContainEqual(expect.objectContaining({ type: ended.type, token }));
  });

  test('leaving a late release of its handle without an effect', async () => {
    await using limiter = await start();
    const controller = new AbortController();
    const slot = await ask(limiter, ['s1', 'r1', { holder: controller.signal }]);
    controller.abort();
    await settle();
    const next = await ask(limiter, ['s1', 'r1']);
    expect(await slot.release()).toEqual(NOTHING_RELEASED);
    expect(next.token).toBeGreaterThan(slot.token);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('aborting the signal of withRunSlot, whose result is still that of its function', async () => {
    await using limiter = await start();
    const controller = new AbortController();
    const work = async ({ signal }: { readonly signal: AbortSignal }) => {
      controller.abort();
      await settle();
      return [signal.reason, limiter.getStatus().activeRuns];
    };
    const result = await limiter.withRunSlot('s1', work, { holder: controller.signal });
    expect(result).toMatchObject([{ name: 'SlotLostError', code: 'holder_down' }, 0]);
  });
});

describe('a session whose holder goes down', () => {
  test('taking its runs with it as cascade, and its waiting runs as session_released', async () => {
    await using limiter = await start({ maxParallelRuns: 2 });
    const controller = new AbortController();
    const session = await ask(limiter, ['s1', undefined, { holder: controller.signal }]);
    const run = await ask(limiter, ['s1', 'r1']);
    const elsewhere = await ask(limiter, ['s2', 'r2']);
    const waiting = [wait(limiter, ['s1', 'r3']), wait(limiter, ['s2', 'r4'])];
    controller.abort();
    await settle();
    expect([session, run, elsewhere].map(lossOf)).toEqual(['holder_down', 'cascade', undefined]);
    expect(outcomes(waiting)).toEqual(['session_released', 'granted']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 2 });
  });

  test('ending each of its runs once, also those that it holds itself', async () => {
    await using limiter = await start();
    const controller = new AbortController();
    const holder = controller.signal;
    await ask(limiter, ['s1', undefined, { holder }]);
    await ask(limiter, ['s1', 'r1', { holder }]);
    await ask(limiter, ['s1', 'r2']);
    using recorder = recordEvents(['session_slot_ended', 'run_slot_ended']);
    controller.abort();
    await settle();
    const ends = Object.values(eventsBySlot(recorder.events));
    expect(ends.map((events) => events.length)).toEqual([1, 1, 1]);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('leaving the session when only a run has the holder', async () => {
    await using limiter = await start();
    const controller = new AbortController();
    const session = await ask(limiter, ['s1']);
    const sibling = await ask(limiter, ['s1', 'r2']);
    await ask(limiter, ['s1', 'r1', { holder: controller.signal }]);
    controller.abort();
    await settle();
    expect([session, sibling].map(lossOf)).toEqual([undefined, undefined]);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1 });
  });
});

describe('a server that is restarted', () => {
  test('being another holder after it', async () => {
    await using limiter = await start();
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const holder = world.ref('a');
    const first = await ask(limiter, ['s1', 'r1', { holder }]);
    await world.crash('a');
    const second = await ask(limiter, ['s1', 'r2', { holder }]);
    expect([first, second].map(lossOf)).toEqual(['holder_down', undefined]);
    await world.crash('a');
    expect(lossOf(second)).toBe('holder_down');
    await stopServer(top);
  });

  test('being nobody under a name that nobody has', async () => {
    await using limiter = await start();
    const asked = limiter.acquireRunSlot('s1', 'r1', { holder: new World().ref('nobody') });
    expect((await faultOf(asked)).code).toBe('noproc');
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

describe('a holder that is none', () => {
  const wrong = [null, 5, 'me', true, {}, [], () => {}, new EventTarget(), Promise.resolve()];

  test.each(wrong)('being refused: %o', async (holder) => {
    await using limiter = await start();
    const options = { holder } as unknown as AcquireOptions; // as a program in JavaScript may
    const called: unknown[] = [];
    const asked = [
      limiter.acquireSessionSlot('s1', options),
      limiter.acquireRunSlot('s1', 'r1', options),
      limiter.withRunSlot('s1', (slot) => called.push(slot), options),
    ];
    for (const { code, message } of await Promise.all(asked.map(faultOf))) {
      expect([code, message]).toEqual(['invalid_option', expect.stringContaining('holder')]);
    }
    for (const runId of [undefined, 'r1']) {
      expect(() => tryAsk(limiter, ['s1', runId, options])).toThrow(
        expect.objectContaining({ code: 'invalid_option' }),
      );
    }
    expect([called, counts(limiter)]).toEqual([[], EMPTY]);
  });
});

describe('a crash of the limiter in the midst', () => {
  test('changing nothing of the end of a holder', async () => {
    const { trace, points } = await expectNoCrashSeen(async (faultPoints) => {
      const options = { faultPoints, restartIntensity: MANY_RESTARTS };
      await using limiter = await start({ maxParallelRuns: 4 }, options);
      const controller = new AbortController();
      const holder = controller.signal;
      const held = [
        await ask(limiter, ['s1', undefined, { holder }]),
        await ask(limiter, ['s1', 'r1']),
        await ask(limiter, ['s2', 'r2', { holder }]),
        await ask(limiter, ['s2', 'r3', { holder }]),
        await ask(limiter, ['s2', 'r4']),
      ];
      const waiting = [
        wait(limiter, ['s2', 'r5', { holder }]),
        wait(limiter, ['s1', 'r6']),
        ...['r7', 'r8', 'r9', 'r10'].map((id) => wait(limiter, ['s3', id])),
      ];
      using recorder = recordEvents([...LIMITER_EVENTS]);
      await underFire(faultPoints, () => controller.abort());
      const events = eventsBySlot(recorder.events);
      return { losses: held.map(lossOf), told: outcomes(waiting), events, now: counts(limiter) };
    });
    expect(points).toBeGreaterThan(0);
    const down = 'holder_down';
    expect(trace.losses).toEqual([down, 'cascade', down, down, undefined]);
    const granted = Array(3).fill('granted');
    expect(trace.told).toEqual(['withdrawn', 'session_released', ...granted, 'waiting']);
    expect(trace.now).toEqual({ ...EMPTY, activeRuns: 4, waitingRuns: 1 });
  });

  test('losing no holder of a slot that was being granted', async () => {
    const { trace, points } = await expectNoCrashSeen(async (faultPoints) => {
      const options = { faultPoints, restartIntensity: MANY_RESTARTS };
      await using limiter = await start({ maxParallelRuns: 1 }, options);
      const [first, second] = [new AbortController(), new AbortController()];
      const asked = await underFire(faultPoints, () => [
        wait(limiter, ['s1', 'r1', { holder: first.signal }]),
        wait(limiter, ['s1', 'r2', { holder: second.signal }]),
      ]);
      const seen = [outcomes(asked)];
      await underFire(faultPoints, () => first.abort());
      seen.push(outcomes(asked));
      second.abort();
      await settle();
      return { seen, now: counts(limiter) };
    });
    expect(points).toBeGreaterThan(0);
    expect(trace.seen.flat()).toEqual(['granted', 'waiting', 'granted', 'granted']);
    expect(trace.now).toEqual(EMPTY);
  });
});
