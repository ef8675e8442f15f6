/**
 * What the guides promise at the edges (`docs/limiter.md`, `docs/semantics.md`) and no other file of this
 * suite has: who goes before whom in the mailbox, a loop that was blocked, an actor that is ended by
 * others, and calls past the limiter's functions.
 */
import { describe, expect, test } from 'vitest';
import { call, exit, stopServer, sys } from '../../../src/index.ts';
import { CrashAt, recordEvents, SimulatedClock, settle } from '../../../src/testing.ts';
import {
  attempt,
  counts,
  EMPTY,
  lossOf,
  outcomes,
  refusalOf,
  start,
  wait,
} from '../../support/callers.ts';
import { faultOf } from '../../support/servers.ts';

const ONE_RUN = { sessions: 0, runs: 1, waiters: 0 };

describe('the order of the mailbox', () => {
  test('releasing by id what was asked for before in the same tick, also when both wait', async () => {
    await using limiter = await start();
    await sys.suspend(limiter.ref);
    const asked = limiter.acquireRunSlot('s1', 'r1');
    const released = limiter.releaseRunSlot('r1');
    await sys.resume(limiter.ref);
    expect([lossOf(await asked), await released]).toEqual(['released', ONE_RUN]);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('releasing by id after an acquire that was sent before, which finds no room', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    await sys.suspend(limiter.ref);
    const asked = attempt(limiter.acquireRunSlot('s1', 'r2'));
    const released = limiter.releaseRunSlot('r1');
    await sys.resume(limiter.ref);
    expect(await released).toEqual(ONE_RUN);
    await settle();
    expect(asked.outcome).toBe('max_runs_exceeded');
  });

  test('releasing through a handle before an acquire that was sent before', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    await sys.suspend(limiter.ref);
    const asked = attempt(limiter.acquireRunSlot('s1', 'r2'));
    const released = held.release();
    await sys.resume(limiter.ref);
    expect(await released).toEqual(ONE_RUN);
    await settle();
    expect(asked.outcome).toBe('granted');
  });
});

describe('withRunSlot at a free slot', () => {
  test('having begun the function when it returns', async () => {
    await using limiter = await start();
    const seen: string[] = [];
    const running = limiter.withRunSlot('s1', () => seen.push('function'));
    seen.push('caller');
    await running;
    expect(seen).toEqual(['function', 'caller']);
  });
});

/** A clock on which time can pass without its timers firing, as when the event loop is blocked. */
class BlockableClock extends SimulatedClock {
  blockedMs = 0;

  override monotonicNow(): number {
    return super.monotonicNow() + this.blockedMs;
  }
}

describe('an event loop that was blocked beyond a deadline', () => {
  test('giving the slot to who can still wait, and telling the other, naming no limit', async () => {
    const clock = new BlockableClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    const held = await limiter.acquireRunSlot('s1', 'r0');
    const hasty = wait(limiter, ['s1', 'r1', { waitTimeoutMs: 100 }]);
    const patient = wait(limiter, ['s1', 'r2']);
    clock.blockedMs = 101;
    using recorder = recordEvents(['run_slot_refused']);
    await held.release();
    await settle();
    expect(outcomes([hasty, patient])).toEqual(['wait_timeout', 'granted']);
    expect(hasty.error).toMatchObject({ limit: undefined, active: undefined });
    expect(recorder.events).toMatchObject([{ runId: 'r1', code: 'wait_timeout' }]);
  });
});

describe('what publishes no refusal', () => {
  test('a call that was never decided, in whatever way it ends', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    using recorder = recordEvents(['run_slot_refused']);
    const controller = new AbortController();
    await sys.suspend(limiter.ref);
    const asked = [
      attempt(limiter.acquireRunSlot('s1', 'r1', { signal: controller.signal })),
      attempt(limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: 10 })),
      attempt(limiter.acquireRunSlot('s1', 'r3')),
    ];
    expect(await refusalOf(limiter.tryAcquireRunSlot('s1', 'r4'))).toMatchObject({
      code: 'unavailable',
    });
    controller.abort('gone');
    await clock.advance(5_000);
    await sys.resume(limiter.ref);
    await settle();
    expect(outcomes(asked)).toEqual(['gone', 'wait_timeout', 'call_timeout']);
    expect(recorder.events).toEqual([]);
  });

  test('a wait that the stop ends: that is a fault', async () => {
    const limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    wait(limiter, ['s1', 'r2']);
    using recorder = recordEvents(['run_slot_refused', 'run_slot_ended']);
    await limiter.stop();
    expect(recorder.events).toMatchObject([{ type: 'run_slot_ended', reason: 'stopped' }]);
  });
});

describe("the end of the limiter's actor", () => {
  test.each(['shutdown', 'a stop'])('being a restart as after a crash: %s', async (reason) => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    if (reason === 'shutdown') exit(limiter.ref, 'shutdown');
    else await stopServer(limiter.ref);
    await settle();
    expect(limiter.getStatus()).toMatchObject({ state: 'accepting', activeRuns: 1, restarts: 1 });
  });

  test('showing recovering until the next incarnation serves', async () => {
    await using limiter = await start();
    exit(limiter.ref, new Error('crash'));
    const state = limiter.getStatus().state;
    const answer = await refusalOf(limiter.tryAcquireRunSlot('s1', 'r1'));
    expect([state, answer.code]).toEqual(['recovering', 'unavailable']);
  });

  test('ending what is held as stopped when its supervisor gives up', async () => {
    const restartIntensity = { restarts: 1, withinMs: 5_000 };
    await using limiter = await start({}, { restartIntensity });
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    using recorder = recordEvents(['run_slot_ended']);
    for (const crash of ['first', 'second']) {
      exit(limiter.ref, new Error(crash));
      await settle();
    }
    expect([lossOf(slot), counts(limiter)]).toEqual(['stopped', EMPTY]);
    expect(recorder.events).toMatchObject([{ runId: 'r1', reason: 'stopped' }]);
    expect(() => limiter.tryAcquireRunSlot('s1', 'r2')).toThrow(
      expect.objectContaining({ code: 'noproc' }),
    );
    expect((await faultOf(limiter.setLimits({ maxParallelRuns: 1 }))).code).toBe('noproc');
  });

  test('telling open releases server_down when its supervisor gives up; the slot has ended', async () => {
    const faultPoints = new CrashAt();
    await using limiter = await start({}, { faultPoints });
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    faultPoints.arm('before', 'decide', Infinity);
    const releases = [attempt(slot.release()), attempt(limiter.releaseRunSlot('r1'))];
    const block = attempt(slot[Symbol.asyncDispose]());
    await settle();
    expect(outcomes([...releases, block])).toEqual(['server_down', 'server_down', 'granted']);
    expect([lossOf(slot), limiter.getStatus().state]).toEqual(['stopped', 'stopped']);
  });

  test('showing nothing new after a kill, until the next incarnation serves', async () => {
    await using limiter = await start();
    exit(limiter.ref, 'kill');
    expect(limiter.getStatus()).toMatchObject({ state: 'accepting', restarts: 0 });
    await settle();
    expect(limiter.getStatus()).toMatchObject({ state: 'accepting', restarts: 1 });
  });

  test('granting nobody on the account of tables that disagree with themselves', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    const { tables } = (await sys.getState(limiter.ref)) as { tables: { waitingRuns: number } };
    tables.waitingRuns += 1;
    exit(limiter.ref, new Error('crash'));
    await settle();
    expect([waiting.outcome, limiter.getStatus().state]).toEqual(['server_down', 'stopped']);
  });
});

describe('a call past the limiter', () => {
  test.each([
    ['acquire_run', 'not_a_client'],
    ['anything', 'unexpected_request'],
  ])('being rejected, and changing nothing: %s', async (type, code) => {
    await using limiter = await start();
    const request = { type, sessionId: 's1', runId: 'r1' } as never; // the types know of no such call
    const asked = call(limiter.ref, request);
    expect((await faultOf(asked)).code).toBe(code);
    expect(counts(limiter)).toEqual(EMPTY);
    expect(limiter.getStatus().restarts).toBe(0);
  });
});

describe('what is checked first', () => {
  test('the options, then the ids, then the signal, then whether anybody decides', async () => {
    const limiter = await start();
    await limiter.stop();
    const signal = AbortSignal.abort('aborted');
    const wrong = { priority: 0.5, signal };
    const asked = [
      attempt(limiter.acquireRunSlot('', '', wrong)),
      attempt(limiter.acquireRunSlot('', '', { signal })),
      attempt(limiter.acquireRunSlot('s1', 'r1', { signal })),
      attempt(limiter.acquireRunSlot('s1', 'r1')),
    ];
    await settle();
    expect(outcomes(asked)).toEqual(['invalid_option', 'invalid_id', 'aborted', 'stopped']);
  });
});
