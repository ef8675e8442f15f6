/**
 * Crashes: of a session's actor, of a run's, of the limiter. Each of them costs what hangs on it, and no
 * slot is lost or given twice.
 */
import { describe, expect, test } from 'vitest';
import { CrashAt, settle } from '../../../src/testing.ts';
import { attempt } from '../../support/callers.ts';
import {
  ActorCrashes,
  busy,
  countsOf,
  endOfRun,
  keep,
  NOBODY,
  stubborn,
} from '../../support/sessions.ts';

const OPEN = { ...NOBODY, activeSessions: 1, openSessions: 1 };

describe('a crash of a session', () => {
  test('closing it as crashed, and interrupting its runs, at work or waiting', async () => {
    const crashes = new ActorCrashes();
    await using keeper = await keep({ maxParallelRuns: 1 }, { inspect: crashes.inspect });
    const session = await keeper.openSession();
    const runs = [await busy(session, 'r1'), await busy(session, 'r2')];
    await settle();
    crashes.crashSession();
    const ends = await Promise.all(runs.map(endOfRun));
    expect(ends).toEqual(Array(2).fill({ state: 'interrupted', reason: 'session_crashed' }));
    expect((await session.closed).reason).toBe('crashed');
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test('holding the slots until the work is gone', async () => {
    const crashes = new ActorCrashes();
    await using keeper = await keep({}, { inspect: crashes.inspect });
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work);
    await settle();
    crashes.crashSession();
    expect((await run.outcome).state).toBe('interrupted');
    expect([session.state, it.context?.signal.aborted]).toEqual(['closing', true]);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, stuckRuns: 1 });
    it.open(1);
    await session.closed;
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test('leaving other sessions and their runs alone', async () => {
    const crashes = new ActorCrashes();
    await using keeper = await keep({}, { inspect: crashes.inspect });
    const other = await keeper.openSession();
    const run = await busy(other, 'r1');
    const session = await keeper.openSession();
    crashes.crashSession();
    await session.closed;
    expect([other.state, run.state]).toEqual(['active', 'running']);
    expect(keeper.getStatus().restarts).toBe(0);
  });

  test('refusing runs from then on, and freeing the id', async () => {
    const crashes = new ActorCrashes();
    await using keeper = await keep({}, { inspect: crashes.inspect });
    const session = await keeper.openSession({ sessionId: 's1' });
    crashes.crashSession();
    await settle();
    const refused = attempt(session.run(() => 1));
    const next = await keeper.openSession({ sessionId: 's1' });
    expect(refused.error).toMatchObject({ code: 'session_closed', details: { reason: 'crashed' } });
    expect([next === session, next.state]).toEqual([false, 'active']);
  });

  test('rejecting who opens it when it crashes on its way, with nothing held', async () => {
    const faultPoints = new CrashAt();
    await using keeper = await keep({}, { faultPoints });
    faultPoints.arm('before', 'session_active');
    const opening = attempt(keeper.openSession({ sessionId: 's1' }));
    await settle();
    expect(opening.error).toMatchObject({ code: 'session_closed', details: { reason: 'crashed' } });
    expect([countsOf(keeper), keeper.getSession('s1')]).toEqual([NOBODY, undefined]);
  });

  test.each(['session_closing', 'session_closed'] as const)(
    'keeping the first reason when it crashes before %s',
    async (step) => {
      const faultPoints = new CrashAt();
      await using keeper = await keep({}, { faultPoints });
      const session = await keeper.openSession();
      const run = await busy(session, 'r1');
      faultPoints.arm('before', step);
      const closed = attempt(session.close());
      await settle();
      expect(faultPoints.crashes).toBe(1);
      expect(closed.value).toMatchObject({ reason: 'released', isComplete: true });
      expect(await endOfRun(run)).toEqual({ state: 'cancelled', reason: 'session_released' });
      expect(countsOf(keeper)).toEqual(NOBODY);
    },
  );
});
