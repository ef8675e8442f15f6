/**
 * Releasing: by id, by token, by handle; cascades; what the report counts; what the signal of a slot says.
 */
import { describe, expect, test } from 'vitest';
import { SlotkeeperError, SlotLostError, sys } from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import {
  ask,
  attempt,
  counts,
  EMPTY,
  lossOf,
  NOTHING_RELEASED,
  outcomes,
  PATIENT,
  saidOf,
  start,
  wait,
} from '../../support/callers.ts';

describe('releaseRunSlot', () => {
  test('ending the slot held, and reporting it', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    expect(await limiter.releaseRunSlot('r1')).toEqual({ sessions: 0, runs: 1, waiters: 0 });
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('having released at once when the limiter is idle', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    const released = limiter.releaseRunSlot('r1');
    expect(limiter.getStatus().activeRuns).toBe(0);
    await released;
  });

  test('being a no-op for an id that is not known, or released already', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.releaseRunSlot('r1');
    expect(await limiter.releaseRunSlot('r1')).toEqual(NOTHING_RELEASED);
    expect(await limiter.releaseRunSlot('nobody')).toEqual(NOTHING_RELEASED);
  });

  test('withdrawing the id that waits', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    expect(await limiter.releaseRunSlot('r2')).toEqual({ sessions: 0, runs: 0, waiters: 1 });
    await settle();
    expect(saidOf(waiting)).toMatchObject({ code: 'withdrawn', retryable: false });
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('withdrawing everybody who joined the wait, counted as one', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = [1, 2, 3].map(() => wait(limiter, ['s1', 'r2']));
    expect(await limiter.releaseRunSlot('r2')).toEqual({ sessions: 0, runs: 0, waiters: 1 });
    await settle();
    expect(outcomes(waiting)).toEqual(['withdrawn', 'withdrawn', 'withdrawn']);
  });

  test('leaving the session and its other runs alone', async () => {
    await using limiter = await start();
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    const other = await limiter.acquireRunSlot('s1', 'r2');
    await limiter.releaseRunSlot('r1');
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1 });
    expect(other.signal.aborted).toBe(false);
  });

  test('never timing out: it waits while the limiter is suspended', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    await sys.suspend(limiter.ref);
    const released = attempt(limiter.releaseRunSlot('r1'));
    await clock.advance(3_600_000);
    expect(released.outcome).toBe('waiting');
    await sys.resume(limiter.ref);
    await settle();
    expect(released.value).toEqual({ sessions: 0, runs: 1, waiters: 0 });
  });
});

describe('releaseSessionSlot', () => {
  test('ending session, runs and waiters, and reporting all', async () => {
    await using limiter = await start({ maxParallelRuns: 2 });
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireRunSlot('s1', 'r2');
    const waiting = [wait(limiter, ['s1', 'r3']), wait(limiter, ['s1', 'r3'])];
    expect(await limiter.releaseSessionSlot('s1')).toEqual({ sessions: 1, runs: 2, waiters: 1 });
    await settle();
    expect(outcomes(waiting)).toEqual(['session_released', 'session_released']);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('saying to its waiters that there is no use in trying again', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s2', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    await limiter.releaseSessionSlot('s1');
    await settle();
    expect(saidOf(waiting)).toMatchObject({ code: 'session_released', retryable: false });
  });

  test('granting none of its own waiters the room that its runs leave', async () => {
    await using limiter = await start({ maxRunsPerSession: 1 });
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    await limiter.releaseSessionSlot('s1');
    await settle();
    expect(waiting.outcome).toBe('session_released');
  });

  test('ending runs and waiters of a session that holds no slot', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    expect(await limiter.releaseSessionSlot('s1')).toEqual({ sessions: 0, runs: 1, waiters: 1 });
    await settle();
    expect(waiting.outcome).toBe('session_released');
  });

  test('withdrawing the session that waits', async () => {
    await using limiter = await start({ maxParallelSessions: 1 });
    await limiter.acquireSessionSlot('s1');
    const waiting = [wait(limiter, ['s2']), wait(limiter, ['s2'])];
    expect(await limiter.releaseSessionSlot('s2')).toEqual({ sessions: 0, runs: 0, waiters: 1 });
    await settle();
    expect(outcomes(waiting)).toEqual(['withdrawn', 'withdrawn']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1 });
  });

  test('telling a session that waits apart from its runs that wait', async () => {
    await using limiter = await start({ maxParallelSessions: 1, maxParallelRuns: 1 });
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = [wait(limiter, ['s2']), wait(limiter, ['s2', 'r2'])];
    expect(await limiter.releaseSessionSlot('s2')).toEqual({ sessions: 0, runs: 0, waiters: 2 });
    await settle();
    expect(outcomes(waiting)).toEqual(['withdrawn', 'session_released']);
  });

  test('being a no-op when nothing is tied to the id', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.releaseRunSlot('r1');
    expect(await limiter.releaseSessionSlot('s1')).toEqual(NOTHING_RELEASED);
  });

  test('leaving other sessions alone', async () => {
    await using limiter = await start();
    const slots = [
      await limiter.acquireSessionSlot('s2'),
      await limiter.acquireRunSlot('s2', 'r2'),
    ] as const;
    await limiter.acquireSessionSlot('s1');
    await limiter.releaseSessionSlot('s1');
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1 });
    expect(slots.map(lossOf)).toEqual([undefined, undefined]);
  });

  test('freeing 10,000 runs at once', async () => {
    await using limiter = await start({ maxParallelRuns: Infinity });
    for (let n = 0; n < 10_000; n++) await limiter.acquireRunSlot('s1', `r${n}`);
    expect(await limiter.releaseSessionSlot('s1')).toMatchObject({ runs: 10_000 });
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

describe('release by token', () => {
  test('ending the grant of this token', async () => {
    await using limiter = await start();
    const run = await limiter.acquireRunSlot('s1', 'r1');
    expect(await limiter.releaseRunSlot('r1', { token: run.token })).toMatchObject({ runs: 1 });
  });

  test('ending a session with all that is tied to it', async () => {
    await using limiter = await start({ maxRunsPerSession: 1 });
    const { token } = await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    const report = await limiter.releaseSessionSlot('s1', { token });
    expect(report).toEqual({ sessions: 1, runs: 1, waiters: 1 });
    await settle();
    expect(waiting.outcome).toBe('session_released');
  });

  test('being a no-op for the token of an earlier grant', async () => {
    await using limiter = await start();
    const { token } = await limiter.acquireRunSlot('s1', 'r1');
    await limiter.releaseRunSlot('r1');
    await limiter.acquireRunSlot('s1', 'r1');
    expect(await limiter.releaseRunSlot('r1', { token })).toEqual(NOTHING_RELEASED);
    expect(limiter.getStatus().activeRuns).toBe(1);
  });

  test('being a no-op for the token of another id', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    const { token } = await limiter.acquireRunSlot('s1', 'r2');
    expect(await limiter.releaseRunSlot('r1', { token })).toEqual(NOTHING_RELEASED);
    expect(limiter.getStatus().activeRuns).toBe(2);
  });

  test('leaving alone what is tied to a session whose token is another', async () => {
    await using limiter = await start({ maxRunsPerSession: 1 });
    const { token } = await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    wait(limiter, ['s1', 'r2']);
    const report = await limiter.releaseSessionSlot('s1', { token: token + 1_000 });
    expect(report).toEqual(NOTHING_RELEASED);
    expect(counts(limiter)).toMatchObject({ activeSessions: 1, activeRuns: 1, waitingRuns: 1 });
  });

  test('withdrawing nobody: who waits has no token', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const { token } = await limiter.acquireRunSlot('s1', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    expect(await limiter.releaseRunSlot('r2', { token })).toEqual(NOTHING_RELEASED);
    await settle();
    expect(waiting.outcome).toBe('waiting');
  });
});

describe.each<[string, string | undefined]>([
  ['a session slot', undefined],
  ['a run slot', 'r1'],
])('the handle of %s', (_name, runId) => {
  const all = { sessions: runId ? 0 : 1, runs: runId ? 1 : 0, waiters: 0 };
  const releaseById = (limiter: Awaited<ReturnType<typeof start>>) =>
    runId ? limiter.releaseRunSlot(runId) : limiter.releaseSessionSlot('s1');

  test('releasing its grant', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    expect(await slot.release()).toEqual(all);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('releasing once: the second time is a no-op', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    await slot.release();
    expect(await slot.release()).toEqual(NOTHING_RELEASED);
  });

  test('giving the report to whoever awaits the first release, also twice', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    const released = slot.release();
    expect([await released, await released]).toEqual([all, all]);
  });

  test('raising no capacity by a double release', async () => {
    await using limiter = await start({ maxParallelSessions: 1, maxParallelRuns: 1 });
    const slot = await ask(limiter, ['s1', runId]);
    await Promise.all([slot.release(), slot.release(), releaseById(limiter)]);
    const asked = [2, 3].map((n) => attempt(ask(limiter, [`s${n}`, runId && `r${n}`])));
    await settle();
    expect(outcomes(asked)).toEqual(['granted', expect.stringMatching(/^max_/)]);
  });

  test("not ending a later grant of the same id, which is somebody else's", async () => {
    await using limiter = await start();
    const stale = await ask(limiter, ['s1', runId]);
    await releaseById(limiter);
    const current = await ask(limiter, ['s1', runId]);
    expect(await stale.release()).toEqual(NOTHING_RELEASED);
    expect(current.signal.aborted).toBe(false);
    expect(await current.release()).toEqual(all);
  });

  test('releasing at the end of a block, by await using', async () => {
    await using limiter = await start();
    {
      await using _slot = await ask(limiter, ['s1', runId]);
      expect(counts(limiter)).not.toEqual(EMPTY);
    }
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('releasing by Symbol.asyncDispose, also after a release', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    expect(await slot[Symbol.asyncDispose]()).toBeUndefined();
    await slot[Symbol.asyncDispose]();
    await slot.release();
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('resolving with zeros when the slot was lost before', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    await limiter.releaseSessionSlot('s1');
    expect(await slot.release()).toEqual(NOTHING_RELEASED);
  });
});

describe.each<[string, string | undefined]>([
  ['a session slot', undefined],
  ['a run slot', 'r1'],
])('the signal of %s', (_name, runId) => {
  const releaseById = (limiter: Awaited<ReturnType<typeof start>>) =>
    runId ? limiter.releaseRunSlot(runId) : limiter.releaseSessionSlot('s1');

  test('being one signal, not aborted while the slot is held', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    expect(slot.signal).toBeInstanceOf(AbortSignal);
    expect(slot.signal).toBe(slot.signal);
    expect(slot.signal.aborted).toBe(false);
  });

  test('aborting with a SlotLostError when somebody else releases the id', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    const { signal } = slot;
    await releaseById(limiter);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(SlotLostError);
    expect(signal.reason).toBeInstanceOf(SlotkeeperError);
    expect(lossOf(slot)).toBe('released');
  });

  test('not aborting on a release by its handle', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    const { signal } = slot;
    await slot.release();
    await releaseById(limiter);
    expect(signal.aborted).toBe(false);
  });

  test('not aborting on a release by another handle of the same grant', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    const other = await ask(limiter, ['s1', runId]);
    const signals = [slot.signal, other.signal];
    await other[Symbol.asyncDispose]();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  });

  test('aborting on every handle of the grant', async () => {
    await using limiter = await start();
    const slots = [await ask(limiter, ['s1', runId]), await ask(limiter, ['s1', runId])];
    for (const { signal } of slots) expect(signal.aborted).toBe(false);
    await releaseById(limiter);
    expect(slots.map(lossOf)).toEqual(['released', 'released']);
  });

  test('aborting with stopped when the limiter stops', async () => {
    const limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    expect(slot.signal.aborted).toBe(false);
    await limiter.stop();
    expect(lossOf(slot)).toBe('stopped');
  });

  test('never aborting when it is first read after a release by its handle', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    await slot.release();
    expect(slot.signal.aborted).toBe(false);
  });

  test('being aborted already when it is first read after the slot was lost', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    await releaseById(limiter);
    expect(lossOf(slot)).toBe('released');
  });

  test('being aborted already when it is first read after the stop', async () => {
    const limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    await limiter.stop();
    expect(lossOf(slot)).toBe('stopped');
  });

  test('being aborted already when a later grant of the id was lost or not', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    await releaseById(limiter);
    const later = await ask(limiter, ['s1', runId]);
    expect([slot, later].map(lossOf)).toEqual(['released', undefined]);
  });
});

describe('a cascade', () => {
  test('aborting the signals of the runs with cascade, that of the session with released', async () => {
    await using limiter = await start();
    const session = await limiter.acquireSessionSlot('s1');
    const run = await limiter.acquireRunSlot('s1', 'r1');
    const signals = [session.signal, run.signal];
    await limiter.releaseSessionSlot('s1');
    expect(signals.map(({ reason }) => reason.code)).toEqual(['released', 'cascade']);
  });

  test('aborting the runs, but not the session that its holder releases', async () => {
    await using limiter = await start();
    const session = await limiter.acquireSessionSlot('s1');
    const run = await limiter.acquireRunSlot('s1', 'r1');
    const signals = [session.signal, run.signal];
    expect(await session.release()).toEqual({ sessions: 1, runs: 1, waiters: 0 });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
    expect(lossOf(run)).toBe('cascade');
  });

  test('showing in a signal that is first read after it', async () => {
    await using limiter = await start();
    const session = await limiter.acquireSessionSlot('s1');
    const run = await limiter.acquireRunSlot('s1', 'r1');
    await session.release();
    expect([session, run].map(lossOf)).toEqual([undefined, 'cascade']);
  });

  test('showing the room that it makes before any signal aborts', async () => {
    await using limiter = await start();
    await limiter.acquireSessionSlot('s1');
    const run = await limiter.acquireRunSlot('s1', 'r1');
    const seen: number[] = [];
    run.signal.addEventListener('abort', () => seen.push(limiter.getStatus().activeRuns));
    await limiter.releaseSessionSlot('s1');
    expect(seen).toEqual([0]);
  });

  test('letting who hears of it acquire anew, in its own turn', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireSessionSlot('s1');
    const run = await limiter.acquireRunSlot('s1', 'r1');
    const again: Promise<unknown>[] = [];
    run.signal.addEventListener('abort', () => {
      again.push(limiter.acquireRunSlot('s2', 'r2', PATIENT));
    });
    await limiter.releaseSessionSlot('s1');
    expect(await Promise.all(again)).toMatchObject([{ sessionId: 's2', runId: 'r2' }]);
  });

  test('making the session id free to be acquired anew', async () => {
    await using limiter = await start();
    const first = await limiter.acquireSessionSlot('s1', { owner: 'alice' });
    await limiter.acquireRunSlot('s1', 'r1', { owner: 'alice' });
    await first.release();
    await limiter.acquireSessionSlot('s1', { owner: 'bob' });
    await limiter.acquireRunSlot('s1', 'r1', { owner: 'bob' });
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1 });
  });
});
