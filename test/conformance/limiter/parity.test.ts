/**
 * What the first ConcurrencyLimiter did, operation by operation and edge by edge, with what was decided
 * since: limits and ids are checked, a run id belongs to its session and owner, a refusal is retryable.
 */
import { describe, expect, test } from 'vitest';
import { type Limits, startConcurrencyLimiter } from '../../../src/index.ts';
import {
  type Ask,
  ask,
  attempt,
  counts,
  EMPTY,
  NOTHING_RELEASED,
  outcomes,
  refusalOf,
  said,
  start,
} from '../../support/callers.ts';
import { faultOf } from '../../support/servers.ts';

const unchecked = (limits: object): Promise<unknown> => start(limits as Partial<Limits>);

describe('parity: start', () => {
  test('limiting to 100 sessions and 50 runs when nothing is said', async () => {
    await using limiter = await startConcurrencyLimiter();
    expect(limiter.getLimits()).toMatchObject({ maxParallelSessions: 100, maxParallelRuns: 50 });
  });

  test.each([
    [{ maxParallelSessions: Infinity }, { maxParallelSessions: Infinity, maxParallelRuns: 50 }],
    [{ maxParallelRuns: Infinity }, { maxParallelSessions: 100, maxParallelRuns: Infinity }],
  ])('taking %o, the other limit standing', async (limits, expected) => {
    await using limiter = await start(limits);
    expect(limiter.getLimits()).toMatchObject(expected);
  });

  test.each([0, -1, null, '10', NaN, 1.5])('refusing %o as a limit', async (value) => {
    const faults = ['maxParallelSessions', 'maxParallelRuns'].map((name) =>
      faultOf(unchecked({ [name]: value })),
    );
    const codes = (await Promise.all(faults)).map(({ code }) => code);
    expect(codes).toEqual(['invalid_option', 'invalid_option']);
  });
});

describe('parity: get_status', () => {
  test('telling the six numbers', async () => {
    await using limiter = await start({ maxParallelSessions: 3, maxParallelRuns: 5 });
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireRunSlot('s1', 'r2');
    expect(limiter.getStatus()).toMatchObject({
      activeSessions: 1,
      activeRuns: 2,
      maxParallelSessions: 3,
      maxParallelRuns: 5,
      availableSessionSlots: 2,
      availableRunSlots: 3,
    });
  });

  test('telling infinite room for an infinite limit', async () => {
    await using limiter = await start({ maxParallelSessions: Infinity, maxParallelRuns: Infinity });
    await limiter.acquireRunSlot('s1', 'r1');
    expect(limiter.getStatus()).toMatchObject({
      availableSessionSlots: Infinity,
      availableRunSlots: Infinity,
    });
  });

  test('being answered by a limiter that was stopped', async () => {
    const limiter = await start();
    await limiter.stop();
    expect(limiter.getStatus()).toMatchObject({ state: 'stopped', activeSessions: 0 });
  });
});

describe('parity: acquire_session', () => {
  test('granting up to the limit, then refusing with both numbers', async () => {
    await using limiter = await start({ maxParallelSessions: 3 });
    for (const id of ['s1', 's2', 's3']) await limiter.acquireSessionSlot(id);
    const refusal = await refusalOf(limiter.acquireSessionSlot('s4'));
    expect(refusal.message).toBe(
      'Maximum parallel sessions limit (3) exceeded. Currently active: 3',
    );
    expect(said(refusal)).toEqual({
      code: 'max_sessions_exceeded',
      limit: 3,
      active: 3,
      scope: 'global',
      retryable: true,
    });
  });

  test('answering an id that is held before it looks at the limit', async () => {
    await using limiter = await start({ maxParallelSessions: 1 });
    const first = await limiter.acquireSessionSlot('s1');
    const again = await limiter.acquireSessionSlot('s1');
    expect(again.token).toBe(first.token);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1 });
  });
});

describe('parity: release_session', () => {
  test('freeing the session and every run of it', async () => {
    await using limiter = await start();
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireRunSlot('s1', 'r2');
    await limiter.acquireRunSlot('s2', 'r3');
    await limiter.releaseSessionSlot('s1');
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('doing nothing for an id that is not known', async () => {
    await using limiter = await start();
    expect(await limiter.releaseSessionSlot('nobody')).toEqual(NOTHING_RELEASED);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('making room for another session', async () => {
    await using limiter = await start({ maxParallelSessions: 1 });
    await limiter.acquireSessionSlot('s1');
    await limiter.releaseSessionSlot('s1');
    expect((await limiter.acquireSessionSlot('s2')).sessionId).toBe('s2');
  });
});

describe('parity: acquire_run', () => {
  test('granting up to the limit over all sessions, then refusing with both numbers', async () => {
    await using limiter = await start({ maxParallelRuns: 5 });
    for (const id of [1, 2, 3, 4, 5]) await limiter.acquireRunSlot(`s${id % 2}`, `r${id}`);
    const refusal = await refusalOf(limiter.acquireRunSlot('s9', 'r9'));
    expect(refusal.message).toBe('Maximum parallel runs limit (5) exceeded. Currently active: 5');
    expect(said(refusal)).toEqual({
      code: 'max_runs_exceeded',
      limit: 5,
      active: 5,
      scope: 'global',
      retryable: true,
    });
  });

  test('answering an id that is held before it looks at the limit', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const first = await limiter.acquireRunSlot('s1', 'r1');
    const again = await limiter.acquireRunSlot('s1', 'r1');
    expect(again.token).toBe(first.token);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('needing no session, and making none', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('never-acquired', 'r1');
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('having no limit per session when none was set', async () => {
    await using limiter = await start({ maxParallelRuns: 30 });
    const asked = Array.from({ length: 30 }, (_, n) => limiter.acquireRunSlot('s1', `r${n}`));
    await Promise.all(asked);
    expect(limiter.getStatus().activeRuns).toBe(30);
  });
});

describe('parity: release_run', () => {
  test('freeing one run', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    expect(await limiter.releaseRunSlot('r1')).toEqual({ sessions: 0, runs: 1, waiters: 0 });
    expect((await limiter.acquireRunSlot('s1', 'r2')).runId).toBe('r2');
  });

  test('doing nothing for an id that is not known', async () => {
    await using limiter = await start();
    expect(await limiter.releaseRunSlot('nobody')).toEqual(NOTHING_RELEASED);
  });

  test('doing nothing for a run that went with its session', async () => {
    await using limiter = await start();
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.releaseSessionSlot('s1');
    expect(await limiter.releaseRunSlot('r1')).toEqual(NOTHING_RELEASED);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('never counting below zero', async () => {
    await using limiter = await start({ maxParallelRuns: 2 });
    await limiter.acquireRunSlot('s1', 'r1');
    for (let time = 0; time < 3; time++) await limiter.releaseRunSlot('r1');
    expect(limiter.getStatus()).toMatchObject({ activeRuns: 0, availableRunSlots: 2 });
  });
});

describe('parity: callers', () => {
  const crowd = (asked: (n: number) => Ask): Ask[] =>
    Array.from({ length: 200 }, (_, n) => asked(n));
  const grants = (told: string[]) => told.filter((outcome) => outcome === 'granted').length;

  test.each<[string, (n: number) => Ask]>([
    ['sessions', (n) => [`s${n}`]],
    ['runs', (n) => [`s${n}`, `r${n}`]],
    ['runs of one session', (n) => ['s', `r${n}`]],
  ])('granting exactly 10 of 200 concurrent %s at a limit of 10', async (_name, asked) => {
    await using limiter = await start({ maxParallelSessions: 10, maxParallelRuns: 10 });
    const callers = crowd(asked).map((one) => ask(limiter, one));
    const attempts = callers.map(attempt);
    await Promise.allSettled(callers);
    expect(grants(outcomes(attempts))).toBe(10);
    expect(outcomes(attempts).filter((outcome) => outcome.startsWith('max_')).length).toBe(190);
  });

  test('never letting a refused caller wait', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    await refusalOf(limiter.acquireRunSlot('s2', 'r2'));
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test.each([null, 1, '', undefined])('refusing %o as an id', async (id) => {
    await using limiter = await start();
    const asked = [
      limiter.acquireSessionSlot(id as string),
      limiter.acquireRunSlot(id as string, 'r1'),
      limiter.acquireRunSlot('s1', id as string),
    ];
    const codes = (await Promise.all(asked.map(faultOf))).map(({ code }) => code);
    expect(codes).toEqual(['invalid_id', 'invalid_id', 'invalid_id']);
  });
});

describe('parity: decided otherwise', () => {
  test('comparing session and owner of a run id that is held', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    const refusal = await refusalOf(limiter.acquireRunSlot('s2', 'r1'));
    expect(refusal).toMatchObject({ code: 'run_id_conflict', retryable: false });
  });

  test('rejecting what is asked of a limiter that was stopped, in words', async () => {
    const limiter = await start();
    await limiter.stop();
    expect((await faultOf(limiter.acquireSessionSlot('s1'))).code).toBe('stopped');
  });
});
