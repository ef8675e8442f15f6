/**
 * The four times: how long a run waits, how long it works, how long a session is idle, how old it becomes.
 * Each to the millisecond, and the first reason stays.
 */
import { describe, expect, test } from 'vitest';
import { Deadlines } from '../../../src/otp/deadlines.ts';
import { SessionTimes } from '../../../src/sessions/session-times.ts';
import { recordEvents, SimulatedClock, settle } from '../../../src/testing.ts';
import { attempt } from '../../support/callers.ts';
import { faultOf } from '../../support/servers.ts';
import {
  busy,
  countsOf,
  endOfRun,
  keepOn,
  NOBODY,
  obedient,
  stubborn,
} from '../../support/sessions.ts';

const DEADLINE = { state: 'timed_out', reason: 'deadline' };

describe('waitTimeoutMs of a run', () => {
  test('timing it out when it has waited so long, and not before', async () => {
    const { keeper, clock } = await keepOn({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    await busy(session, 'r1');
    const run = await session.run(obedient, { waitTimeoutMs: 1_000 });
    await clock.advance(999);
    expect(run.state).toBe('queued');
    await clock.advance(1);
    expect(await endOfRun(run)).toEqual({ state: 'timed_out', reason: 'wait_timeout' });
    expect([run.state, run.startedAt, countsOf(keeper).waitingRuns]).toEqual([
      'timed_out',
      undefined,
      0,
    ]);
    await keeper.stop();
  });

  test('being over with the grant: the work may take longer', async () => {
    const { keeper, clock } = await keepOn({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const first = await busy(session, 'r1');
    const run = await session.run(obedient, { waitTimeoutMs: 1_000 });
    await clock.advance(999);
    await first.cancel();
    await clock.advance(10_000);
    expect(run.state).toBe('running');
    await keeper.stop();
  });

  test('being no wait when it is absent or 0', async () => {
    const { keeper } = await keepOn({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    await busy(session, 'r1');
    for (const options of [{}, { waitTimeoutMs: 0 }]) {
      const refused = await faultOf(session.run(obedient, options));
      expect(refused.code).toBe('max_runs_exceeded');
    }
    expect(session.runs()).toHaveLength(1);
    await keeper.stop();
  });
});

describe('deadlineMs', () => {
  test('timing the run out when its work has taken so long, and not before', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const run = await session.run(obedient, { deadlineMs: 1_000 });
    await clock.advance(999);
    expect(run.state).toBe('running');
    await clock.advance(1);
    expect(await endOfRun(run)).toEqual(DEADLINE);
    expect([run.state, countsOf(keeper).activeRuns]).toEqual(['timed_out', 0]);
    await keeper.stop();
  });

  test('counting from the start of the work, not from the wait', async () => {
    const { keeper, clock } = await keepOn({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const first = await busy(session, 'r1');
    const run = await busy(session, 'r2', { deadlineMs: 1_000 });
    await clock.advance(5_000);
    expect([run.state, run.deadlineAt]).toEqual(['queued', undefined]);
    await first.cancel();
    await settle();
    expect(run.deadlineAt).toBe(clock.now() + 1_000);
    await clock.advance(999);
    expect(run.state).toBe('running');
    await clock.advance(1);
    expect(run.state).toBe('timed_out');
    await keeper.stop();
  });

  test('going on while the run is paused', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const run = await session.run(obedient, { deadlineMs: 1_000, pausable: true });
    await clock.advance(400);
    run.pause();
    await clock.advance(599);
    expect([run.state, run.isPaused]).toEqual(['running', true]);
    await clock.advance(1);
    expect([await endOfRun(run), run.isPaused]).toEqual([DEADLINE, false]);
    await keeper.stop();
  });

  test('telling the outcome of work that does not listen, which keeps its slot', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { deadlineMs: 1_000 });
    await clock.advance(1_000);
    expect(await endOfRun(run)).toEqual(DEADLINE);
    expect([run.state, countsOf(keeper).stuckRuns]).toEqual(['stopping', 1]);
    it.open(0);
    await settle();
    expect([run.state, countsOf(keeper).stuckRuns]).toEqual(['timed_out', 0]);
    await keeper.stop();
  });

  test('leaving the reason of a run that was cancelled before', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { deadlineMs: 1_000 });
    await clock.advance(999);
    await run.cancel();
    await clock.advance(10_000);
    expect(await endOfRun(run)).toEqual({ state: 'cancelled', reason: 'cancelled' });
    it.open(0);
    await keeper.stop();
  });

  test('leaving no timer that holds the process when the work ends before', async () => {
    const { keeper, clock } = await keepOn();
    const run = await (await keeper.openSession()).run(() => 5, { deadlineMs: 1_000 });
    await run.result();
    await settle();
    expect(clock.pendingTimers).toBe(0);
    await keeper.stop();
  });

  test('reaching beyond what a timer of Node can', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const run = await session.run(obedient, { deadlineMs: 2 ** 32 });
    await clock.advance(2 ** 32 - 1);
    expect(run.state).toBe('running');
    await clock.advance(1);
    expect(run.state).toBe('timed_out');
    await keeper.stop();
  });
});

describe('idleTimeoutMs', () => {
  test('closing a session that nobody has used for so long', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ idleTimeoutMs: 60_000 });
    await clock.advance(59_999);
    expect(session.state).toBe('active');
    await clock.advance(1);
    expect([session.state, session.closeReason]).toEqual(['closed', 'idle_timeout']);
    expect(countsOf(keeper)).toEqual(NOBODY);
    await keeper.stop();
  });

  test('counting from the end of the last run', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ idleTimeoutMs: 1_000 });
    const [one, two] = [await busy(session, 'r1'), await busy(session, 'r2')];
    await clock.advance(5_000);
    await one.cancel();
    await clock.advance(5_000);
    await two.cancel();
    await clock.advance(999);
    expect(session.state).toBe('active');
    await clock.advance(1);
    expect(session.closeReason).toBe('idle_timeout');
    await keeper.stop();
  });

  test('not counting while a run waits, or is stuck', async () => {
    const { keeper, clock } = await keepOn({ maxParallelRuns: 1 });
    const other = await keeper.openSession();
    const it = stubborn();
    const held = await other.run(it.work);
    const session = await keeper.openSession({ idleTimeoutMs: 1_000 });
    const waiting = await busy(session, 'r1');
    await clock.advance(5_000);
    expect([waiting.state, session.state]).toEqual(['queued', 'active']);
    await held.cancel();
    await clock.advance(5_000);
    expect([waiting.state, session.state]).toEqual(['queued', 'active']);
    it.open(0);
    await keeper.stop();
  });

  test('not counting while the limiter holds a run for its id', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ sessionId: 's1', idleTimeoutMs: 60_000 });
    const slot = await keeper.limiter.acquireRunSlot('s1', 'raw');
    await clock.advance(119_500);
    await slot.release();
    await clock.advance(59_999);
    expect(session.state).toBe('active');
    await clock.advance(1_001);
    expect(session.closeReason).toBe('idle_timeout');
    await keeper.stop();
  });

  test('not counting a run of the limiter that is held when the timer comes late', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ sessionId: 's1', idleTimeoutMs: 1_000 });
    await keeper.limiter.acquireRunSlot('s1', 'raw');
    clock.stall(5_000);
    expect(await (await session.run(() => 5)).result()).toBe(5);
    await keeper.stop();
  });

  test('showing when it was used last', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const { createdAt } = session;
    await clock.advance(100);
    const run = await busy(session, 'r1');
    await clock.advance(100);
    expect([session.createdAt, session.lastActiveAt]).toEqual([createdAt, createdAt + 200]);
    await run.cancel();
    await clock.advance(100);
    expect([clock.now(), session.lastActiveAt]).toEqual([createdAt + 300, createdAt + 200]);
    await keeper.stop();
  });

  test('refusing a run at the limit, also where no timer has come', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ sessionId: 's1', idleTimeoutMs: 1_000 });
    clock.stall(1_500);
    const { code, details } = await faultOf(session.run(() => 5));
    const facts = { sessionId: 's1', reason: 'idle_timeout', elapsedMs: 1_500, limitMs: 1_000 };
    expect([code, details]).toEqual(['session_closed', facts]);
    expect((await session.closed).reason).toBe('idle_timeout');
    await keeper.stop();
  });
});

describe('maxLifetimeMs', () => {
  test('closing a session at that age, whatever it does, and its runs with it', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ maxLifetimeMs: 60_000, idleTimeoutMs: 90_000 });
    const run = await busy(session, 'r1');
    await clock.advance(59_999);
    expect(session.state).toBe('active');
    await clock.advance(1);
    expect([session.state, session.closeReason]).toEqual(['closed', 'max_lifetime']);
    expect(await endOfRun(run)).toEqual({ state: 'cancelled', reason: 'max_lifetime' });
    expect(countsOf(keeper)).toEqual(NOBODY);
    await keeper.stop();
  });

  test('counting from the opening, not from the wait for the slot', async () => {
    const { keeper, clock } = await keepOn({ maxParallelSessions: 1 });
    const first = await keeper.openSession();
    const opening = keeper.openSession({ waitTimeoutMs: Infinity, maxLifetimeMs: 1_000 });
    await clock.advance(5_000);
    await first.close();
    const session = await opening;
    await clock.advance(999);
    expect(session.state).toBe('active');
    await clock.advance(1);
    expect(session.closeReason).toBe('max_lifetime');
    await keeper.stop();
  });

  test('cancelling runs that wait', async () => {
    const { keeper, clock } = await keepOn({ maxParallelRuns: 1 });
    await busy(await keeper.openSession(), 'r1');
    const session = await keeper.openSession({ maxLifetimeMs: 1_000 });
    const run = await busy(session, 'r2');
    await clock.advance(1_000);
    expect(await endOfRun(run)).toEqual({ state: 'cancelled', reason: 'max_lifetime' });
    expect((await session.closed).steps).toMatchObject([
      { action: 'withdraw_run', runId: 'r2', result: 'done' },
      { action: 'release_session', result: 'done' },
    ]);
    await keeper.stop();
  });

  test('saying so to who asks for a run, with the age', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ sessionId: 's1', maxLifetimeMs: 1_000 });
    await clock.advance(2_000);
    const { details } = await faultOf(session.run(() => 5));
    const facts = { sessionId: 's1', reason: 'max_lifetime', elapsedMs: 1_000, limitMs: 1_000 };
    expect(details).toEqual(facts);
    await keeper.stop();
  });

  test('waiting for work that does not listen', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ maxLifetimeMs: 1_000 });
    const it = stubborn();
    const run = await session.run(it.work);
    await clock.advance(3_000);
    expect([session.state, run.state, countsOf(keeper).activeSessions]).toEqual([
      'closing',
      'stopping',
      1,
    ]);
    it.open(0);
    await settle();
    expect([session.state, session.closeReason]).toEqual(['closed', 'max_lifetime']);
    await keeper.stop();
  });
});

describe('several times at once', () => {
  test('being the lifetime when both of a session are exceeded, and closing it once', async () => {
    const { keeper, clock } = await keepOn();
    using recorder = recordEvents(['session_closed', 'session_slot_ended']);
    const session = await keeper.openSession({ idleTimeoutMs: 1_000, maxLifetimeMs: 1_000 });
    await clock.advance(5_000);
    expect(session.closeReason).toBe('max_lifetime');
    const told = recorder.events.map(({ type }) => type);
    expect(told.sort()).toEqual(['session_closed', 'session_slot_ended']);
    await keeper.stop();
  });

  test('being the lifetime after a stall, though the idle time was over first', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ idleTimeoutMs: 1_000, maxLifetimeMs: 3_000 });
    clock.stall(4_000);
    await clock.advance(0);
    expect((await session.closed).reason).toBe('max_lifetime');
    await keeper.stop();
  });

  test('ending a run once when its deadline and the age of its session come together', async () => {
    const { keeper, clock } = await keepOn();
    using recorder = recordEvents(['run_ended', 'run_slot_ended']);
    const session = await keeper.openSession({ maxLifetimeMs: 1_000 });
    const run = await session.run(obedient, { deadlineMs: 1_000 });
    await clock.advance(1_000);
    const { reason = '' } = await endOfRun(run);
    expect(['deadline', 'max_lifetime']).toContain(reason);
    expect([session.state, recorder.events.length]).toEqual(['closed', 2]);
    await keeper.stop();
  });

  test('leaving a close that has begun its reason', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ maxLifetimeMs: 1_000, idleTimeoutMs: 1_000 });
    const it = stubborn();
    await session.run(it.work);
    await settle();
    const closed = attempt(session.close());
    await clock.advance(5_000);
    it.open(0);
    await settle();
    expect(closed.value?.reason).toBe('released');
    await keeper.stop();
  });

  test('sweeping sessions that nobody asks for, all of them', async () => {
    const { keeper, clock } = await keepOn();
    for (let at = 0; at < 50; at += 1) {
      await keeper.openSession({ idleTimeoutMs: 1_000 + at, maxLifetimeMs: 2_000 });
    }
    await clock.advance(1_025);
    expect(countsOf(keeper).openSessions).toBe(24);
    await clock.advance(1_000);
    expect(countsOf(keeper)).toEqual(NOBODY);
    await keeper.stop();
  });

  test('ending nothing of a session that is closing, whatever happens to it', async () => {
    const clock = new SimulatedClock();
    const closed: string[] = [];
    const session = {
      isBusy: false,
      hasRuns: true,
      close: (reason: string) => closed.push(reason),
    };
    const deadlines = new Deadlines(clock, { keepsProcessAlive: false });
    const terms = { idleTimeoutMs: 100, maxLifetimeMs: 50 };
    const times = new SessionTimes(session, terms, {
      clock,
      deadlines,
      createdAt: 0,
      past: undefined,
    });
    times.stop();
    await clock.advance(60);
    times.runEnded(true);
    await clock.advance(500);
    expect([closed, deadlines.size]).toEqual([[], 0]);
  });
});
