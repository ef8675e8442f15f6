/**
 * What limiters of its kind get wrong: what a timeout, an abort and a double release do to the capacity;
 * how much really runs at once; what is left after a million operations.
 *
 * That a waiter in a long queue costs no more than one in a short queue is measured by `npm run bench`:
 * a test has no time to measure by.
 */
import { describe, expect, test } from 'vitest';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import {
  attempt,
  counts,
  EMPTY,
  type Limiter,
  outcomes,
  PATIENT,
  refusalOf,
  start,
  wait,
} from '../../support/callers.ts';
import { gate } from '../../support/servers.ts';

describe('a timeout', () => {
  test('letting no more run than the limit: the work goes on and is counted', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    const open = gate();
    const running = limiter.withRunSlot('s1', () => open.opened, { waitTimeoutMs: 10 });
    const late = attempt(limiter.withRunSlot('s1', () => 'ran', { waitTimeoutMs: 10 }));
    await clock.advance(60_000);
    expect([late.outcome, limiter.getStatus().activeRuns]).toEqual(['wait_timeout', 1]);
    expect((await refusalOf(limiter.acquireRunSlot('s1', 'r1'))).code).toBe('max_runs_exceeded');
    open.open();
    await running;
  });

  test('costing nobody behind it the place', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    const held = await limiter.acquireRunSlot('s1', 'r0');
    const hasty = Array.from({ length: 100 }, (_, n) =>
      wait(limiter, ['s1', `h${n}`, { waitTimeoutMs: 5 }]),
    );
    const patient = wait(limiter, ['s1', 'p']);
    await clock.advance(5);
    await held.release();
    await settle();
    expect(new Set(outcomes(hasty))).toEqual(new Set(['wait_timeout']));
    expect(patient.outcome).toBe('granted');
  });
});

describe('an abort in the queue', () => {
  test('settling at once, not when the turn would have come', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const controller = new AbortController();
    const order: string[] = [];
    const waiting = limiter
      .acquireRunSlot('s1', 'r2', { ...PATIENT, signal: controller.signal })
      .catch(() => order.push('rejected'));
    controller.abort();
    order.push(`left ${limiter.getStatus().waitingRuns}`);
    await waiting;
    expect(order).toEqual(['left 0', 'rejected']);
  });

  test('making room in the queue at once', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxWaiters: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const controller = new AbortController();
    wait(limiter, ['s1', 'r2', { signal: controller.signal }]);
    controller.abort();
    const next = wait(limiter, ['s1', 'r3']);
    await settle();
    expect(next.outcome).toBe('waiting');
  });

  test('leaving nothing of 10,000 who gave up', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r0');
    const controller = new AbortController();
    const { signal } = controller;
    const gone = Array.from({ length: 10_000 }, (_, n) =>
      wait(limiter, [`s${n % 10}`, `r${n + 1}`, { signal, priority: n % 3 }]),
    );
    controller.abort();
    await settle();
    expect(new Set(outcomes(gone))).toEqual(new Set(['AbortError']));
    await held.release();
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

describe('a double release', () => {
  test('raising nothing, by whatever door', async () => {
    await using limiter = await start({ maxParallelRuns: 2 });
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireRunSlot('s1', 'r2');
    await Promise.all([
      slot.release(),
      slot[Symbol.asyncDispose](),
      limiter.releaseRunSlot('r1'),
      limiter.releaseRunSlot('r1', { token: slot.token }),
    ]);
    expect(limiter.getStatus()).toMatchObject({ activeRuns: 1, availableRunSlots: 1 });
  });

  test('granting one waiter, not two', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    const waiting = ['r2', 'r3'].map((id) => wait(limiter, ['s1', id]));
    await Promise.all([slot.release(), slot.release(), limiter.releaseRunSlot('r1')]);
    await settle();
    expect(outcomes(waiting)).toEqual(['granted', 'waiting']);
  });
});

/** A generator of numbers below 1 that is the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A thousand callers who hold for some turns of the event loop each; what was seen meanwhile. */
async function crowd(limiter: Limiter, seed: number) {
  const random = seeded(seed);
  const seen = { running: 0, most: 0, finished: 0 };
  const hold = async (): Promise<void> => {
    seen.running += 1;
    seen.most = Math.max(seen.most, seen.running);
    for (let turns = Math.floor(random() * 4); turns > 0; turns--) await macrotask();
    seen.running -= 1;
    seen.finished += 1;
  };
  const callers = Array.from({ length: 1_000 }, async (_, n) => {
    for (let turns = Math.floor(random() * 20); turns > 0; turns--) await macrotask();
    return limiter.withRunSlot(`s${n % 17}`, hold, {
      ...PATIENT,
      priority: Math.floor(random() * 3),
    });
  });
  const attempts = callers.map(attempt);
  await Promise.all(callers);
  return { ...seen, settlements: attempts.map(({ settlements }) => settlements) };
}

describe('real concurrency', () => {
  test.each([1, 2, 3])('reaching the limit and never passing it, seed %i', async (seed) => {
    await using limiter = await start({ maxParallelRuns: 10 });
    const { most, running, finished, settlements } = await crowd(limiter, seed);
    expect([most, running, finished]).toEqual([10, 0, 1_000]);
    expect(new Set(settlements)).toEqual(new Set([1]));
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('keeping the limit of each session beside that of all', async () => {
    await using limiter = await start({ maxParallelRuns: 10, maxRunsPerSession: 1 });
    const { most, finished } = await crowd(limiter, 4);
    expect([most, finished]).toEqual([10, 1_000]);
  });
});

describe('memory', () => {
  const MARGIN = 5_000_000;

  function heapUsed(): number {
    global.gc?.();
    return process.memoryUsage().heapUsed;
  }

  test('being where it was after 1,000,000 operations with fresh ids', async () => {
    await using limiter = await start();
    const churn = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) {
        const slot = await limiter.acquireRunSlot(`session-${n}`, `run-${n}`, {
          owner: `owner-${n}`,
        });
        await slot.release();
      }
    };
    await churn(0, 20_000);
    const before = heapUsed();
    await churn(20_000, 520_000);
    expect(heapUsed() - before).toBeLessThan(MARGIN);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('being where it was after 100,000 waits that ended in every way', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s', 'held');
    const round = async (n: number): Promise<void> => {
      const controller = new AbortController();
      const { signal } = controller;
      for (let w = 0; w < 1_000; w++) {
        const options = { owner: `o${n}-${w}`, kind: `k${n}-${w}`, priority: w % 5 };
        wait(limiter, [`aborted-${n}`, `a${n}-${w}`, { ...options, signal }]);
        wait(limiter, [`late-${n}`, `l${n}-${w}`, { ...options, waitTimeoutMs: 10 }]);
        wait(limiter, [`released-${n}`, `r${n}-${w}`, options]);
      }
      controller.abort();
      await clock.advance(10);
      await limiter.releaseSessionSlot(`released-${n}`);
    };
    for (let n = 0; n < 3; n++) await round(n);
    const before = heapUsed();
    for (let n = 3; n < 36; n++) await round(n);
    expect(heapUsed() - before).toBeLessThan(MARGIN);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });
});
