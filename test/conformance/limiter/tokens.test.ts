/**
 * Tokens: every grant is named by a number of its own, which rises within the process.
 */
import { describe, expect, test } from 'vitest';
import { exit } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { type Ask, ask, granted, start, tryAsk, wait } from '../../support/callers.ts';

function isRising(tokens: readonly number[]): boolean {
  return tokens.every((token, n) => n === 0 || token > (tokens[n - 1] ?? Infinity));
}

describe('tokens', () => {
  test('being safe integers that rise with every grant, sessions and runs alike', async () => {
    await using limiter = await start();
    const tokens: number[] = [];
    for (const one of [['s1'], ['s1', 'r1'], ['s2'], ['s2', 'r2'], ['s3', 'r3']] as Ask[]) {
      tokens.push((await ask(limiter, one)).token);
    }
    tokens.push(granted(tryAsk(limiter, ['s4', 'r4'])).token);
    expect(tokens.every(Number.isSafeInteger)).toBe(true);
    expect(isRising(tokens)).toBe(true);
  });

  test('being another one when an id is granted again', async () => {
    await using limiter = await start();
    const tokens: number[] = [];
    for (let time = 0; time < 100; time++) {
      await using slot = await limiter.acquireRunSlot('s1', 'r1');
      tokens.push(slot.token);
    }
    expect(isRising(tokens)).toBe(true);
  });

  test('rising in the order in which waiters are granted', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r0');
    const low = wait(limiter, ['s1', 'low']);
    const high = wait(limiter, ['s1', 'high', { priority: 1 }]);
    await limiter.setLimits({ maxParallelRuns: 3 });
    await settle();
    expect(isRising([high.value?.token ?? NaN, low.value?.token ?? NaN])).toBe(true);
  });

  test('being unique among the limiters of a process, and rising over them', async () => {
    await using one = await start();
    await using other = await start();
    const tokens: number[] = [];
    for (const [limiter, id] of [
      [one, 'a'],
      [other, 'a'],
      [one, 'b'],
      [other, 'b'],
    ] as const) {
      tokens.push((await limiter.acquireRunSlot('s1', id)).token);
    }
    expect(isRising(tokens)).toBe(true);
  });

  test('rising on after a restart', async () => {
    await using limiter = await start();
    const before = await limiter.acquireRunSlot('s1', 'r1');
    exit(limiter.ref, new Error('crash'));
    const after = await limiter.acquireRunSlot('s1', 'r2');
    expect(isRising([before.token, after.token])).toBe(true);
  });

  test('rising on in the next limiter of the process', async () => {
    const first = await start();
    const before = await first.acquireRunSlot('s1', 'r1');
    await first.stop();
    await using second = await start();
    const after = await second.acquireRunSlot('s1', 'r1');
    expect(isRising([before.token, after.token])).toBe(true);
  });
});
