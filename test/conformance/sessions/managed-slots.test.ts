/**
 * Managed slots: what would end the slot of a session or a run otherwise asks its work to end, and the
 * slot is held until the work is gone.
 */
import { describe, expect, test } from 'vitest';
import { recordEvents, settle } from '../../../src/testing.ts';
import { attempt, lossOf, NOTHING_RELEASED } from '../../support/callers.ts';
import {
  busy,
  countsOf,
  endOfRun,
  keep,
  keepOn,
  NOBODY,
  stubborn,
} from '../../support/sessions.ts';

const OPEN = { ...NOBODY, activeSessions: 1, openSessions: 1 };
const cancelled = (reason: string) => ({ state: 'cancelled', reason });

describe('the slot of a run', () => {
  test('being held until the work is gone, after a release by its id', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1' });
    await settle();
    expect(await keeper.limiter.releaseRunSlot('r1')).toEqual(NOTHING_RELEASED);
    expect(await endOfRun(run)).toEqual(cancelled('released'));
    expect([run.state, it.context?.signal.aborted]).toEqual(['stopping', true]);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, stuckRuns: 1 });
    it.open(0);
    await settle();
    expect([run.state, countsOf(keeper)]).toEqual(['cancelled', OPEN]);
  });

  test('being released by its token alike, and by no other', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const run = await busy(session, 'r1');
    await settle();
    await keeper.limiter.releaseRunSlot('r1', { token: run.token + 1 });
    await settle();
    expect(run.state).toBe('running');
    await keeper.limiter.releaseRunSlot('r1', { token: run.token });
    expect(await endOfRun(run)).toEqual(cancelled('released'));
  });

  test('being given back when its lease has run out, once the work is gone', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1', leaseMs: 1_000 });
    await clock.advance(999);
    expect(run.state).toBe('running');
    await clock.advance(1);
    expect(await endOfRun(run)).toEqual(cancelled('expired'));
    await clock.advance(10_000);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, stuckRuns: 1 });
    it.open(0);
    await settle();
    expect(countsOf(keeper)).toEqual(OPEN);
    await keeper.stop();
  });

  test('being kept by who renews its lease', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const run = await busy(session, 'r1', { leaseMs: 1_000 });
    for (let turn = 0; turn < 5; turn += 1) {
      await clock.advance(900);
      await keeper.limiter.renewRunSlot('r1', run.token);
    }
    expect(run.state).toBe('running');
    await clock.advance(1_000);
    expect(run.state).toBe('cancelled');
    await keeper.stop();
  });

  test('being withdrawn by its id while it waits', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    await busy(session, 'r1');
    const [two, three] = [await busy(session, 'r2'), await busy(session, 'r3')];
    await keeper.limiter.releaseRunSlot('r2');
    await keeper.limiter.evict('r3', 'not now');
    const ends = await Promise.all([two, three].map(endOfRun));
    expect(ends).toEqual([cancelled('withdrawn'), cancelled('withdrawn')]);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1 });
  });

  test('being ended by an eviction at once, while the work goes on', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1' });
    const next = await busy(session, 'r2');
    await settle();
    expect(await keeper.limiter.evict('r1', 'it hangs')).toMatchObject({ runs: 1 });
    expect(await endOfRun(run)).toEqual(cancelled('evicted'));
    await settle();
    expect([run.state, next.state, it.context?.signal.aborted]).toEqual([
      'cancelled',
      'running',
      true,
    ]);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1 });
    it.open('much too late');
    await settle();
    expect([await endOfRun(run), next.state]).toEqual([cancelled('evicted'), 'running']);
  });

  test('being evicted while its work is given time to end, with the first reason', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const run = await session.run(stubborn().work, { runId: 'r1' });
    await settle();
    await run.interrupt('enough');
    await keeper.limiter.evict('r1', 'it hangs');
    await settle();
    expect(await endOfRun(run)).toEqual({ state: 'interrupted', reason: 'interrupted' });
    expect([run.state, countsOf(keeper)]).toEqual(['interrupted', OPEN]);
  });

  test('being evicted before its work has begun', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    let calls = 0;
    const asked = attempt(session.run(() => (calls += 1), { runId: 'r1' }));
    await keeper.limiter.evict('r1', 'not at all');
    await settle();
    const end = asked.value ? (await endOfRun(asked.value)).state : asked.outcome;
    expect([calls === 0 ? 'cancelled' : 'succeeded', countsOf(keeper)]).toEqual([end, OPEN]);
  });

  test('ending once, in whatever ways it is ended', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1' });
    await settle();
    using recorder = recordEvents(['run_slot_ended', 'run_ended']);
    await keeper.limiter.releaseRunSlot('r1');
    await keeper.limiter.releaseRunSlot('r1');
    await run.cancel();
    await keeper.limiter.releaseSessionSlot(session.sessionId);
    it.open(0);
    await session.closed;
    expect(recorder.events).toMatchObject([
      { type: 'run_slot_ended', reason: 'released' },
      { type: 'run_ended', state: 'cancelled', reason: 'released' },
    ]);
  });

  test('being nothing to who releases its id when the run is over', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const run = await session.run(() => 5, { runId: 'r1' });
    await run.result();
    expect(await keeper.limiter.releaseRunSlot('r1')).toEqual(NOTHING_RELEASED);
    expect(run.state).toBe('succeeded');
  });
});

describe('the slot of a session', () => {
  test('being closed as released by a release of its id, with its runs', async () => {
    await using keeper = await keep({ maxParallelRuns: 2 });
    const session = await keeper.openSession({ sessionId: 's1' });
    const it = stubborn();
    const runs = [await session.run(it.work), await busy(session, 'r2'), await busy(session, 'r3')];
    await settle();
    await keeper.limiter.releaseSessionSlot('s1');
    const ends = await Promise.all(runs.map(endOfRun));
    await settle();
    expect(ends).toEqual(Array(3).fill(cancelled('session_released')));
    expect([session.state, session.closeReason]).toEqual(['closing', 'released']);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, stuckRuns: 1 });
    it.open(0);
    expect(await session.closed).toMatchObject({ reason: 'released', isComplete: true });
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test('being released by its token alike, and by no other', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1' });
    await keeper.limiter.releaseSessionSlot('s1', { token: session.token + 1 });
    await settle();
    expect(session.state).toBe('active');
    await keeper.limiter.releaseSessionSlot('s1', { token: session.token });
    expect((await session.closed).reason).toBe('released');
  });

  test('taking raw runs of its id with it at once, and refusing those that wait', async () => {
    await using keeper = await keep({ maxParallelRuns: 2 });
    const session = await keeper.openSession({ sessionId: 's1' });
    const it = stubborn();
    await session.run(it.work);
    const raw = await keeper.limiter.acquireRunSlot('s1', 'raw');
    const waiting = attempt(
      keeper.limiter.acquireRunSlot('s1', 'later', { waitTimeoutMs: Infinity }),
    );
    await settle();
    await keeper.limiter.releaseSessionSlot('s1');
    await settle();
    expect([lossOf(raw), waiting.outcome]).toEqual(['cascade', 'session_released']);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, stuckRuns: 1 });
    it.open(0);
    await session.closed;
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test('being the id of runs without a session still, once it is closed', async () => {
    await using keeper = await keep();
    await (await keeper.openSession({ sessionId: 's1' })).close();
    await keeper.limiter.acquireRunSlot('s1', 'raw');
    expect(keeper.getStatus()).toMatchObject({ sessionlessRuns: 1, activeSessions: 0 });
  });
});

describe('the id of a run of a session', () => {
  test.each(['held', 'waiting'])('being refused to others while its slot is %s', async (state) => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession({ sessionId: 's1' });
    if (state === 'waiting') await busy(session, 'r1');
    const run = await busy(session, 'r2');
    await settle();
    const asked = attempt(keeper.limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: Infinity }));
    await settle();
    expect(asked.outcome).toBe('run_id_conflict');
    expect(run.state).toBe(state === 'held' ? 'running' : 'queued');
  });

  test('being refused at once to who tries', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1' });
    await busy(session, 'r1');
    await settle();
    const tried = keeper.limiter.tryAcquireRunSlot('s1', 'r1');
    expect(tried).toMatchObject({ code: 'run_id_conflict' });
  });

  test('being free for others once the run is over', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1' });
    await (await session.run(() => 5, { runId: 'r1' })).result();
    expect((await keeper.limiter.acquireRunSlot('s1', 'r1')).runId).toBe('r1');
  });
});

describe('another handle on the slot of a session', () => {
  test('giving it back for the session, which is closed and waits for its runs', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1' });
    const it = stubborn();
    const run = await session.run(it.work);
    await (await keeper.limiter.acquireSessionSlot('s1')).release();
    expect(await endOfRun(run)).toEqual(cancelled('session_released'));
    expect([session.state, session.closeReason]).toEqual(['closing', 'released']);
    expect(countsOf(keeper)).toEqual({ ...NOBODY, openSessions: 1, activeRuns: 1, stuckRuns: 1 });
    it.open(0);
    expect(await session.closed).toMatchObject({ reason: 'released', isComplete: true });
    expect(countsOf(keeper)).toEqual(NOBODY);
  });
});
