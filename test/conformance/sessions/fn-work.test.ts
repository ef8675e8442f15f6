/**
 * Functions as work: what they are given, how they end, and what becomes of one that does not look at
 * its signal.
 */
import { describe, expect, test } from 'vitest';
import { type RunContext, RunStoppedError, SlotkeeperError } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { watch } from '../../support/servers.ts';
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
import { thenable } from '../../support/thenable.ts';

const OPEN = { ...NOBODY, activeSessions: 1, openSessions: 1 };

describe('a function that is run', () => {
  test('being given who it is, its token and its deadline', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ sessionId: 's1' });
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1', deadlineMs: 500 });
    await settle();
    const deadlineAt = clock.now() + 500;
    expect(it.context).toMatchObject({ sessionId: 's1', runId: 'r1', deadlineAt });
    expect([it.context?.token, run.deadlineAt]).toEqual([run.token, deadlineAt]);
    expect(it.context?.signal.aborted).toBe(false);
    it.open(0);
    await keeper.stop();
  });

  test('having no deadline where none was given', async () => {
    await using keeper = await keep();
    const run = await (await keeper.openSession()).run(({ deadlineAt }) => deadlineAt);
    expect([await run.result(), run.deadlineAt]).toEqual([undefined, undefined]);
  });

  test('not being called before session.run has been answered', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    let calls = 0;
    const asked = session.run(() => (calls += 1));
    expect(calls).toBe(0);
    const run = await asked;
    expect(run.state === 'starting' || run.state === 'running').toBe(true);
    expect(await run.result()).toBe(1);
  });

  test.each<[string, (context: RunContext) => unknown, unknown]>([
    ['a value', () => 5, 5],
    ['nothing', () => {}, undefined],
    ['a promise', () => Promise.resolve('late'), 'late'],
    ['a thenable', () => thenable<number>((resolve) => resolve(7)), 7],
  ])('succeeding with %s', async (_what, work, value) => {
    await using keeper = await keep();
    const run = await (await keeper.openSession()).run(work);
    expect(await run.outcome).toEqual({ state: 'succeeded', value });
    expect([await run.result(), run.state, countsOf(keeper)]).toEqual([value, 'succeeded', OPEN]);
  });

  const broken = new TypeError('broken');
  test.each<[string, (context: RunContext) => unknown]>([
    [
      'a throw before there is a promise',
      () => {
        throw broken;
      },
    ],
    ['a rejection', () => Promise.reject(broken)],
    [
      'a rejection later on',
      async () => {
        await settle();
        throw broken;
      },
    ],
    [
      'a thenable that throws',
      () =>
        thenable(() => {
          throw broken;
        }),
    ],
  ])('failing with %s', async (_what, work) => {
    await using keeper = await keep();
    const run = await (await keeper.openSession()).run(work);
    expect(await run.outcome).toEqual({ state: 'failed', error: broken });
    await expect(run.result()).rejects.toBe(broken);
    expect([run.state, countsOf(keeper)]).toEqual(['failed', OPEN]);
  });

  test.each(['text', undefined, null, 5, { code: 'mine' }])(
    'failing with an Error when it throws %o, which is the cause then',
    async (thrown) => {
      await using keeper = await keep();
      const run = await (await keeper.openSession()).run(() => Promise.reject(thrown));
      const outcome = await run.outcome;
      if (outcome.state !== 'failed') throw new Error(`Expected a failure, got ${outcome.state}`);
      expect(outcome.error).toBeInstanceOf(SlotkeeperError);
      expect(outcome.error).toMatchObject({ code: 'thrown_value' });
      expect(outcome.error.cause).toBe(thrown);
    },
  );

  test('never settling, and holding its slot for as long', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession();
    const run = await session.run(() => new Promise(() => {}));
    await clock.advance(7 * 24 * 3_600_000);
    expect([run.state, watch(run.outcome).isSettled]).toEqual(['running', false]);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1 });
    const stopped = keeper.stop({ timeoutMs: 0 });
    await clock.advance(0);
    expect((await stopped).abandoned).toMatchObject([{ runId: run.runId }]);
  });
});

describe('the signal of a function', () => {
  test('aborting with the reason when the run is to end', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1' });
    await settle();
    const { error } = (await run.cancel('enough')) as { readonly error: Error };
    const reason: unknown = it.context?.signal.reason;
    expect(reason).toBeInstanceOf(RunStoppedError);
    expect(reason).toMatchObject({ code: 'cancelled', reason: 'cancelled' });
    expect(error.message).toBe('Run r1 was cancelled: enough');
    it.open(0);
  });

  test('being aborted already for who reads it late', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work);
    await settle();
    await run.cancel();
    expect(it.context?.signal.aborted).toBe(true);
    it.open(0);
  });

  test('staying still when the work ends by itself', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work);
    await settle();
    const signal = it.context?.signal;
    it.open(5);
    await run.result();
    await run.cancel();
    await session.close();
    expect(signal?.aborted).toBe(false);
  });

  test('ending a function that looks at it at once', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const run = await session.run(obedient);
    await settle();
    expect((await run.cancel()).state).toBe('cancelled');
    await settle();
    expect([run.state, countsOf(keeper)]).toEqual(['cancelled', OPEN]);
  });
});

describe('a function that ignores its signal', () => {
  test('having its outcome told, and keeping its slot until it has settled', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1' });
    const next = await busy(session, 'r2');
    await settle();
    expect((await run.cancel()).state).toBe('cancelled');
    await settle();
    expect([run.state, run.endedAt, next.state]).toEqual(['stopping', undefined, 'queued']);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, waitingRuns: 1, stuckRuns: 1 });
    it.open('too late');
    await settle();
    expect([run.state, next.state]).toEqual(['cancelled', 'running']);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1 });
  });

  test.each(['value', 'error'])('keeping its outcome whatever %s it ends with', async (end) => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work);
    await settle();
    const outcome = await run.interrupt();
    if (end === 'value') it.open(5);
    else it.fail(new Error('late'));
    await settle();
    expect(await run.outcome).toBe(outcome);
    expect([run.state, countsOf(keeper)]).toEqual(['interrupted', OPEN]);
  });

  test('giving up its slot to an eviction, and nobody else', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1' });
    await settle();
    await run.cancel();
    expect(await keeper.limiter.releaseRunSlot('r1')).toMatchObject({ runs: 0 });
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, stuckRuns: 1 });
    expect(await keeper.limiter.evict('r1', 'it hangs')).toMatchObject({ runs: 1 });
    await settle();
    expect([run.state, countsOf(keeper)]).toEqual(['cancelled', OPEN]);
    it.open('much too late');
    await settle();
    expect(await endOfRun(run)).toEqual({ state: 'cancelled', reason: 'cancelled' });
  });

  test('keeping its id until it has settled', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1' });
    await settle();
    await run.cancel();
    const again = session.run(() => 2, { runId: 'r1' });
    await expect(again).rejects.toMatchObject({ code: 'run_id_conflict' });
    it.open(1);
    await settle();
    expect(await (await session.run(() => 2, { runId: 'r1' })).result()).toBe(2);
  });
});

describe('a function that ends its own run while it is called', () => {
  test.each(['cancel', 'interrupt'] as const)('by %s, keeping its slot', async (order) => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const run = await session.run(
      (context) => {
        keeper.getRun(context.runId)?.[order]();
        return it.work(context);
      },
      { runId: 'r1' },
    );
    const { reason } = await endOfRun(run);
    expect([reason, run.state]).toEqual([
      order === 'cancel' ? 'cancelled' : 'interrupted',
      'stopping',
    ]);
    expect(it.context?.signal.aborted).toBe(true);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, stuckRuns: 1 });
    it.open(0);
    await settle();
    expect(countsOf(keeper)).toEqual(OPEN);
  });

  test('by closing its session, which waits for it', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    await session.run((context) => {
      void session.close();
      return it.work(context);
    });
    await settle();
    expect([session.state, it.context?.signal.aborted]).toEqual(['closing', true]);
    expect(countsOf(keeper)).toEqual({ ...OPEN, activeRuns: 1, stuckRuns: 1 });
    it.open(0);
    await session.closed;
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test('and throws, being gone at once', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const run = await session.run(({ runId }) => {
      keeper.getRun(runId)?.cancel();
      throw new Error('broken');
    });
    expect((await run.outcome).state).toBe('cancelled');
    await settle();
    expect([run.state, countsOf(keeper)]).toEqual(['cancelled', OPEN]);
  });
});
