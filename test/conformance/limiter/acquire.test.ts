/**
 * Acquiring: what a slot is, when the answer comes, what an id that is held answers, and what is compared
 * before two callers are taken for one.
 */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { settle } from '../../../src/testing.ts';
import {
  type AcquireOptions,
  ask,
  attempt,
  counts,
  EMPTY,
  outcomes,
  PATIENT,
  refusalOf,
  said,
  start,
  wait,
} from '../../support/callers.ts';

describe('acquireSessionSlot', () => {
  test('giving a slot that knows its session and its token', async () => {
    await using limiter = await start();
    const slot = await limiter.acquireSessionSlot('s1');
    expect(slot.sessionId).toBe('s1');
    expect(Number.isSafeInteger(slot.token)).toBe(true);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1 });
  });

  test('deciding at once when the limiter is idle', async () => {
    await using limiter = await start();
    const asked = limiter.acquireSessionSlot('s1');
    expect(limiter.getStatus().activeSessions).toBe(1);
    await asked;
  });

  test('answering a session held with the slot held, also at the limit', async () => {
    await using limiter = await start({ maxParallelSessions: 1, maxSessionsPerOwner: 1 });
    const first = await limiter.acquireSessionSlot('s1', { owner: 'alice' });
    const again = await limiter.acquireSessionSlot('s1', { owner: 'alice' });
    expect(again.token).toBe(first.token);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1 });
  });

  test.each<[string | undefined, string | undefined]>([
    ['alice', 'bob'],
    ['alice', undefined],
    [undefined, 'alice'],
  ])('refusing a session held by %s to %s', async (holder, caller) => {
    await using limiter = await start();
    const owned = (owner: string | undefined) => (owner === undefined ? {} : { owner });
    await limiter.acquireSessionSlot('s1', owned(holder));
    const refusal = await refusalOf(limiter.acquireSessionSlot('s1', owned(caller)));
    expect(said(refusal)).toEqual({ code: 'session_id_conflict', retryable: false });
  });

  test('refusing a session that waits to another owner', async () => {
    await using limiter = await start({ maxParallelSessions: 1 });
    await limiter.acquireSessionSlot('s1');
    wait(limiter, ['s2', undefined, { owner: 'alice' }]);
    const asked = limiter.acquireSessionSlot('s2', { ...PATIENT, owner: 'bob' });
    expect(said(await refusalOf(asked))).toEqual({ code: 'session_id_conflict', retryable: false });
  });

  test('granting a session whose runs are held by any owner', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1', { owner: 'alice' });
    const slot = await limiter.acquireSessionSlot('s1', { owner: 'bob' });
    expect(slot.sessionId).toBe('s1');
  });

  test('granting an id anew, with another owner, once it was released', async () => {
    await using limiter = await start();
    const first = await limiter.acquireSessionSlot('s1', { owner: 'alice' });
    await first.release();
    const second = await limiter.acquireSessionSlot('s1', { owner: 'bob' });
    expect(second.token).toBeGreaterThan(first.token);
  });
});

describe('acquireRunSlot', () => {
  test('giving a slot that knows its session, its run and its token', async () => {
    await using limiter = await start();
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    expect([slot.sessionId, slot.runId]).toEqual(['s1', 'r1']);
    expect(Number.isSafeInteger(slot.token)).toBe(true);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('deciding at once when the limiter is idle', async () => {
    await using limiter = await start();
    const asked = limiter.acquireRunSlot('s1', 'r1');
    expect(limiter.getStatus().activeRuns).toBe(1);
    await asked;
  });

  test('answering a run held with the slot held, also at every limit', async () => {
    await using limiter = await start({
      maxParallelRuns: 1,
      maxRunsPerSession: 1,
      maxRunsPerOwner: 1,
      maxJobsPerOwner: 1,
      maxRunsPerKind: { exec: 1 },
    });
    const options = { owner: 'alice', kind: 'exec' };
    const first = await limiter.acquireRunSlot('s1', 'r1', options);
    const again = await limiter.acquireRunSlot('s1', 'r1', options);
    expect(again.token).toBe(first.token);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test.each<AcquireOptions>([
    { kind: 'tool' },
    { priority: 7 },
    { labels: { other: 'label' } },
    { waitTimeoutMs: 10 },
    {},
  ])('answering a run held with its first options, whatever is asked now: %o', async (options) => {
    await using limiter = await start({ maxRunsPerKind: { exec: 1, tool: 1 } });
    const held = await limiter.acquireRunSlot('s1', 'r1', { kind: 'exec', labels: { a: 'b' } });
    const again = await limiter.acquireRunSlot('s1', 'r1', options);
    expect(again.token).toBe(held.token);
    const other = limiter.acquireRunSlot('s1', 'r2', { kind: 'exec' });
    expect((await refusalOf(other)).code).toBe('max_runs_per_kind_exceeded');
    expect((await limiter.acquireRunSlot('s1', 'r3', { kind: 'tool' })).runId).toBe('r3');
  });

  test.each<[string, string, AcquireOptions]>([
    ['another session', 's2', { owner: 'alice' }],
    ['another owner', 's1', { owner: 'bob' }],
    ['no owner', 's1', {}],
    ['another session and owner', 's2', { owner: 'bob' }],
  ])('refusing a run that is held to %s', async (_who, sessionId, options) => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1', { owner: 'alice' });
    const refusal = await refusalOf(limiter.acquireRunSlot(sessionId, 'r1', options));
    expect(said(refusal)).toEqual({ code: 'run_id_conflict', retryable: false });
  });

  test('refusing a run that nobody owns to an owner', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    const asked = limiter.acquireRunSlot('s1', 'r1', { owner: 'alice' });
    expect((await refusalOf(asked)).code).toBe('run_id_conflict');
  });

  test.each<[string, string, AcquireOptions]>([
    ['another session', 's2', { owner: 'alice' }],
    ['another owner', 's1', { owner: 'bob' }],
    ['no owner', 's1', {}],
  ])('refusing a run that waits to %s', async (_who, sessionId, options) => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    wait(limiter, ['s1', 'r2', { owner: 'alice' }]);
    const asked = limiter.acquireRunSlot(sessionId, 'r2', { ...PATIENT, ...options });
    expect(said(await refusalOf(asked))).toEqual({ code: 'run_id_conflict', retryable: false });
  });

  test('naming the conflict before the limit that is full', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    expect((await refusalOf(limiter.acquireRunSlot('s2', 'r1'))).code).toBe('run_id_conflict');
  });

  test('keeping run ids and session ids apart', async () => {
    await using limiter = await start();
    await limiter.acquireSessionSlot('same');
    await limiter.acquireRunSlot('same', 'same');
    await limiter.releaseRunSlot('same');
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1 });
  });

  test('letting a run of an owner stand in a session of another', async () => {
    await using limiter = await start();
    await limiter.acquireSessionSlot('s1', { owner: 'alice' });
    const run = await limiter.acquireRunSlot('s1', 'r1', { owner: 'bob' });
    expect(run.sessionId).toBe('s1');
  });

  test('giving every one of many callers of one id the same slot', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const asked = Array.from({ length: 100 }, () => limiter.acquireRunSlot('s1', 'r1'));
    const tokens = new Set((await Promise.all(asked)).map(({ token }) => token));
    expect(tokens.size).toBe(1);
    expect(limiter.getStatus().activeRuns).toBe(1);
  });
});

describe.each<[string, string | undefined]>([
  ['acquireSessionSlot', undefined],
  ['acquireRunSlot', 'r1'],
])('%s: the signal', (_name, runId) => {
  const full = () => start({ maxParallelSessions: 1, maxParallelRuns: 1 });

  test('rejecting with its reason, without asking, when it is aborted already', async () => {
    await using limiter = await start();
    const reason = new Error('no longer wanted');
    const before = limiter.getStatus();
    const asked = ask(limiter, ['s1', runId, { signal: AbortSignal.abort(reason) }]);
    await expect(asked).rejects.toBe(reason);
    expect(limiter.getStatus()).toBe(before);
  });

  test('rejecting when it is aborted already, although the id is held', async () => {
    await using limiter = await start();
    await ask(limiter, ['s1', runId]);
    const asked = ask(limiter, ['s1', runId, { signal: AbortSignal.abort('gone') }]);
    await expect(asked).rejects.toBe('gone');
  });

  test('rejecting a waiter with its reason at once, and leaving the queue', async () => {
    await using limiter = await full();
    await ask(limiter, ['s0', runId && 'r0']);
    const controller = new AbortController();
    const waiting = wait(limiter, ['s1', runId, { signal: controller.signal }]);
    await settle();
    const reason = new Error('gave up');
    controller.abort(reason);
    await Promise.resolve().then(() => {});
    await settle();
    expect(waiting.error).toBe(reason);
    expect(counts(limiter)).toMatchObject({ waitingSessions: 0, waitingRuns: 0 });
  });

  test('rejecting with an AbortError when the abort has no reason', async () => {
    await using limiter = await full();
    await ask(limiter, ['s0', runId && 'r0']);
    const controller = new AbortController();
    const waiting = wait(limiter, ['s1', runId, { signal: controller.signal }]);
    controller.abort();
    await settle();
    expect(waiting.outcome).toBe('AbortError');
  });

  test('doing nothing to a slot that was granted', async () => {
    await using limiter = await start();
    const controller = new AbortController();
    const slot = await ask(limiter, ['s1', runId, { signal: controller.signal }]);
    controller.abort();
    await settle();
    expect(slot.signal.aborted).toBe(false);
    expect(await slot.release()).not.toEqual({ sessions: 0, runs: 0, waiters: 0 });
  });

  test('coming too late when it aborts in the tick of the grant', async () => {
    await using limiter = await full();
    const held = await ask(limiter, ['s0', runId && 'r0']);
    const controller = new AbortController();
    const waiting = wait(limiter, ['s1', runId, { signal: controller.signal }]);
    await settle();
    const released = held.release();
    controller.abort();
    await released;
    await settle();
    expect(waiting.outcome).toBe('granted');
    expect(counts(limiter)).toMatchObject(runId ? { activeRuns: 1 } : { activeSessions: 1 });
  });

  test('coming first when it aborts before the release of the same tick', async () => {
    await using limiter = await full();
    const held = await ask(limiter, ['s0', runId && 'r0']);
    const controller = new AbortController();
    const first = wait(limiter, ['s1', runId, { signal: controller.signal }]);
    const second = wait(limiter, ['s2', runId && 'r2']);
    await settle();
    controller.abort();
    await held.release();
    await settle();
    expect(outcomes([first, second])).toEqual(['AbortError', 'granted']);
  });

  test('ending all the waits that it was given to', async () => {
    await using limiter = await full();
    await ask(limiter, ['s0', runId && 'r0']);
    const { signal, abort } = abortable();
    const waiting = Array.from({ length: 20 }, (_, n) =>
      wait(limiter, [`s${n + 1}`, runId && `r${n + 1}`, { signal }]),
    );
    await settle();
    abort();
    await settle();
    expect(new Set(outcomes(waiting))).toEqual(new Set(['AbortError']));
    expect(counts(limiter)).toMatchObject({ waitingSessions: 0, waitingRuns: 0 });
  });
});

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

describe('acquire: who listens to a signal', () => {
  test('leaving no listener behind, however the wait ends', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const signals = [abortable(), abortable(), abortable(), abortable()] as const;
    const [aborted, withdrawn, granted, refused] = signals;
    wait(limiter, ['s1', 'r2', { signal: aborted.signal }]);
    wait(limiter, ['s1', 'r3', { signal: withdrawn.signal }]);
    wait(limiter, ['s1', 'r4', { signal: granted.signal }]);
    attempt(limiter.acquireRunSlot('s1', 'r5', { signal: refused.signal }));
    aborted.abort();
    await limiter.releaseRunSlot('r3');
    await held.release();
    await settle();
    const left = signals.map(({ signal }) => getEventListeners(signal, 'abort').length);
    expect(left).toEqual([0, 0, 0, 0]);
  });

  test('warning of no leak when one signal is given to many waiters', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r0');
    const { signal, abort } = abortable();
    for (let n = 1; n <= 50; n++) wait(limiter, ['s1', `r${n}`, { signal }]);
    await settle();
    abort();
    await settle();
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});
