/**
 * When whoever is refused is told to come again: an estimate is dear, a refusal must not be.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RetryTimes } from '../../src/http/retry-times.ts';
import {
  type ConcurrencyLimiter,
  RefusalError,
  type Slotkeeper,
  startSlotkeeper,
} from '../../src/index.ts';

let keeper: Slotkeeper;
let limiter: ConcurrencyLimiter;
let refusal: unknown;

beforeAll(async () => {
  keeper = await startSlotkeeper({ limits: { maxParallelRuns: 1 } });
  limiter = keeper.limiter;
  await limiter.acquireRunSlot('s', 'held');
  refusal = limiter.tryAcquireRunSlot('s', 'refused');
});

afterAll(async () => void (await keeper.stop()));

describe('the time to come again', () => {
  test('being estimated once in a second for each route', () => {
    const explain = vi.spyOn(limiter, 'explain');
    let now = 0;
    const times = new RetryTimes(limiter, () => now);
    for (let asked = 0; asked < 100; asked += 1) {
      expect(times.secondsFor(refusal, '/a')).toBe(1);
    }
    expect(explain).toHaveBeenCalledTimes(1);
    times.secondsFor(refusal, '/b');
    expect(explain).toHaveBeenCalledTimes(2);
    now = 1_000;
    times.secondsFor(refusal, '/a');
    expect(explain).toHaveBeenCalledTimes(3);
  });

  test('being told of refusals alone that can succeed later', async () => {
    const times = new RetryTimes(limiter);
    const conflict = limiter.tryAcquireRunSlot('other', 'held');
    expect(conflict).toBeInstanceOf(RefusalError);
    expect(times.secondsFor(conflict, '/a')).toBeUndefined();
    expect(times.secondsFor(new Error('no refusal'), '/a')).toBeUndefined();
  });
});
