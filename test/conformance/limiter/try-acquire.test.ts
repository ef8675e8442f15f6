/**
 * Acquiring synchronously: the slot or the refusal as a value, never past what is queued before, and
 * `unavailable` where no answer can be had at once.
 */
import { describe, expect, test } from 'vitest';
import { RefusalError, SlotkeeperError, sys } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import {
  attempt,
  counts,
  EMPTY,
  granted,
  lossOf,
  outcomes,
  refusalOf,
  type Slot,
  said,
  start,
  tryAsk,
  wait,
} from '../../support/callers.ts';

const limits = { maxParallelSessions: 1, maxParallelRuns: 1 };
const unavailable = { code: 'unavailable', retryable: true };

describe.each<[string, string | undefined]>([
  ['tryAcquireSessionSlot', undefined],
  ['tryAcquireRunSlot', 'r1'],
])('%s', (_name, runId) => {
  const other = runId && 'r2';

  test('giving the slot, held by now', async () => {
    await using limiter = await start(limits);
    const slot = granted(tryAsk(limiter, ['s1', runId]));
    expect(slot.sessionId).toBe('s1');
    expect(counts(limiter)).toEqual({
      ...EMPTY,
      ...(runId ? { activeRuns: 1 } : { activeSessions: 1 }),
    });
    await slot.release();
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('giving the refusal as a value', async () => {
    await using limiter = await start(limits);
    granted(tryAsk(limiter, ['s1', runId]));
    const answer = tryAsk(limiter, ['s2', other]);
    expect(answer).toBeInstanceOf(RefusalError);
    expect(said(await refusalOf(answer))).toEqual({
      code: runId ? 'max_runs_exceeded' : 'max_sessions_exceeded',
      limit: 1,
      active: 1,
      scope: 'global',
      retryable: true,
    });
  });

  test('giving the slot that is held already', async () => {
    await using limiter = await start(limits);
    const first = granted(tryAsk(limiter, ['s1', runId]));
    expect(granted(tryAsk(limiter, ['s1', runId])).token).toBe(first.token);
  });

  test('refusing the id to another owner', async () => {
    await using limiter = await start(limits);
    granted(tryAsk(limiter, ['s1', runId, { owner: 'alice' }]));
    const refusal = await refusalOf(tryAsk(limiter, ['s1', runId, { owner: 'bob' }]));
    expect(refusal.code).toBe(runId ? 'run_id_conflict' : 'session_id_conflict');
  });

  test('refusing an id that waits, with what blocks the wait', async () => {
    await using limiter = await start(limits);
    granted(tryAsk(limiter, ['s1', runId]));
    const waiting = wait(limiter, ['s2', other]);
    const refusal = await refusalOf(tryAsk(limiter, ['s2', other]));
    expect(refusal).toMatchObject({ limit: 1, active: 1, scope: 'global' });
    expect(waiting.outcome).toBe('waiting');
  });

  test('refusing while the limiter is suspended', async () => {
    await using limiter = await start(limits);
    await sys.suspend(limiter.ref);
    expect(said(await refusalOf(tryAsk(limiter, ['s1', runId])))).toEqual(unavailable);
    await sys.resume(limiter.ref);
    expect(counts(limiter)).toEqual(EMPTY);
    expect(granted(tryAsk(limiter, ['s1', runId])).sessionId).toBe('s1');
  });

  test('refusing from within a turn, as in a listener of a signal', async () => {
    await using limiter = await start(limits);
    const held = granted(tryAsk(limiter, ['s1', runId]));
    const answers: (Slot | RefusalError)[] = [];
    held.signal.addEventListener('abort', () => answers.push(tryAsk(limiter, ['s2', other])));
    await (runId ? limiter.releaseRunSlot(runId) : limiter.releaseSessionSlot('s1'));
    expect(await Promise.all(answers.map(refusalOf))).toMatchObject([unavailable]);
    await settle();
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('throwing stopped after the stop', async () => {
    const limiter = await start();
    await limiter.stop();
    const stopped = expect.objectContaining({ code: 'stopped' });
    expect(() => tryAsk(limiter, ['s1', runId])).toThrow(stopped);
    expect(() => tryAsk(limiter, ['s1', runId])).toThrow(SlotkeeperError);
  });

  test('never jumping the line of a burst in the same tick', async () => {
    await using limiter = await start({ maxParallelSessions: 3_000, maxParallelRuns: 3_000 });
    const asked = Array.from({ length: 5_000 }, (_, n) =>
      attempt<unknown>(
        runId ? limiter.acquireRunSlot('s', `q${n}`) : limiter.acquireSessionSlot(`q${n}`),
      ),
    );
    const refusal = await refusalOf(tryAsk(limiter, ['late', runId && 'late']));
    expect(refusal).toMatchObject({ limit: 3_000, active: 3_000 });
    await settle();
    expect(outcomes(asked).filter((outcome) => outcome === 'granted').length).toBe(3_000);
  });

  test('leaving no room that a waiter could have had', async () => {
    await using limiter = await start(limits);
    const held = granted(tryAsk(limiter, ['s1', runId]));
    const waiting = wait(limiter, ['s2', other]);
    held.release();
    const answer = tryAsk(limiter, ['s3', runId && 'r3']);
    expect((await refusalOf(answer)).active).toBe(1);
    await settle();
    expect(waiting.outcome).toBe('granted');
  });

  test('giving a slot that is like any other: its signal, its loss', async () => {
    await using limiter = await start(limits);
    const slot = granted(tryAsk(limiter, ['s1', runId]));
    expect(slot.signal.aborted).toBe(false);
    await limiter.releaseSessionSlot('s1');
    expect(lossOf(slot)).toBe(runId ? 'cascade' : 'released');
  });
});
