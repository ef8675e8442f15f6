/**
 * Closing sessions: a plan that can be shown first, carried out in order, with a report of each step.
 */
import { describe, expect, test } from 'vitest';
import { recordEvents, settle } from '../../../src/testing.ts';
import { attempt, lossOf } from '../../support/callers.ts';
import { freshPlace } from '../../support/journal-places.ts';
import { faultOf } from '../../support/servers.ts';
import {
  busy,
  countsOf,
  endOfRun,
  keep,
  keepOn,
  NOBODY,
  stubborn,
  WAITING,
} from '../../support/sessions.ts';

const OPEN = { ...NOBODY, activeSessions: 1, openSessions: 1 };
const RELEASED = { state: 'cancelled', reason: 'session_released' };

describe('closing a session', () => {
  test('giving its slot back, and saying so', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1' });
    const report = await session.close();
    expect(report).toEqual({
      sessionId: 's1',
      reason: 'released',
      isComplete: true,
      steps: [{ action: 'release_session', result: 'done', afterMs: 0 }],
    });
    expect([session.state, session.closeReason, countsOf(keeper)]).toEqual([
      'closed',
      'released',
      NOBODY,
    ]);
  });

  test('withdrawing who waits, stopping who works, releasing what hangs on its id', async () => {
    await using keeper = await keep({ maxParallelRuns: 2 });
    const session = await keeper.openSession({ sessionId: 's1' });
    const held = await busy(session, 'r1');
    const raw = await keeper.limiter.acquireRunSlot('s1', 'raw');
    const waiting = await busy(session, 'r2');
    await settle();
    const { steps, isComplete } = await session.close();
    expect(steps).toMatchObject([
      { action: 'withdraw_run', runId: 'r2', result: 'done', outcome: 'cancelled' },
      { action: 'stop_run', runId: 'r1', state: 'running', result: 'done', outcome: 'cancelled' },
      { action: 'release_others', runIds: ['raw'], result: 'done' },
      { action: 'release_session', result: 'done' },
    ]);
    expect(await Promise.all([held, waiting].map(endOfRun))).toEqual([RELEASED, RELEASED]);
    expect([isComplete, lossOf(raw), countsOf(keeper)]).toEqual([true, 'cascade', NOBODY]);
  });

  test('giving its runs’ slots to nobody of its own', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const [session, other] = [await keeper.openSession(), await keeper.openSession()];
    await busy(session, 'r1');
    let calls = 0;
    await session.run(() => (calls += 1), { ...WAITING, priority: 9 });
    const next = await busy(other, 'r3');
    await settle();
    await session.close();
    expect([calls, next.state]).toEqual([0, 'running']);
  });

  test('ending its runs before its slot', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    await busy(session, 'r1');
    await busy(session, 'r2');
    await settle();
    using recorder = recordEvents(['run_ended', 'session_slot_ended', 'session_closed']);
    await session.close();
    const told = recorder.events.map(({ type }) => type);
    expect(told).toEqual(['run_ended', 'run_ended', 'session_slot_ended', 'session_closed']);
  });

  test('waiting for work that does not listen, with the session slot held', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1' });
    await settle();
    const closed = attempt(session.close());
    await clock.advance(700);
    expect([closed.outcome, session.state, run.state]).toEqual(['waiting', 'closing', 'stopping']);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, stuckRuns: 1 });
    it.open(0);
    await settle();
    expect(closed.value?.steps).toMatchObject([
      { action: 'stop_run', runId: 'r1', result: 'done', afterMs: 700 },
      { action: 'release_session', result: 'done', afterMs: 700 },
    ]);
    await keeper.stop();
  });

  test('ending with an eviction of what hangs', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    await session.run(stubborn().work, { runId: 'r1' });
    await settle();
    const closed = session.close();
    await settle();
    await keeper.limiter.evict('r1', 'it hangs');
    expect(await closed).toMatchObject({ isComplete: true });
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test('being one closing for all who ask, and the same report', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    await busy(session, 'r1');
    using recorder = recordEvents(['session_closed', 'run_ended']);
    const reports = await Promise.all([session.close(), session.close(), session.closed]);
    expect(new Set([...reports, await session.close()]).size).toBe(1);
    expect(recorder.events).toHaveLength(2);
  });

  test('leaving other sessions alone', async () => {
    await using keeper = await keep();
    const [session, other] = [await keeper.openSession(), await keeper.openSession()];
    await busy(session, 'r1');
    const run = await busy(other, 'r2');
    await session.close();
    expect([other.state, run.state]).toEqual(['active', 'running']);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1 });
  });

  test('happening at the end of a block', async () => {
    await using keeper = await keep();
    {
      await using session = await keeper.openSession();
      await busy(session, 'r1');
    }
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test('being done by one of its own runs', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const run = await session.run(async () => {
      await settle();
      void session.close();
      await settle();
      return 5;
    });
    await session.closed;
    expect([await endOfRun(run), countsOf(keeper)]).toEqual([RELEASED, NOBODY]);
  });

  test('giving back the slot of a durable one, too', async () => {
    await using keeper = await keep({}, { journal: { path: freshPlace() } });
    const session = await keeper.openSession({ durable: true });
    await busy(session, 'r1');
    const { steps } = await session.close();
    expect(steps.at(-1)).toMatchObject({ action: 'release_session', result: 'done' });
    expect(countsOf(keeper)).toEqual(NOBODY);
  });
});

describe('the plan of a closing', () => {
  test('naming all that would be done, and doing nothing of it', async () => {
    await using keeper = await keep({ maxParallelRuns: 2 });
    const session = await keeper.openSession({ sessionId: 's1' });
    const run = await busy(session, 'r1');
    const raw = await keeper.limiter.acquireRunSlot('s1', 'raw');
    const waiting = await busy(session, 'r2');
    await settle();
    const before = countsOf(keeper);
    expect(await session.close({ dryRun: true })).toEqual({
      sessionId: 's1',
      steps: [
        { action: 'withdraw_run', runId: 'r2' },
        { action: 'stop_run', runId: 'r1', state: 'running' },
        { action: 'release_others', runIds: ['raw'] },
        { action: 'release_session' },
      ],
    });
    await settle();
    expect([session.state, run.state, waiting.state]).toEqual(['active', 'running', 'queued']);
    expect([lossOf(raw), countsOf(keeper)]).toEqual([undefined, before]);
  });

  test('being what is done then, step by step', async () => {
    await using keeper = await keep({ maxParallelRuns: 2 });
    const session = await keeper.openSession();
    for (const runId of ['r1', 'r2', 'r3', 'r4']) await busy(session, runId);
    await settle();
    const plan = await session.close({ dryRun: true });
    const { steps } = await session.close({ dryRun: false });
    expect(steps).toMatchObject(plan.steps.map((step) => ({ ...step, result: 'done' })));
  });

  test('being what is left to do of a closing, and nothing when it is over', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    await session.run(it.work, { runId: 'r1' });
    await settle();
    const closed = session.close();
    await settle();
    expect((await session.close({ dryRun: true })).steps).toEqual([
      { action: 'stop_run', runId: 'r1', state: 'stopping' },
      { action: 'release_session' },
    ]);
    it.open(0);
    await closed;
    expect((await session.close({ dryRun: true })).steps).toEqual([]);
  });
});

describe('closing within a time', () => {
  test('telling what it waits for still, and going on', async () => {
    const { keeper, clock } = await keepOn({ maxParallelRuns: 2 });
    const session = await keeper.openSession();
    const it = stubborn();
    await session.run(it.work, { runId: 'r1' });
    await busy(session, 'r2');
    await settle();
    const first = session.close({ timeoutMs: 1_000 });
    await clock.advance(1_000);
    expect(await first).toMatchObject({
      reason: 'released',
      isComplete: false,
      steps: [
        { action: 'stop_run', runId: 'r1', result: 'pending' },
        { action: 'stop_run', runId: 'r2', result: 'done', outcome: 'cancelled' },
        { action: 'release_session', result: 'pending' },
      ],
    });
    it.open(0);
    expect(await session.closed).toMatchObject({ isComplete: true });
    expect((await first).isComplete).toBe(false);
    await keeper.stop();
  });

  test('telling at once with 0, unless nothing is to be waited for', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    await session.run(stubborn().work, { runId: 'r1' });
    await settle();
    const told = session.close({ timeoutMs: 0 });
    await clock.advance(0);
    expect((await told).isComplete).toBe(false);
    await keeper.limiter.evict('r1', 'it hangs');
    await session.closed;
    expect(await session.close({ timeoutMs: 0 })).toMatchObject({ isComplete: true });
    await keeper.stop();
  });

  test('leaving no timer when it is done before', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    expect(await session.close({ timeoutMs: 60_000 })).toMatchObject({ isComplete: true });
    expect(clock.pendingTimers).toBe(0);
    await keeper.stop();
  });
});

describe('runs of a session that closes', () => {
  test('being refused, with the reason', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1' });
    const closed = session.close();
    const refused = faultOf(session.run(() => 5));
    await closed;
    const details = { sessionId: 's1', reason: 'released' };
    expect(await refused).toMatchObject({ code: 'session_closed', details });
    expect((await faultOf(session.run(() => 5))).details).toEqual(details);
  });

  test.each([
    ['waiting', 1],
    ['granted', 5],
  ])(
    'being refused or ended when they are asked for in the same breath: %s',
    async (_what, limit) => {
      await using keeper = await keep({ maxParallelRuns: limit });
      const session = await keeper.openSession();
      await busy(session, 'r0');
      let calls = 0;
      const asked = [1, 2, 3].map(() => attempt(session.run(() => (calls += 1), WAITING)));
      const report = await session.close();
      await settle();
      expect(asked.map(({ outcome }) => outcome)).toEqual(Array(3).fill('session_closed'));
      expect([calls, report.isComplete, countsOf(keeper)]).toEqual([0, true, NOBODY]);
    },
  );

  test('being refused on a durable journal, where grants come later', async () => {
    await using keeper = await keep({}, { journal: { path: freshPlace() } });
    const session = await keeper.openSession();
    let calls = 0;
    const asked = [1, 2, 3].map(() => attempt(session.run(() => (calls += 1), WAITING)));
    await session.close();
    await settle();
    const ends = asked.map(({ value, outcome }) => value?.state ?? outcome);
    expect(
      ends.every((end) => ['session_closed', 'session_released', 'cancelled'].includes(end)),
    ).toBe(true);
    expect([calls, countsOf(keeper)]).toEqual([0, NOBODY]);
  });

  test('being ended in whatever turn the close comes', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    for (let turns = 0; turns < 12; turns += 1) {
      const session = await keeper.openSession();
      const asked = [1, 2].map(() => attempt(session.run(() => new Promise(() => {}), WAITING)));
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      const closed = session.close();
      await settle();
      for (const { value } of asked) {
        if (value?.state === 'stopping') await keeper.limiter.evict(value.runId, 'it hangs');
      }
      expect(await closed).toMatchObject({ isComplete: true });
      expect(countsOf(keeper)).toEqual(NOBODY);
    }
  });
});
