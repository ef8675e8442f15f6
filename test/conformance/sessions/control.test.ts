/**
 * Controlling runs: cancel, interrupt, pause, resume. An order that changes nothing is no order, and what
 * was ordered stands in the history of the run.
 */
import { describe, expect, test } from 'vitest';
import type { Run, RunContext } from '../../../src/index.ts';
import { type Moment, type Step, settle } from '../../../src/testing.ts';
import { attempt } from '../../support/callers.ts';
import {
  busy,
  countsOf,
  endOfRun,
  keep,
  keepOn,
  NOBODY,
  obedient,
  stubborn,
} from '../../support/sessions.ts';

const OPEN = { ...NOBODY, activeSessions: 1, openSessions: 1 };

const ordersOf = ({ history }: Run) => history.map(({ operation, note }) => [operation, note]);

function codeOf(order: () => void): unknown {
  try {
    order();
    return 'none';
  } catch (fault) {
    return (fault as { readonly code?: unknown }).code; // a fault has one
  }
}

/** Three steps, each when it may. */
function steps(done: number[], more: () => Promise<void>) {
  return async ({ whenResumed }: RunContext) => {
    for (let step = 1; step <= 3; step += 1) {
      await whenResumed();
      done.push(step);
      await more();
    }
  };
}

describe.each([
  ['cancel', { state: 'cancelled', reason: 'cancelled' }],
  ['interrupt', { state: 'interrupted', reason: 'interrupted' }],
] as const)('%s', (order, end) => {
  test('taking a run that is queued out of the queue', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    await busy(session, 'r1');
    const run = await busy(session, 'r2');
    expect(await run[order]('enough')).toMatchObject(end);
    await settle();
    expect([run.state, run.startedAt, ordersOf(run)]).toEqual([
      end.state,
      undefined,
      [[order, 'enough']],
    ]);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1 });
  });

  test('keeping the work of a run that starts from beginning', async () => {
    const seen: unknown[] = [];
    const reach = (_moment: Moment, step: Step): void => {
      if (step !== 'run_starting') return;
      queueMicrotask(() => seen.push(keeper.getRun('r1')?.state, keeper.getRun('r1')?.[order]()));
    };
    await using keeper = await keep({}, { faultPoints: { reach } });
    const session = await keeper.openSession();
    let calls = 0;
    const run = await session.run(() => (calls += 1), { runId: 'r1' });
    expect(await run.outcome).toMatchObject(end);
    await settle();
    expect([seen[0], calls, run.state]).toEqual(['starting', 0, end.state]);
    expect(countsOf(keeper)).toEqual(OPEN);
  });

  test('stopping the work of a run that runs', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const run = await session.run(obedient);
    await settle();
    expect(await run[order]()).toMatchObject(end);
    await settle();
    expect([run.state, countsOf(keeper)]).toEqual([end.state, OPEN]);
    await expect(run.result()).rejects.toMatchObject({
      name: 'RunStoppedError',
      ...{ code: end.state },
    });
  });

  test('changing nothing of a run that is stopping', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work);
    await settle();
    const outcome = await run[order]('first');
    expect(await run.cancel('second')).toBe(outcome);
    expect(await run.interrupt('third')).toBe(outcome);
    expect([run.state, ordersOf(run)]).toEqual(['stopping', [[order, 'first']]]);
    it.open(0);
    await settle();
    expect(await endOfRun(run)).toEqual(end);
  });

  test.each(['succeeded', 'failed'])('changing nothing of a run that has %s', async (state) => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const run = await session.run(() => {
      if (state === 'failed') throw new Error('broken');
    });
    const outcome = await run.outcome;
    expect(await run[order]()).toBe(outcome);
    expect([run.state, run.history]).toEqual([state, []]);
  });

  test('leaving the value of work that has ended in the same breath', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work);
    await settle();
    it.open(5);
    const outcome = await run[order]();
    await settle();
    expect([outcome.state, run.state]).toEqual([end.state, end.state]);
    expect(countsOf(keeper)).toEqual(OPEN);
  });

  test('ending all runs of a session, with their outcomes by id, and no others', async () => {
    await using keeper = await keep({ maxRunsPerSession: 1 });
    const [session, other] = [await keeper.openSession(), await keeper.openSession()];
    for (const runId of ['r1', 'r2', 'r3']) await busy(session, runId);
    const left = await busy(other, 'r4');
    await settle();
    const outcomes = await (order === 'cancel'
      ? session.cancelRuns('all')
      : session.interruptRuns('all'));
    expect([...outcomes.keys()]).toEqual(['r1', 'r2', 'r3']);
    expect([...outcomes.values()]).toMatchObject([end, end, end]);
    await settle();
    expect([session.state, session.runs(), left.state]).toEqual(['active', [], 'running']);
    const again = await (order === 'cancel' ? session.cancelRuns() : session.interruptRuns());
    expect(again.size).toBe(0);
    expect(session.runs({ ended: true }).map(ordersOf)).toEqual(Array(3).fill([[order, 'all']]));
  });
});

describe('cancelRuns', () => {
  test('giving no slot from one of its runs to the next', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    let calls = 0;
    const work = (context: RunContext) => {
      calls += 1;
      return obedient(context);
    };
    for (const runId of ['r1', 'r2', 'r3']) {
      await session.run(work, { runId, waitTimeoutMs: Infinity });
    }
    await settle();
    await session.cancelRuns();
    await settle();
    expect([calls, countsOf(keeper)]).toEqual([1, OPEN]);
  });
});

describe('pause', () => {
  test('holding work between two steps, with its slot, until it is resumed', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const done: number[] = [];
    const run = await session.run(steps(done, settle), { pausable: true });
    await settle();
    run.pause();
    await settle();
    await settle();
    const reached = [...done];
    expect([run.state, run.isPaused, countsOf(keeper).activeRuns]).toEqual(['running', true, 1]);
    await settle();
    expect(done).toEqual(reached);
    run.resume();
    expect(run.isPaused).toBe(false);
    expect([(await run.outcome).state, done]).toEqual(['succeeded', [1, 2, 3]]);
    expect(ordersOf(run)).toEqual([
      ['pause', undefined],
      ['resume', undefined],
    ]);
  });

  test('being one order however often it is given, and so is resume', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const run = await session.run(obedient, { pausable: true });
    await settle();
    const at = clock.now();
    run.resume();
    for (let turn = 0; turn < 3; turn += 1) run.pause();
    await clock.advance(10);
    for (let turn = 0; turn < 3; turn += 1) run.resume();
    expect(run.history).toEqual([
      { operation: 'pause', at, note: undefined },
      { operation: 'resume', at: at + 10, note: undefined },
    ]);
    await keeper.stop();
  });

  test('letting a paused run be cancelled: whoever waits is told why', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { pausable: true });
    await settle();
    run.pause();
    const resumed = attempt(it.context?.whenResumed() ?? Promise.resolve());
    await settle();
    expect(resumed.outcome).toBe('waiting');
    await run.cancel('enough');
    await settle();
    expect([resumed.error, run.isPaused]).toEqual([it.context?.signal.reason, false]);
    expect(ordersOf(run).at(-1)).toEqual(['cancel', 'enough']);
    it.open(0);
  });

  test('ending with the work: a function need not look', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { pausable: true });
    await settle();
    run.pause();
    it.open(5);
    expect([await run.result(), run.isPaused, run.state]).toEqual([5, false, 'succeeded']);
  });

  test('being refused by work that does not support it', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const run = await session.run(obedient);
    await settle();
    for (const order of ['pause', 'resume'] as const) {
      expect(codeOf(() => run[order]())).toBe('pause_unsupported');
    }
    expect([run.state, run.isPaused, run.history]).toEqual(['running', false, []]);
  });

  test.each([
    ['queued', 'r2'],
    ['stopping', 'r1'],
    ['succeeded', 'r0'],
  ])('being refused while the run is %s, and so is resume', async (state, runId) => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    await (await session.run(() => 5, { runId: 'r0', pausable: true })).outcome;
    const it = stubborn();
    const held = await session.run(it.work, { runId: 'r1', pausable: true });
    await settle();
    await busy(session, 'r2', { pausable: true });
    await held.cancel();
    const run = keeper.getRun(runId);
    expect(run?.state).toBe(state);
    for (const order of ['pause', 'resume'] as const) {
      expect(codeOf(() => run?.[order]())).toBe('run_not_running');
    }
    it.open(0);
  });

  test('being no end of what runs in other runs', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const done: number[] = [];
    const paused = await session.run(steps([], settle), { pausable: true });
    const other = await session.run(steps(done, settle), { pausable: true });
    await settle();
    paused.pause();
    await other.outcome;
    expect([done, paused.isPaused]).toEqual([[1, 2, 3], true]);
  });
});

describe('the history of a run', () => {
  test('being its last 100 orders, which nobody else can change', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const run = await session.run(obedient, { pausable: true });
    await settle();
    for (let turn = 0; turn < 60; turn += 1) {
      run.pause();
      run.resume();
    }
    const { history } = run;
    run.pause();
    await run.cancel('enough');
    expect([history.length, history.at(-1)?.operation]).toEqual([100, 'resume']);
    expect([run.history.length, run.history.at(-1)]).toMatchObject([100, { operation: 'cancel' }]);
    expect(Object.isFrozen(history[0])).toBe(true);
  });

  test('having nothing of what nobody ordered', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const run = await session.run(obedient, { deadlineMs: 10 });
    await clock.advance(10);
    expect([run.state, run.history]).toEqual(['timed_out', []]);
    await keeper.stop();
  });
});
