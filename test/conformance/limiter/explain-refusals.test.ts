/**
 * Explaining a refusal: what would block such a request now.
 */
import { describe, expect, test } from 'vitest';
import type { RefusalError } from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import { type Ask, ask, attempt, refusalOf, start, tryAsk, wait } from '../../support/callers.ts';
import { EPOCH } from '../../support/rows.ts';

describe('a refusal of this limiter', () => {
  test('being explained with everything: a run', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxRunsPerKind: { exec: 1 } }, { clock });
    await ask(limiter, ['s1', 'r1', { owner: 'alice', kind: 'exec' }]);
    await clock.advance(500);
    const asked = ask(limiter, ['s2', 'r2', { owner: 'bob', kind: 'exec' }]);
    const holder = { runId: 'r1', sessionId: 's1', owner: 'alice', sinceAt: EPOCH, heldMs: 500 };
    expect(limiter.explain(await refusalOf(asked))).toStrictEqual({
      state: 'refused',
      code: 'max_runs_per_kind_exceeded',
      runId: 'r2',
      sessionId: 's2',
      owner: 'bob',
      kind: 'exec',
      blockedBy: [
        {
          limit: 'maxRunsPerKind',
          code: 'max_runs_per_kind_exceeded',
          scope: 'kind',
          key: 'exec',
          max: 1,
          active: 1,
          holders: [holder],
          holderCount: 1,
        },
      ],
      ahead: 0,
      estimatedWait: null,
      text: expect.any(String),
    });
  });

  test('being explained with everything: a session', async () => {
    await using limiter = await start({ maxParallelSessions: 1 });
    await ask(limiter, ['s1']);
    const explanation = limiter.explain(await refusalOf(ask(limiter, ['s2', undefined])));
    expect(explanation).toMatchObject({
      state: 'refused',
      code: 'max_sessions_exceeded',
      sessionId: 's2',
      owner: null,
      blockedBy: [{ limit: 'maxParallelSessions', holders: [{ runId: null, sessionId: 's1' }] }],
      ahead: 0,
    });
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  });

  test('being explained by what blocks now, which may be nothing any more', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxRunsPerSession: 1 });
    const held = await ask(limiter, ['s1', 'r1']);
    const refusal = await refusalOf(ask(limiter, ['s1', 'r2']));
    const seen = () => {
      const explanation = limiter.explain(refusal);
      return 'blockedBy' in explanation && explanation.blockedBy.map(({ limit }) => limit);
    };
    expect(seen()).toEqual(['maxRunsPerSession', 'maxParallelRuns']);
    await held.release();
    expect(seen()).toEqual([]);
    await ask(limiter, ['s2', 'r3']);
    expect(seen()).toEqual(['maxParallelRuns']);
  });

  test('being explained with all who wait and would come before', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await ask(limiter, ['s1', 'r1']);
    const refusal = await refusalOf(ask(limiter, ['s1', 'r2']));
    for (const id of ['w1', 'w2', 'w3']) wait(limiter, ['s2', id]);
    expect(limiter.explain(refusal)).toMatchObject({ ahead: 3 });
    await limiter.releaseSessionSlot('s2');
    expect(limiter.explain(refusal)).toMatchObject({ ahead: 0 });
  });

  test('being explained although the id is held by now', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await ask(limiter, ['s1', 'r1']);
    const refusal = await refusalOf(ask(limiter, ['s1', 'r2']));
    await held.release();
    await ask(limiter, ['s1', 'r2']);
    expect(limiter.explain(refusal)).toMatchObject({ state: 'refused', runId: 'r2' });
    expect(limiter.explain({ runId: 'r2' })).toMatchObject({ state: 'held' });
  });

  test('being explained when it was returned, not thrown', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await ask(limiter, ['s1', 'r1']);
    const refusal = await refusalOf(tryAsk(limiter, ['s1', 'r2']));
    expect(limiter.explain(refusal)).toMatchObject({ state: 'refused', runId: 'r2' });
  });

  test('being explained when it came at the end of a wait', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await ask(limiter, ['s1', 'r1']);
    const late = attempt(ask(limiter, ['s1', 'r2', { waitTimeoutMs: 10 }]));
    const withdrawn = wait(limiter, ['s1', 'r3']);
    await clock.advance(10);
    await limiter.releaseRunSlot('r3');
    await settle();
    // Both are expected to be refusals; what else there is cannot be explained.
    const told = [late, withdrawn].map(({ error }) => limiter.explain(error as RefusalError));
    expect(told).toMatchObject([
      { state: 'refused', code: 'wait_timeout', runId: 'r2' },
      { state: 'refused', code: 'withdrawn', runId: 'r3' },
    ]);
  });

  test.each<[string, Ask]>([
    ['run_id_conflict', ['s2', 'r1']],
    ['session_id_conflict', ['s1', undefined, { owner: 'bob' }]],
  ])('being explained when it is about no limit: %s', async (code, asked) => {
    await using limiter = await start();
    await ask(limiter, ['s1']);
    await ask(limiter, ['s1', 'r1']);
    const refusal = await refusalOf(ask(limiter, asked));
    expect(limiter.explain(refusal)).toMatchObject({ state: 'refused', code, blockedBy: [] });
  });

  test('being explained to people: the limit with its number, and who holds', async () => {
    await using limiter = await start({ maxParallelRuns: 37 });
    for (let n = 0; n < 37; n++) await ask(limiter, ['s1', `holder-${n}`]);
    const explanation = limiter.explain(await refusalOf(ask(limiter, ['s1', 'newcomer'])));
    const text = 'text' in explanation ? explanation.text : '';
    expect(text.split('\n').length).toBeGreaterThan(1);
    for (const said of ['37', 'holder-0']) expect(text).toContain(said);
  });
});

describe('a refusal of another limiter', () => {
  test('being unknown', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await using other = await start({ maxParallelRuns: 1 });
    await ask(other, ['s1', 'r1']);
    const refusal = await refusalOf(ask(other, ['s1', 'r2']));
    expect(limiter.explain(refusal)).toStrictEqual({ state: 'unknown' });
    expect(other.explain(refusal)).toMatchObject({ state: 'refused' });
  });
});
