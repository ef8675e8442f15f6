/**
 * Crashes: of a session's actor, of a run's, of the limiter. Each of them costs what hangs on it, and no
 * slot is lost or given twice.
 */
import { describe, expect, test } from 'vitest';
import { exit } from '../../../src/index.ts';
import { CrashAt, recordEvents, settle } from '../../../src/testing.ts';
import { attempt } from '../../support/callers.ts';
import { MANY_RESTARTS } from '../../support/crash-points.ts';
import { recordingLogger } from '../../support/servers.ts';
import {
  ActorCrashes,
  busy,
  countsOf,
  endOfRun,
  expectNothingLeft,
  keep,
  keepOn,
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

describe('a crash of a run', () => {
  test('failing it at once, and freeing its slot when its work is gone', async () => {
    const crashes = new ActorCrashes();
    await using keeper = await keep({}, { inspect: crashes.inspect });
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1' });
    await settle();
    crashes.crashRun('r1');
    const outcome = await run.outcome;
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'run_crashed' } });
    expect([run.state, it.context?.signal.aborted]).toEqual(['stopping', true]);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, stuckRuns: 1 });
    it.open(1);
    await settle();
    expect([run.state, countsOf(keeper)]).toEqual(['failed', OPEN]);
  });

  test('leaving its session and the runs beside it alone', async () => {
    const crashes = new ActorCrashes();
    await using keeper = await keep({}, { inspect: crashes.inspect });
    const session = await keeper.openSession();
    const [one, other] = [await busy(session, 'r1'), await busy(session, 'r2')];
    await settle();
    crashes.crashRun('r1');
    await settle();
    expect([one.state, other.state, session.state]).toEqual(['failed', 'running', 'active']);
    expect(await (await session.run(() => 5)).result()).toBe(5);
  });

  test('giving its slot to who waits', async () => {
    const crashes = new ActorCrashes();
    await using keeper = await keep({ maxParallelRuns: 1 }, { inspect: crashes.inspect });
    const session = await keeper.openSession();
    await busy(session, 'r1');
    const next = await busy(session, 'r2');
    await settle();
    crashes.crashRun('r1');
    await settle();
    expect([next.state, countsOf(keeper).activeRuns]).toEqual(['running', 1]);
  });

  test('taking it out of the queue when it waits', async () => {
    const crashes = new ActorCrashes();
    await using keeper = await keep({ maxParallelRuns: 1 }, { inspect: crashes.inspect });
    const session = await keeper.openSession();
    await busy(session, 'r1');
    const waiting = await busy(session, 'r2');
    crashes.crashRun('r2');
    await settle();
    expect(await waiting.outcome).toMatchObject({
      state: 'failed',
      error: { code: 'run_crashed' },
    });
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1 });
  });

  test('failing one that crashes before its work has begun', async () => {
    const faultPoints = new CrashAt();
    await using keeper = await keep({}, { faultPoints });
    const session = await keeper.openSession();
    faultPoints.arm('before', 'run_starting');
    let calls = 0;
    const run = await session.run(() => (calls += 1));
    expect(await run.outcome).toMatchObject({ state: 'failed', error: { code: 'run_crashed' } });
    expect([calls, countsOf(keeper)]).toEqual([0, OPEN]);
  });

  test.each(['run_stopping', 'run_ended'] as const)(
    'leaving the outcome of work that has ended as it is, before %s',
    async (step) => {
      const faultPoints = new CrashAt();
      await using keeper = await keep({}, { faultPoints });
      const session = await keeper.openSession();
      faultPoints.arm('before', step);
      const run = await session.run(() => 5);
      await settle();
      expect([faultPoints.crashes, run.state]).toEqual([1, 'succeeded']);
      expect([await run.result(), session.runs(), countsOf(keeper)]).toEqual([5, [], OPEN]);
    },
  );

  test.each(['run_stopping', 'run_ended'] as const)(
    'leaving the reason of a run that is cancelled as it is, before %s',
    async (step) => {
      const faultPoints = new CrashAt();
      await using keeper = await keep({}, { faultPoints });
      const session = await keeper.openSession();
      const run = await busy(session, 'r1');
      await settle();
      faultPoints.arm('before', step);
      const outcome = await run.cancel();
      await settle();
      expect(outcome).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
      expect([faultPoints.crashes, run.state, countsOf(keeper)]).toEqual([1, 'cancelled', OPEN]);
    },
  );

  test('ending one that crashes after its slot was evicted, though its work goes on', async () => {
    const faultPoints = new CrashAt();
    await using keeper = await keep({}, { faultPoints });
    const session = await keeper.openSession();
    const run = await session.run(stubborn().work, { runId: 'r1' });
    await settle();
    faultPoints.arm('before', 'run_ended');
    await keeper.limiter.evict('r1', 'it hangs');
    await settle();
    expect([faultPoints.crashes, run.state, countsOf(keeper)]).toEqual([1, 'cancelled', OPEN]);
  });

  test('staying failed when it is evicted afterwards, cancelled or closed', async () => {
    const crashes = new ActorCrashes();
    await using keeper = await keep({}, { inspect: crashes.inspect });
    const session = await keeper.openSession();
    const run = await session.run(stubborn().work, { runId: 'r1' });
    await settle();
    using recorder = recordEvents(['run_ended']);
    crashes.crashRun('r1');
    expect((await run.cancel()).state).toBe('failed');
    await keeper.limiter.evict('r1', 'it hangs');
    await session.close();
    expect([run.state, (await run.outcome).state]).toEqual(['failed', 'failed']);
    expect(recorder.events).toMatchObject([{ runId: 'r1', state: 'failed' }]);
    expect([run.history, countsOf(keeper)]).toEqual([[], NOBODY]);
  });

  test('being logged, with its cause', async () => {
    const crashes = new ActorCrashes();
    const logger = recordingLogger();
    await using keeper = await keep({}, { inspect: crashes.inspect, logger });
    const session = await keeper.openSession({ sessionId: 's1' });
    const run = await busy(session, 'r1');
    crashes.crashRun('r1');
    await settle();
    const [line] = logger.lines.filter(({ message }) => message.includes('run r1'));
    expect(line?.level).toBe('error');
    const details = { runId: 'r1', sessionId: 's1' };
    expect(line?.fields.error).toMatchObject({ code: 'run_crashed', details });
    await expect(run.result()).rejects.toMatchObject({ cause: { name: 'TypeError' } });
  });
});

describe('a crash of the limiter', () => {
  test('disturbing neither sessions nor runs, at work or waiting', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const [one, two] = [await busy(session, 'r1'), await busy(session, 'r2')];
    await settle();
    exit(keeper.limiter.ref, new Error('crash'));
    await settle();
    expect(keeper.getStatus()).toMatchObject({ restarts: 1, activeRuns: 1, waitingRuns: 1 });
    expect([session.state, one.state, two.state]).toEqual(['active', 'running', 'queued']);
    await one.cancel();
    await settle();
    expect(two.state).toBe('running');
  });

  test('not losing a run that is asked for, a cancel or a close meanwhile', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const [one] = [await busy(session, 'r1'), await busy(session, 'r2')];
    await settle();
    exit(keeper.limiter.ref, new Error('crash'));
    const three = session.run(() => 5);
    const ended = one.cancel();
    expect([await (await three).result(), (await ended).state]).toEqual([5, 'cancelled']);
    exit(keeper.limiter.ref, new Error('crash'));
    expect(await session.close()).toMatchObject({ isComplete: true });
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test.each(['mailbox', 'decide', 'change', 'journal', 'publish', 'reply', 'emit'] as const)(
    'ending each run once, and its slot, when it is around %s',
    async (step) => {
      const faultPoints = new CrashAt();
      await using keeper = await keep({}, { faultPoints, restartIntensity: MANY_RESTARTS });
      using recorder = recordEvents(['run_ended', 'run_slot_ended']);
      for (const moment of ['before', 'after'] as const) {
        const session = await keeper.openSession();
        const run = await busy(session, `r-${moment}`);
        await settle();
        faultPoints.arm(moment, step);
        await keeper.limiter.releaseRunSlot(run.runId);
        expect(await endOfRun(run)).toEqual({ state: 'cancelled', reason: 'released' });
        faultPoints.arm(moment, step);
        await session.close();
      }
      await settle();
      const told = recorder.events.map((event) => event.type);
      expect(told.sort()).toEqual(['run_ended', 'run_ended', 'run_slot_ended', 'run_slot_ended']);
      expect(countsOf(keeper)).toEqual(NOBODY);
    },
  );

  test('ending all that there is when it comes too often', async () => {
    const { keeper, clock } = await keepOn({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const it = stubborn();
    const runs = [await session.run(it.work), await busy(session, 'r2')];
    await settle();
    for (let crash = 0; crash < 4; crash += 1) {
      exit(keeper.limiter.ref, new Error('crash'));
      await settle();
    }
    const ends = await Promise.all(runs.map(endOfRun));
    expect(ends.map(({ state }) => state)).toEqual(['interrupted', 'interrupted']);
    expect([keeper.getStatus().state, session.state]).toEqual(['stopped', 'closed']);
    expect((await attempt(keeper.openSession()).value) ?? 'none').toBe('none');
    await keeper.stop();
    expectNothingLeft(keeper, clock);
  });
});
