/**
 * Estimates of a wait: made of how long runs of the same kind were held, when there are enough of them.
 */
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../src/testing.ts';
import { ask, type Limiter, refusalOf, start, wait } from '../../support/callers.ts';

type Estimate = { meanMs: number; p50Ms: number; p90Ms: number; samples: number } | null;

function estimateOf(explanation: ReturnType<Limiter['explain']>): Estimate {
  if ('estimatedWait' in explanation) return explanation.estimatedWait;
  throw new Error(`Expected an estimate, got ${JSON.stringify(explanation)}`);
}

/** A limiter of one slot, and how runs are held, one after the other. */
async function busy() {
  const clock = new SimulatedClock();
  const limiter = await start({ maxParallelRuns: 1 }, { clock });
  const hold = async (times: readonly number[], kind?: string) => {
    for (const ms of times) {
      const slot = await limiter.acquireRunSlot('s1', 'past', { ...(kind && { kind }) });
      await clock.advance(ms);
      await slot.release();
    }
  };
  return { limiter, clock, hold, [Symbol.asyncDispose]: () => limiter.stop() };
}

describe('an estimate', () => {
  test('being none below five runs that were held, and there from then on', async () => {
    await using world = await busy();
    const { limiter, clock, hold } = world;
    const seen: (number | undefined)[] = [];
    await hold([100, 100, 100]);
    for (let more = 0; more < 3; more++) {
      const slot = await ask(limiter, ['s1', 'now']);
      wait(limiter, ['s1', 'next']);
      seen.push(estimateOf(limiter.explain({ runId: 'next' }))?.samples);
      await limiter.releaseRunSlot('next');
      await clock.advance(100);
      await slot.release();
    }
    expect(seen).toEqual([undefined, undefined, 5]);
  });

  test('lying within what was ever seen, for who is next', async () => {
    await using world = await busy();
    const { limiter, hold } = world;
    await hold([1_000, 1_000, 1_000, 1_000, 1_000, 1_000]);
    await ask(limiter, ['s1', 'now']);
    wait(limiter, ['s1', 'next']);
    const estimate = estimateOf(limiter.explain({ runId: 'next' }));
    expect(estimate?.samples).toBe(6);
    for (const name of ['meanMs', 'p50Ms', 'p90Ms'] as const) {
      expect(estimate?.[name]).toBeGreaterThan(0);
      expect(estimate?.[name]).toBeLessThanOrEqual(1_000);
    }
  });

  test('telling a long tail by its ninth tenth, not by its middle', async () => {
    await using world = await busy();
    const { limiter, hold } = world;
    await hold([10, 10, 10, 10, 10, 10, 10, 10_000, 10_000, 10_000]);
    await ask(limiter, ['s1', 'now']);
    wait(limiter, ['s1', 'next']);
    const { p50Ms = NaN, p90Ms = NaN } = estimateOf(limiter.explain({ runId: 'next' })) ?? {};
    expect(p50Ms).toBeLessThan(1_000);
    expect(p90Ms).toBeGreaterThan(1_000);
  });

  test('being longer for who stands further behind', async () => {
    await using world = await busy();
    const { limiter, hold } = world;
    await hold([1_000, 1_000, 1_000, 1_000, 1_000]);
    await ask(limiter, ['s1', 'now']);
    const ids = ['w0', 'w1', 'w2'];
    for (const id of ids) wait(limiter, ['s1', id]);
    const means = ids.map((runId) => estimateOf(limiter.explain({ runId }))?.meanMs ?? NaN);
    expect(means).toEqual([...means].sort((one, other) => one - other));
    expect(new Set(means).size).toBe(3);
  });

  test('being made of runs of the same kind, and no other', async () => {
    await using world = await busy();
    const { limiter, hold } = world;
    await hold([100, 100, 100, 100, 100, 100], 'exec');
    await hold([100, 100, 100, 100], 'tool');
    await ask(limiter, ['s1', 'now']);
    for (const kind of ['exec', 'tool']) wait(limiter, ['s1', kind, { kind }]);
    wait(limiter, ['s1', 'none']);
    const samples = ['exec', 'tool', 'none'].map(
      (runId) => estimateOf(limiter.explain({ runId }))?.samples,
    );
    expect(samples).toEqual([6, undefined, undefined]);
  });

  test('being told of a refusal too', async () => {
    await using world = await busy();
    const { limiter, hold } = world;
    await hold([100, 100, 100, 100, 100], 'exec');
    await ask(limiter, ['s1', 'now', { kind: 'exec' }]);
    const refusal = await refusalOf(ask(limiter, ['s1', 'r1', { kind: 'exec' }]));
    expect(estimateOf(limiter.explain(refusal))?.samples).toBe(5);
  });
});
