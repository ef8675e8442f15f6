/**
 * Runs: from being asked for to their one outcome. A run starts only from a slot that was granted.
 */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { settle } from '../../../src/testing.ts';
import { attempt, refusalOf } from '../../support/callers.ts';
import { faultOf } from '../../support/servers.ts';
import {
  busy,
  countsOf,
  endOfRun,
  keep,
  keepOn,
  NOBODY,
  obedient,
  stubborn,
  WAITING,
} from '../../support/sessions.ts';

const OPEN = { ...NOBODY, activeSessions: 1, openSessions: 1 };
const ABORTED = { state: 'cancelled', reason: 'aborted' };

describe('a run', () => {
  test('passing through its states', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const first = await busy(session, 'r1');
    const it = stubborn();
    const run = await session.run(it.work, { ...WAITING, runId: 'r2' });
    expect([run.state, run.token, run.startedAt]).toEqual(['queued', 0, undefined]);
    await first.cancel();
    await settle();
    expect([run.state, run.token > first.token]).toEqual(['running', true]);
    it.open(5);
    await run.outcome;
    expect([run.state, run.endedAt !== undefined]).toEqual(['succeeded', true]);
  });

  test('starting with its slot only, in order, and by priority', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const first = await busy(session, 'r1');
    const begun: string[] = [];
    const note = ({ runId }: { readonly runId: string }) => void begun.push(runId);
    for (const runId of ['r2', 'r3']) await session.run(note, { ...WAITING, runId });
    await session.run(note, { ...WAITING, runId: 'r4', priority: 1 });
    await settle();
    expect(begun).toEqual([]);
    await first.cancel();
    await session.getRun('r3')?.outcome;
    expect(begun).toEqual(['r4', 'r2', 'r3']);
  });

  test('never being more than its limits let in', async () => {
    await using keeper = await keep({ maxParallelRuns: 3, maxRunsPerSession: 2 });
    const sessions = [await keeper.openSession(), await keeper.openSession()];
    let [now, most] = [0, 0];
    const work = async () => {
      now += 1;
      most = Math.max(most, now);
      await settle();
      now -= 1;
    };
    const asked = sessions.flatMap((session) =>
      [1, 2, 3, 4, 5].map(() => session.run(work, WAITING)),
    );
    const runs = await Promise.all(asked);
    await Promise.all(runs.map((run) => run.outcome));
    expect([most, countsOf(keeper).activeRuns]).toEqual([3, 0]);
  });

  test.each([
    [{ maxParallelRuns: 1 }, {}, 'max_runs_exceeded'],
    [{ maxRunsPerSession: 1 }, {}, 'max_runs_per_session_exceeded'],
    [{ maxRunsPerOwner: 1 }, { owner: 'bob' }, 'max_runs_per_owner_exceeded'],
    [{ maxRunsPerKind: { agent: 1 } }, { kind: 'agent' }, 'max_runs_per_kind_exceeded'],
  ])('being refused at once by %o', async (limits, options, code) => {
    await using keeper = await keep(limits);
    const session = await keeper.openSession();
    const run = await busy(session, 'r1', options);
    const refusal = await refusalOf(session.run(() => 5, { ...options, runId: 'r2' }));
    expect(refusal).toMatchObject({ code, limit: 1, active: 1 });
    expect([session.runs(), keeper.getRun('r2')]).toEqual([[run], undefined]);
  });

  test('being the session owner’s, unless it names another', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ owner: 'alice' });
    const [one, two] = [await busy(session, 'r1'), await busy(session, 'r2', { owner: 'bob' })];
    expect([one.owner, two.owner]).toEqual(['alice', 'bob']);
    const rows = [...keeper.limiter.list()].filter(({ type }) => type === 'run');
    expect(rows).toMatchObject([{ owner: 'alice' }, { owner: 'bob' }]);
  });

  test('telling its times', async () => {
    const { keeper, clock } = await keepOn({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const first = await busy(session, 'r1');
    const at = clock.now();
    const it = stubborn();
    const run = await session.run(it.work, WAITING);
    await clock.advance(100);
    await first.cancel();
    await clock.advance(100);
    await run.cancel();
    await clock.advance(100);
    it.open(0);
    await settle();
    const { queuedAt, startedAt, endedAt, waitedMs } = run;
    expect({ queuedAt, startedAt, endedAt, waitedMs }).toEqual({
      queuedAt: at,
      startedAt: at + 100,
      endedAt: at + 300,
      waitedMs: 100,
    });
    await keeper.stop();
  });

  test('becoming JSON, before and after', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1' });
    const options = { runId: 'r1', kind: 'agent', labels: { a: 'b' }, deadlineMs: 50 };
    const run = await session.run(() => 5, options);
    await run.result();
    const { token, queuedAt, startedAt = 0, endedAt } = run;
    expect(JSON.parse(JSON.stringify(run))).toEqual({
      runId: 'r1',
      sessionId: 's1',
      owner: null,
      kind: 'agent',
      labels: { a: 'b' },
      state: 'succeeded',
      isPaused: false,
      token,
      queuedAt,
      startedAt,
      endedAt,
      deadlineAt: startedAt + 50,
      waitedMs: 0,
    });
  });

  test('being found by its id, in its session alone, and listed as it was asked for', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const [session, other] = [await keeper.openSession(), await keeper.openSession()];
    const runs = [await busy(session, 'b'), await busy(session, 'a')];
    expect(session.runs()).toEqual(runs);
    expect([keeper.getRun('a'), session.getRun('a'), other.getRun('a')]).toEqual([
      runs[1],
      runs[1],
      undefined,
    ]);
    await runs[0]?.cancel();
    await settle();
    expect([session.runs(), session.runs({ ended: true })]).toEqual([[runs[1]], runs]);
  });

  test('being what a raised limit lets in', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    await busy(session, 'r1');
    const run = await busy(session, 'r2');
    await keeper.limiter.setLimits({ maxParallelRuns: 2 });
    await settle();
    expect(run.state).toBe('running');
    await keeper.limiter.setLimits({ maxParallelRuns: 1 });
    await settle();
    expect([run.state, countsOf(keeper).activeRuns]).toEqual(['running', 2]);
  });
});

describe('the id of a run', () => {
  test('being made where none is given', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const runs = await Promise.all([1, 2, 3].map(() => session.run(() => 5)));
    expect(new Set(runs.map(({ runId }) => runId)).size).toBe(3);
  });

  test('being in use while it waits or works, in whatever session', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const [session, other] = [await keeper.openSession(), await keeper.openSession()];
    const runs = [await busy(session, 'r1'), await busy(session, 'r2')];
    for (const runId of ['r1', 'r2']) {
      for (const where of [session, other]) {
        const refusal = await refusalOf(where.run(() => 5, { ...WAITING, runId }));
        expect([refusal.code, refusal.retryable]).toEqual(['run_id_conflict', false]);
      }
    }
    expect([session.runs(), other.runs()]).toEqual([runs, []]);
  });

  test('being in use while the limiter holds a slot for it, or somebody waits for one', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession({ sessionId: 's1' });
    await keeper.limiter.acquireRunSlot('s1', 'r1');
    attempt(keeper.limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: Infinity }));
    for (const runId of ['r1', 'r2']) {
      const refusal = await refusalOf(session.run(() => 5, { ...WAITING, runId }));
      expect(refusal.code).toBe('run_id_conflict');
    }
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, waitingRuns: 1 });
  });

  test('being free when the run is over', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const first = await session.run(() => 1, { runId: 'r1' });
    await first.outcome;
    const second = await session.run(() => 2, { runId: 'r1' });
    expect([await first.result(), await second.result()]).toEqual([1, 2]);
    expect([keeper.getRun('r1') === second, second.token > first.token]).toEqual([true, true]);
  });

  test('being asked for twice in one breath, by one run', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const asked = [1, 2].map((value) => attempt(session.run(() => value, { runId: 'r1' })));
    await settle();
    expect(asked.map(({ outcome }) => outcome)).toEqual(['granted', 'run_id_conflict']);
    expect(await asked[0]?.value?.result()).toBe(1);
  });

  test('being cancelled and asked for again in one breath', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const held = await busy(session, 'r1');
    const waiting = await busy(session, 'r2');
    const cancelled = waiting.cancel();
    const next = await busy(session, 'r2');
    expect([(await cancelled).state, next.state]).toEqual(['cancelled', 'queued']);
    await held.cancel();
    await settle();
    expect([next.state, countsOf(keeper)]).toEqual(['running', { ...OPEN, activeRuns: 1 }]);
  });
});

describe('the signal given with a run', () => {
  test('rejecting at once when it has aborted, with its reason', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(session.run(() => 5, { signal })).rejects.toBe(signal.reason);
    expect([session.runs(), countsOf(keeper)]).toEqual([[], OPEN]);
  });

  test('taking a run that waits out of the queue', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    await busy(session, 'r1');
    const controller = new AbortController();
    const run = await busy(session, 'r2', { signal: controller.signal });
    controller.abort();
    expect(await endOfRun(run)).toEqual(ABORTED);
    await settle();
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1 });
  });

  test('cancelling a run that works, or starts', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const controller = new AbortController();
    const { signal } = controller;
    const works = await busy(session, 'r1', { signal });
    await settle();
    let calls = 0;
    const starts = await session.run(() => (calls += 1), { signal });
    const before = starts.state;
    controller.abort();
    expect(await Promise.all([works, starts].map(endOfRun))).toEqual([ABORTED, ABORTED]);
    await settle();
    expect([before === 'starting' ? calls : 0, countsOf(keeper)]).toEqual([0, OPEN]);
  });

  test('ending one that was asked for in the same breath', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const controller = new AbortController();
    const options = { ...WAITING, signal: controller.signal };
    const asked = [session.run(obedient, options), session.run(obedient, options)].map(attempt);
    controller.abort();
    await settle();
    await Promise.all(asked.map(({ value }) => value?.outcome));
    expect([session.runs(), countsOf(keeper)]).toEqual([[], OPEN]);
  });

  test('not being listened to any more when the run is over', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const { signal } = new AbortController();
    for (let turn = 0; turn < 20; turn += 1)
      await (await session.run(() => 5, { signal })).result();
    await settle();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('the holder of a run', () => {
  test('cancelling it when he is down, at work or waiting', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const holder = new AbortController();
    const runs = [
      await busy(session, 'r1', { holder: holder.signal }),
      await busy(session, 'r2', { holder: holder.signal }),
    ];
    await settle();
    holder.abort();
    const ends = await Promise.all(runs.map(endOfRun));
    expect(ends).toMatchObject([
      { state: 'cancelled', reason: 'holder_down' },
      { state: 'cancelled' },
    ]);
    await settle();
    expect(countsOf(keeper)).toEqual(OPEN);
  });

  test('getting none when he is down already', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const asked = session.run(() => 5, { holder: AbortSignal.abort() });
    expect([(await faultOf(asked)).code, session.runs()]).toEqual(['noproc', []]);
  });
});

describe('draining', () => {
  test('refusing runs, cancelling those that wait, and waiting for the others', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const it = stubborn();
    const held = await session.run(it.work);
    const waiting = await busy(session, 'r2');
    const drained = attempt(keeper.drain({ timeoutMs: Infinity }));
    expect(await endOfRun(waiting)).toEqual({ state: 'cancelled', reason: 'draining' });
    expect((await refusalOf(session.run(() => 5))).code).toBe('draining');
    expect([drained.outcome, held.state, session.state]).toEqual(['waiting', 'running', 'active']);
    it.open(5);
    await settle();
    expect(drained.value).toMatchObject({ drained: true, heldRuns: 0 });
    expect(await held.result()).toBe(5);
  });
});
