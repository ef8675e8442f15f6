/**
 * Stopping a keeper: its sessions are closed, the work of their runs is waited for, and what has not ended
 * in time is abandoned and named. Nothing is left.
 */
import { describe, expect, test } from 'vitest';
import type { Slotkeeper } from '../../../src/index.ts';
import { recordEvents, settle } from '../../../src/testing.ts';
import { attempt, lossOf } from '../../support/callers.ts';
import { freshPlace } from '../../support/journal-places.ts';
import { faultOf, gate } from '../../support/servers.ts';
import {
  busy,
  countsOf,
  endOfRun,
  expectNothingLeft,
  keep,
  keepOn,
  NOBODY,
  stubborn,
} from '../../support/sessions.ts';

const SHUTDOWN = { state: 'interrupted', reason: 'shutdown' };

describe('stopping a keeper', () => {
  test('closing sessions as shutdown, and interrupting runs, at work or waiting', async () => {
    const { keeper, clock } = await keepOn({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const runs = [await busy(session, 'r1'), await busy(session, 'r2')];
    await settle();
    expect(await keeper.stop()).toEqual({ isComplete: true, sessions: 1, abandoned: [] });
    expect(await Promise.all(runs.map(endOfRun))).toEqual([SHUTDOWN, SHUTDOWN]);
    expect([session.state, session.closeReason]).toEqual(['closed', 'shutdown']);
    expectNothingLeft(keeper, clock);
  });

  test('having nothing to do without sessions', async () => {
    const { keeper, clock } = await keepOn();
    expect(await keeper.stop()).toEqual({ isComplete: true, sessions: 0, abandoned: [] });
    expect(keeper.getStatus().state).toBe('stopped');
    expectNothingLeft(keeper, clock);
  });

  test('giving slots back as released, before the limiter stops', async () => {
    const { keeper } = await keepOn();
    const session = await keeper.openSession();
    await busy(session, 'r1');
    using recorder = recordEvents(['run_slot_ended', 'session_slot_ended']);
    await keeper.stop();
    expect(recorder.events).toMatchObject([
      { type: 'run_slot_ended', reason: 'released' },
      { type: 'session_slot_ended', reason: 'released' },
    ]);
  });

  test('ending raw slots as stopped, which are nobody it waits for', async () => {
    const { keeper, clock } = await keepOn();
    const slots = [
      await keeper.limiter.acquireSessionSlot('s1'),
      await keeper.limiter.acquireRunSlot('s2', 'r1'),
    ];
    expect(await keeper.stop()).toMatchObject({ isComplete: true, abandoned: [] });
    expect(slots.map(lossOf)).toEqual(['stopped', 'stopped']);
    expectNothingLeft(keeper, clock);
  });

  test('waiting for work that does not listen, and ending when it does', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work);
    await settle();
    const stopped = attempt(keeper.stop());
    await clock.advance(9_999);
    expect([stopped.outcome, run.state, keeper.getStatus().state]).toEqual([
      'waiting',
      'stopping',
      'accepting',
    ]);
    it.open(0);
    await settle();
    expect(stopped.value).toEqual({ isComplete: true, sessions: 1, abandoned: [] });
    expectNothingLeft(keeper, clock);
  });

  test.each([
    ['after 10 seconds', undefined, 10_000],
    ['at once', 0, 0],
    ['after the time that was given', 250, 250],
  ])('abandoning what has not ended %s, and saying so', async (_when, timeoutMs, afterMs) => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ sessionId: 's1' });
    const other = await keeper.openSession();
    await busy(other, 'r2');
    const run = await session.run(stubborn().work, { runId: 'r1' });
    await settle();
    const { startedAt } = run;
    const stopped = keeper.stop(timeoutMs === undefined ? {} : { timeoutMs });
    await clock.advance(afterMs);
    const abandoned = [{ sessionId: 's1', runId: 'r1', startedAt }];
    expect(await stopped).toEqual({ isComplete: false, sessions: 1, abandoned });
    await settle();
    expect([run.state, await endOfRun(run)]).toEqual(['interrupted', SHUTDOWN]);
    expect([session.state, session.closeReason]).toEqual(['closed', 'shutdown']);
    expectNothingLeft(keeper, clock);
  });

  test('being the same end for who asks again, with whatever time', async () => {
    const { keeper, clock } = await keepOn();
    await (await keeper.openSession()).run(stubborn().work);
    const first = keeper.stop({ timeoutMs: 1_000 });
    const second = keeper.stop({ timeoutMs: 0 });
    await clock.advance(1_000);
    expect(await second).toBe(await first);
    expect(await keeper.stop()).toBe(await first);
    expectNothingLeft(keeper, clock);
  });

  test('taking a session that waits for its slot out of the queue', async () => {
    const { keeper, clock } = await keepOn({ maxParallelSessions: 1 });
    await keeper.openSession();
    const opening = attempt(keeper.openSession({ sessionId: 's2', waitTimeoutMs: 60_000 }));
    await settle();
    expect(await keeper.stop()).toMatchObject({ isComplete: true, sessions: 2 });
    expect(opening.error).toMatchObject({
      code: 'session_closed',
      details: { reason: 'shutdown' },
    });
    expectNothingLeft(keeper, clock);
  });

  test('ending a session that is opened in the same breath', async () => {
    const { keeper, clock } = await keepOn();
    const opening = attempt(keeper.openSession());
    expect(await keeper.stop()).toMatchObject({ isComplete: true });
    await settle();
    expect(opening.outcome).not.toBe('waiting');
    expectNothingLeft(keeper, clock);
  });

  test('waiting for sessions that are closing already, which keep their reason', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const it = stubborn();
    await session.run(it.work);
    await settle();
    const closed = attempt(session.close());
    const stopped = keeper.stop();
    await settle();
    it.open(0);
    expect(await stopped).toMatchObject({ isComplete: true, sessions: 1 });
    expect(closed.value?.reason).toBe('released');
    expectNothingLeft(keeper, clock);
  });

  test('refusing sessions from then on, and runs', async () => {
    const { keeper } = await keepOn();
    const session = await keeper.openSession();
    const stopped = keeper.stop();
    const [opening, run] = [faultOf(keeper.openSession()), faultOf(session.run(() => 1))];
    expect([(await opening).code, (await run).code]).toEqual(['stopped', 'session_closed']);
    await stopped;
    expect((await faultOf(keeper.openSession())).code).toBe('stopped');
    expect((await faultOf(session.run(() => 1))).details).toMatchObject({ reason: 'shutdown' });
  });

  test('disposing of it at the end of a block', async () => {
    const kept: Slotkeeper[] = [];
    {
      await using keeper = await keep();
      kept.push(keeper);
      await busy(await keeper.openSession(), 'r1');
    }
    expect(kept.map(({ limiter }) => limiter.getStatus().state)).toEqual(['stopped']);
  });

  test.each([{ timeoutMs: -1 }, { timeoutMs: NaN }, { timeoutMs: '5' }, { timeout: 5 }, null, 5])(
    'refusing the options %o, and going on',
    async (options) => {
      await using keeper = await keep();
      const fault = await faultOf(keeper.stop(options as object)); // wrong on purpose
      expect([fault.code, keeper.getStatus().state]).toEqual(['invalid_option', 'accepting']);
    },
  );
});

describe('what a stop leaves', () => {
  test('being no timer at all of sessions, also of runs that end after it', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ idleTimeoutMs: 5_000, maxLifetimeMs: 9_000 });
    await (await session.run(() => 5)).result();
    await session.run(stubborn().work);
    await settle();
    const stopped = keeper.stop({ timeoutMs: 0 });
    await clock.advance(0);
    await stopped;
    await settle();
    expectNothingLeft(keeper, clock);
    expect(clock.allTimers).toBe(0);
  });

  test('being its sessions and runs, still to be looked at', async () => {
    const { keeper } = await keepOn();
    const session = await keeper.openSession({ sessionId: 's1' });
    await (await session.run(() => 5, { runId: 'r1' })).result();
    await keeper.stop();
    expect([keeper.getSession('s1'), keeper.getRun('r1')?.state]).toEqual([session, 'succeeded']);
  });

  test('being no second start of work whose slot came too late', async () => {
    const { keeper } = await keepOn({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const end = gate();
    await session.run(() => end.opened);
    let calls = 0;
    await session.run(() => (calls += 1), { waitTimeoutMs: Infinity });
    await settle();
    const stopped = keeper.stop();
    end.open();
    await stopped;
    expect([calls, countsOf(keeper)]).toEqual([0, NOBODY]);
  });

  test('being the slot of a durable session, in the journal', async () => {
    const journal = { path: freshPlace() };
    const { keeper, clock } = await keepOn({}, { journal });
    const session = await keeper.openSession({ sessionId: 's1', durable: true });
    const run = await busy(session, 'r1');
    await settle();
    using recorder = recordEvents(['session_slot_ended', 'run_slot_ended']);
    expect(await keeper.stop()).toMatchObject({ isComplete: true });
    expect(await endOfRun(run)).toEqual(SHUTDOWN);
    expect((await session.closed).steps.at(-1)).toMatchObject({
      action: 'keep_session',
      result: 'done',
    });
    expect(recorder.events.filter(({ type }) => type === 'run_slot_ended')).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });
});
