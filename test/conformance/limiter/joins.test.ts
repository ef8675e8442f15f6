/**
 * Joining: who acquires an id that waits already waits with those who were first, and gets what they get.
 */
import { describe, expect, test } from 'vitest';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import {
  ask,
  attempt,
  counts,
  EMPTY,
  NOTHING_RELEASED,
  outcomes,
  PATIENT,
  refusalOf,
  said,
  start,
  wait,
} from '../../support/callers.ts';

describe.each<[string, string | undefined, 'waitingRuns' | 'waitingSessions']>([
  ['session', undefined, 'waitingSessions'],
  ['run', 'r1', 'waitingRuns'],
])('a join of a %s that waits', (_name, runId, waiting) => {
  const other = runId && 'r0';
  const full = (clock = new SimulatedClock()) =>
    start({ maxParallelSessions: 1, maxParallelRuns: 1, maxWaiters: 1 }, { clock });

  test('getting the one slot', async () => {
    await using limiter = await full();
    const held = await ask(limiter, ['s0', other]);
    const joined = [1, 2, 3].map(() => wait(limiter, ['s1', runId]));
    await held.release();
    await settle();
    expect(outcomes(joined)).toEqual(['granted', 'granted', 'granted']);
    expect(new Set(joined.map(({ value }) => value?.token)).size).toBe(1);
  });

  test('counting as one waiter, also against maxWaiters', async () => {
    await using limiter = await full();
    await ask(limiter, ['s0', other]);
    const joined = [1, 2, 3].map(() => wait(limiter, ['s1', runId]));
    await settle();
    expect(outcomes(joined)).toEqual(['waiting', 'waiting', 'waiting']);
    expect(limiter.getStatus()).toMatchObject({ [waiting]: 1 });
  });

  test('changing nothing in the status', async () => {
    await using limiter = await full();
    await ask(limiter, ['s0', other]);
    wait(limiter, ['s1', runId]);
    const before = limiter.getStatus();
    wait(limiter, ['s1', runId]);
    await settle();
    expect(limiter.getStatus()).toBe(before);
  });

  test('keeping its own deadline', async () => {
    const clock = new SimulatedClock();
    await using limiter = await full(clock);
    const held = await ask(limiter, ['s0', other]);
    const first = wait(limiter, ['s1', runId, { waitTimeoutMs: 1_000 }]);
    const hasty = wait(limiter, ['s1', runId, { waitTimeoutMs: 10 }]);
    const patient = wait(limiter, ['s1', runId]);
    await clock.advance(10);
    expect(outcomes([first, hasty, patient])).toEqual(['waiting', 'wait_timeout', 'waiting']);
    await clock.advance(990);
    expect(outcomes([first, hasty, patient])).toEqual(['wait_timeout', 'wait_timeout', 'waiting']);
    await held.release();
    await settle();
    expect(patient.outcome).toBe('granted');
  });

  test('keeping its own signal', async () => {
    await using limiter = await full();
    const held = await ask(limiter, ['s0', other]);
    const controllers = [new AbortController(), new AbortController()] as const;
    const joined = controllers.map(({ signal }) => wait(limiter, ['s1', runId, { signal }]));
    controllers[0].abort('first gave up');
    await settle();
    expect(outcomes(joined)).toEqual(['first gave up', 'waiting']);
    await held.release();
    await settle();
    expect(outcomes(joined)).toEqual(['first gave up', 'granted']);
  });

  test('keeping the wait in the queue until the last has left', async () => {
    const clock = new SimulatedClock();
    await using limiter = await full(clock);
    await ask(limiter, ['s0', other]);
    const controller = new AbortController();
    wait(limiter, ['s1', runId, { signal: controller.signal }]);
    wait(limiter, ['s1', runId, { waitTimeoutMs: 10 }]);
    controller.abort();
    expect(limiter.getStatus()).toMatchObject({ [waiting]: 1 });
    await clock.advance(10);
    expect(limiter.getStatus()).toMatchObject({ [waiting]: 0 });
  });

  test('ending for all with the first release', async () => {
    await using limiter = await full();
    const held = await ask(limiter, ['s0', other]);
    const joined = [wait(limiter, ['s1', runId]), wait(limiter, ['s1', runId])] as const;
    await held.release();
    await settle();
    await joined[0].value?.release();
    expect(counts(limiter)).toEqual(EMPTY);
    expect(await joined[1].value?.release()).toEqual(NOTHING_RELEASED);
    expect(joined[1].value?.signal.aborted).toBe(false);
  });

  test('being refused without waitTimeoutMs, with what blocks the wait', async () => {
    await using limiter = await full();
    await ask(limiter, ['s0', other]);
    const first = wait(limiter, ['s1', runId]);
    const refusal = await refusalOf(ask(limiter, ['s1', runId]));
    expect(said(refusal)).toEqual({
      code: runId ? 'max_runs_exceeded' : 'max_sessions_exceeded',
      limit: 1,
      active: 1,
      scope: 'global',
      retryable: true,
    });
    await settle();
    expect(first.outcome).toBe('waiting');
  });

  test('keeping the place and the priority of who was first', async () => {
    await using limiter = await start({ maxParallelSessions: 1, maxParallelRuns: 1 });
    const held = await ask(limiter, ['s0', other]);
    const first = wait(limiter, ['s1', runId]);
    const urgent = wait(limiter, ['s2', runId && 'r2', { priority: 1 }]);
    const joined = wait(limiter, ['s1', runId, { priority: 9 }]);
    await held.release();
    await settle();
    expect(outcomes([first, joined, urgent])).toEqual(['waiting', 'waiting', 'granted']);
  });

  test('keeping the place although who was first has left', async () => {
    await using limiter = await start({ maxParallelSessions: 1, maxParallelRuns: 1 });
    const held = await ask(limiter, ['s0', other]);
    const controller = new AbortController();
    wait(limiter, ['s1', runId, { signal: controller.signal }]);
    const later = wait(limiter, ['s2', runId && 'r2']);
    const joined = wait(limiter, ['s1', runId]);
    controller.abort();
    await held.release();
    await settle();
    expect(outcomes([joined, later])).toEqual(['granted', 'waiting']);
  });

  test('being refused to another owner', async () => {
    await using limiter = await full();
    await ask(limiter, ['s0', other]);
    wait(limiter, ['s1', runId, { owner: 'alice' }]);
    const asked = ask(limiter, ['s1', runId, { ...PATIENT, owner: 'bob' }]);
    expect((await refusalOf(asked)).code).toBe(runId ? 'run_id_conflict' : 'session_id_conflict');
  });

  test('giving a thousand callers the one slot', async () => {
    await using limiter = await full();
    const held = await ask(limiter, ['s0', other]);
    const joined = Array.from({ length: 1_000 }, () => wait(limiter, ['s1', runId]));
    await held.release();
    await settle();
    expect(new Set(outcomes(joined))).toEqual(new Set(['granted']));
    expect(counts(limiter)).toEqual({
      ...EMPTY,
      ...(runId ? { activeRuns: 1 } : { activeSessions: 1 }),
    });
  });

  test('answering who asks after the grant with the slot held', async () => {
    await using limiter = await full();
    const held = await ask(limiter, ['s0', other]);
    const first = wait(limiter, ['s1', runId]);
    await held.release();
    const later = await ask(limiter, ['s1', runId]);
    expect(later.token).toBe(first.value?.token);
  });
});

describe('a join of a run that waits', () => {
  test('adding no job to its owner', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxJobsPerOwner: 2 });
    await limiter.acquireRunSlot('s1', 'r1', { owner: 'alice' });
    const joined = [1, 2].map(() => wait(limiter, ['s1', 'r2', { owner: 'alice' }]));
    await settle();
    expect(outcomes(joined)).toEqual(['waiting', 'waiting']);
  });

  test('being refused to another session', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    wait(limiter, ['s1', 'r2']);
    const asked = limiter.acquireRunSlot('s2', 'r2', PATIENT);
    expect((await refusalOf(asked)).code).toBe('run_id_conflict');
  });

  test('being possible at a full queue, for the kind that was first', async () => {
    await using limiter = await start({ maxRunsPerKind: { exec: 1 }, maxWaiters: 1 });
    await limiter.acquireRunSlot('s1', 'r1', { kind: 'exec' });
    const first = wait(limiter, ['s1', 'r2', { kind: 'exec' }]);
    const joined = attempt(limiter.acquireRunSlot('s1', 'r2', { ...PATIENT, kind: 'tool' }));
    await settle();
    expect(outcomes([first, joined])).toEqual(['waiting', 'waiting']);
  });
});
