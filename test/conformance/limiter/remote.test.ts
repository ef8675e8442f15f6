/**
 * A limiter that is asked from other threads. `npm test` builds first: a worker on Node 20 runs the
 * built package. How threads end: remote-ends.test.ts; what goes through a port: remote-ports.test.ts.
 */
import { describe, expect, test } from 'vitest';
import { exit, onEvent, sys } from '../../../src/index.ts';
import { SimulatedClock } from '../../../src/testing.ts';
import {
  attempt,
  counts,
  EMPTY,
  type Limiter,
  lossOf,
  NOTHING_RELEASED,
  refusalOf,
  start,
} from '../../support/callers.ts';
import { happens } from '../../support/happenings.ts';
import { RemoteThread, type ToldSlot } from '../../support/remote-thread.ts';
import { faultOf } from '../../support/servers.ts';

const FOR_EVER = { waitTimeoutMs: Infinity };

/** A limiter on a clock that stands still, and a thread that asks it. */
async function connected(limits: Parameters<typeof start>[0] = {}) {
  const clock = new SimulatedClock();
  const limiter = await start(limits, { clock });
  const thread = await RemoteThread.connect(limiter);
  const dispose = async (): Promise<void> => {
    await thread.terminate();
    await limiter.stop();
  };
  return { limiter, clock, thread, [Symbol.asyncDispose]: dispose };
}

describe('a slot of another thread', () => {
  test('being held here, with its ids and its token there', async () => {
    await using world = await connected();
    const { limiter, thread } = world;
    const session = await thread.do<ToldSlot>('acquireSession', 's1', { owner: 'alice' });
    const run = await thread.do<ToldSlot>('acquireRun', 's1', 'r1', { kind: 'exec' });
    expect(session).toEqual({ sessionId: 's1', token: expect.any(Number), isLost: false });
    expect(run).toMatchObject({ sessionId: 's1', runId: 'r1', isLost: false });
    expect(run.token).toBeGreaterThan(session.token);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1 });
    expect((await limiter.acquireSessionSlot('s1', { owner: 'alice' })).token).toBe(session.token);
  });

  test('having the options that it was asked with', async () => {
    await using world = await connected();
    const { limiter, thread } = world;
    const options = { owner: 'alice', kind: 'exec', labels: { tool: 'lint' }, leaseMs: 5_000 };
    const { token } = await thread.do<ToldSlot>('acquireRun', 's1', 'r1', options);
    expect([...limiter.list()]).toMatchObject([{ runId: 'r1', token, ...options }]);
  });

  test.each(['release', 'dispose'])('ending by its own %s, without an abort', async (act) => {
    await using world = await connected();
    const { limiter, thread } = world;
    await thread.do('acquireSession', 's1');
    await thread.do('acquireRun', 's2', 'r1');
    for (const id of ['s1', 'r1']) {
      await thread.do(act, id);
      expect(await thread.do('look', id)).toMatchObject({ isLost: false });
    }
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('being known as lost although it was released in the tick of its grant', async () => {
    await using world = await connected({ maxParallelRuns: 1 });
    const { limiter, thread } = world;
    await limiter.acquireRunSlot('s1', 'first');
    const waiting = thread.do<ToldSlot>('acquireRun', 's1', 'r1', FOR_EVER);
    await thread.roundTrip();
    limiter.releaseRunSlot('first');
    limiter.releaseRunSlot('r1');
    expect(await waiting).toMatchObject({ runId: 'r1' });
    await thread.roundTrip();
    expect(await thread.do('look', 'r1')).toMatchObject({ isLost: true });
    expect(await thread.do('loss', 'r1')).toMatchObject({ code: 'released', isLoss: true });
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('being reported when it is released, and with zeros when it is released again', async () => {
    await using world = await connected();
    const { thread } = world;
    await thread.do('acquireSession', 's1');
    await thread.do('acquireRun', 's1', 'r1');
    expect(await thread.do('release', 's1')).toEqual({ sessions: 1, runs: 1, waiters: 0 });
    expect(await thread.do('release', 's1')).toEqual(NOTHING_RELEASED);
    expect(await thread.do('release', 'r1')).toEqual(NOTHING_RELEASED);
  });

  test('ending by its id or its token, from there and from here', async () => {
    await using world = await connected();
    const { limiter, thread } = world;
    const { token } = await thread.do<ToldSlot>('acquireRun', 's1', 'r1');
    expect(await thread.do('releaseRun', 'r1', { token: token + 1 })).toEqual(NOTHING_RELEASED);
    expect(await thread.do('releaseRun', 'r1', { token })).toMatchObject({ runs: 1 });
    await limiter.acquireSessionSlot('s1');
    expect(await thread.do('releaseSession', 's1')).toMatchObject({ sessions: 1 });
    await thread.do('acquireRun', 's1', 'r2');
    expect(await limiter.releaseRunSlot('r2')).toMatchObject({ runs: 1 });
    expect(await thread.do('loss', 'r2')).toMatchObject({ code: 'released' });
  });

  test('not being ended by the late release of an earlier grant', async () => {
    await using world = await connected();
    const { limiter, thread } = world;
    await thread.do('acquireRun', 's1', 'r1');
    await limiter.releaseRunSlot('r1');
    const later = await limiter.acquireRunSlot('s1', 'r1');
    expect(await thread.do('release', 'r1')).toEqual(NOTHING_RELEASED);
    expect([lossOf(later), counts(limiter)]).toEqual([undefined, { ...EMPTY, activeRuns: 1 }]);
  });
});

describe('the loss of a slot of another thread', () => {
  test.each<[string, (limiter: Limiter, clock: SimulatedClock) => unknown]>([
    ['cascade', (limiter) => limiter.releaseSessionSlot('s1')],
    ['evicted', (limiter) => limiter.evict('r1', 'in the way')],
    ['expired', (_limiter, clock) => clock.advance(1_000)],
    ['stopped', (limiter) => limiter.stop()],
  ])('aborting its signal there: %s', async (code, end) => {
    await using world = await connected();
    const { limiter, clock, thread } = world;
    await thread.do('acquireRun', 's1', 'r1', { leaseMs: 1_000 });
    const loss = thread.do('loss', 'r1');
    await end(limiter, clock);
    expect(await loss).toMatchObject({ code, name: 'SlotLostError', isLoss: true, isFault: true });
  });

  test('being told in the words of this thread', async () => {
    await using world = await connected();
    const { limiter, thread } = world;
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    await thread.do('acquireRun', 's1', 'r1');
    const loss = thread.do<{ message: string }>('loss', 'r1');
    await limiter.evict('r1', 'in the way');
    expect((await loss).message).toBe((slot.signal.reason as Error).message);
  });
});

describe('a wait of another thread', () => {
  test('being granted when there is room, by priority', async () => {
    await using world = await connected({ maxParallelRuns: 1 });
    const { limiter, thread } = world;
    const held = await limiter.acquireRunSlot('s1', 'r0');
    const low = attempt(thread.do('acquireRun', 's1', 'low', FOR_EVER));
    const high = thread.do<ToldSlot>('acquireRun', 's1', 'high', { ...FOR_EVER, priority: 1 });
    await thread.roundTrip();
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1, waitingRuns: 2 });
    await held.release();
    expect((await high).runId).toBe('high');
    await thread.roundTrip();
    expect(low.outcome).toBe('waiting');
  });

  test('ending at its deadline, by the clock of the limiter', async () => {
    await using world = await connected({ maxParallelRuns: 1 });
    const { limiter, clock, thread } = world;
    await limiter.acquireRunSlot('s1', 'r0');
    const late = thread.failure('acquireRun', 's1', 'r1', { waitTimeoutMs: 1_000 });
    await thread.roundTrip();
    await clock.advance(1_000);
    expect(await late).toMatchObject({
      code: 'wait_timeout',
      limit: 1,
      active: 1,
      isRefusal: true,
    });
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('ending at once when its signal aborts, with its reason, and leaving the queue', async () => {
    await using world = await connected({ maxParallelRuns: 1 });
    const { limiter, thread } = world;
    const held = await limiter.acquireRunSlot('s1', 'r0');
    const gone = thread.failure('acquireRun', 's1', 'r1', { ...FOR_EVER, isAbortable: true });
    const next = thread.do<ToldSlot>('acquireRun', 's1', 'r2', FOR_EVER);
    await thread.roundTrip();
    await thread.do('abort', 'r1', 'gave up');
    expect(await gone).toEqual({ reason: 'gave up' });
    await thread.roundTrip();
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1, waitingRuns: 1 });
    await held.release();
    expect((await next).runId).toBe('r2');
  });

  test('ending at once when its signal aborts although this limiter is suspended', async () => {
    await using world = await connected();
    const { limiter, thread } = world;
    await sys.suspend(limiter.ref);
    const gone = thread.failure('acquireRun', 's1', 'r1', { ...FOR_EVER, isAbortable: true });
    await thread.do('abort', 'r1', 'gave up');
    expect(await gone).toEqual({ reason: 'gave up' });
    await sys.resume(limiter.ref);
    await thread.roundTrip();
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('being withdrawn, released with its session, and refused by a drain', async () => {
    await using world = await connected({ maxParallelRuns: 1 });
    const { limiter, thread } = world;
    await limiter.acquireRunSlot('s0', 'r0');
    const codes = ['r1', 'r2', 'r3'].map(async (id, n) => {
      return (await thread.failure('acquireRun', `s${n + 1}`, id, FOR_EVER)).code;
    });
    await thread.roundTrip();
    await limiter.releaseRunSlot('r1');
    await limiter.releaseSessionSlot('s2');
    await limiter.drain({ timeoutMs: 0 });
    expect(await Promise.all(codes)).toEqual(['withdrawn', 'session_released', 'draining']);
    const late = await thread.failure('acquireRun', 's9', 'r9');
    expect(late).toMatchObject({ code: 'draining', retryable: true, isRefusal: true });
  });
});

describe('errors of another thread', () => {
  test('being refusals of that thread, with the words and numbers of this one', async () => {
    await using world = await connected({ maxRunsPerKind: { exec: 1 } });
    const { limiter, thread } = world;
    await limiter.acquireRunSlot('s1', 'r1', { kind: 'exec' });
    const told = await thread.failure('acquireRun', 's1', 'r2', { kind: 'exec' });
    const refusal = await refusalOf(limiter.acquireRunSlot('s1', 'r2', { kind: 'exec' }));
    const { name, code, message, limit, active, scope, retryable } = refusal;
    const own = { isRefusal: true, isFault: true, isLoss: false };
    expect(told).toEqual({ name, code, message, limit, active, scope, retryable, ...own });
  });

  test.each<[string, string, unknown[]]>([
    ['invalid_id', 'acquireRun', ['s1', '']],
    ['invalid_id', 'acquireSession', ['a\u0000b']],
    ['invalid_id', 'releaseRun', ['']],
    ['invalid_id', 'releaseSession', [7]],
    ['invalid_id', 'renewRun', ['', 1]],
    ['invalid_option', 'acquireRun', ['s1', 'r1', { waitTimeoutMs: -1 }]],
    ['invalid_option', 'acquireRun', ['s1', 'r1', { leaseMs: 0 }]],
    ['invalid_option', 'acquireRun', ['s1', 'r1', { wait: 1 }]],
    ['invalid_option', 'acquireRun', ['s1', 'r1', { hasFunction: true }]],
    ['invalid_option', 'acquireRun', ['s1', 'r1', { holder: 'me' }]],
    ['invalid_option', 'acquireRun', ['s1', 'r1', { hasHolder: true }]],
    ['invalid_option', 'acquireSession', ['s1', { hasHolder: true }]],
    ['invalid_option', 'withRun', ['s1', { hasHolder: true }]],
    ['invalid_option', 'acquireSession', ['s1', { kind: 'exec' }]],
    ['invalid_option', 'releaseRun', ['r1', { token: 0 }]],
    ['invalid_option', 'renewSession', ['s1', -1]],
    ['stale_token', 'renewRun', ['nobody', 1]],
    ['stale_token', 'renewSession', ['nobody', 1]],
  ])('being faults of that thread: %s of %s(%o)', async (code, act, args) => {
    await using world = await connected();
    const fault = await world.thread.failure(act, ...args);
    expect(fault).toMatchObject({ code, isFault: true, isRefusal: false });
    expect(counts(world.limiter)).toEqual(EMPTY);
  });

  test('telling the words of this thread', async () => {
    await using world = await connected();
    const { limiter, thread } = world;
    const stale = await thread.failure('renewRun', 'nobody', 1);
    expect(stale.message).toBe((await faultOf(limiter.renewRunSlot('nobody', 1))).message);
  });

  test.each([
    ['run_id_conflict', 's2', 'r1'],
    ['max_runs_exceeded', 's1', 'r2'],
  ])('telling a refusal: %s', async (code, sessionId, runId) => {
    await using world = await connected({ maxParallelRuns: 1 });
    await world.limiter.acquireRunSlot('s1', 'r1');
    const refusal = await world.thread.failure('acquireRun', sessionId, runId);
    expect(refusal).toMatchObject({ code, isRefusal: true });
  });
});

describe('leases of another thread', () => {
  test('being renewed from there', async () => {
    await using world = await connected();
    const { limiter, clock, thread } = world;
    const session = await thread.do<ToldSlot>('acquireSession', 's1', { leaseMs: 1_000 });
    const run = await thread.do<ToldSlot>('acquireRun', 's2', 'r1', { leaseMs: 1_000 });
    await clock.advance(900);
    expect(await thread.do('renewSession', 's1', session.token)).toBe(undefined);
    expect(await thread.do('renewRun', 'r1', run.token)).toBe(undefined);
    await clock.advance(999);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1 });
    await clock.advance(1);
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

describe('withRunSlot of another thread', () => {
  test('running there, with a slot that is held here, and giving it back', async () => {
    await using world = await connected();
    const { limiter, thread } = world;
    const ended = happens('run_slot_ended', ({ sessionId }) => sessionId === 's1');
    const slot = await thread.do<ToldSlot>('withRun', 's1');
    expect(slot).toMatchObject({ sessionId: 's1', runId: expect.any(String), isLost: false });
    expect(await ended).toMatchObject({ runId: slot.runId, reason: 'released' });
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('rejecting with the error of its function, and giving the slot back', async () => {
    await using world = await connected();
    const ended = happens('run_slot_ended', ({ sessionId }) => sessionId === 's1');
    const failure = await world.thread.failure('withRun', 's1', { fails: true });
    expect(failure).toMatchObject({ message: 'it fails', isFault: false });
    expect(await ended).toMatchObject({ reason: 'released' });
  });

  test('never being too much, from two threads and from here', async () => {
    await using limiter = await start({ maxParallelRuns: 3 });
    await using one = await RemoteThread.connect(limiter);
    await using other = await RemoteThread.connect(limiter);
    let most = 0;
    const end = onEvent('run_slot_granted', () => {
      most = Math.max(most, limiter.getStatus().activeRuns);
    });
    const here = Array.from({ length: 50 }, () => limiter.withRunSlot('here', () => {}, FOR_EVER));
    const done = await Promise.all([one.do('work', 's1', 5, 20), other.do('work', 's2', 5, 20)]);
    await Promise.all(here);
    await Promise.all([one.roundTrip(), other.roundTrip()]);
    end();
    expect([done, most]).toEqual([[100, 100], 3]);
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

describe('a limiter that is restarted', () => {
  test('being no matter to other threads: their slots, their waits, their calls', async () => {
    await using world = await connected({ maxParallelRuns: 1 });
    const { limiter, thread } = world;
    const held = await thread.do<ToldSlot>('acquireRun', 's1', 'r1');
    const waiting = thread.do<ToldSlot>('acquireRun', 's1', 'r2', FOR_EVER);
    await thread.roundTrip();
    exit(limiter.ref, new Error('crash'));
    expect(await thread.do('acquireRun', 's1', 'r1')).toMatchObject({ token: held.token });
    expect(await thread.do('release', 'r1')).toMatchObject({ runs: 1 });
    expect((await waiting).runId).toBe('r2');
    expect(limiter.getStatus()).toMatchObject({ activeRuns: 1, restarts: 1 });
  });
});
