/**
 * How far the work has come, on a clock of its own.
 */
import { describe, expect, test } from 'vitest';
import type { ResultRow } from '../../src/cli/run/result-row.ts';
import { Tally } from '../../src/cli/run/tally.ts';

/** A tally, and its clock: each end is so many milliseconds after what was before. */
function tallied(total?: number) {
  let now = 1_000;
  const tally = new Tally(() => now);
  if (total !== undefined) Object.assign(tally, { total, isTotalKnown: true });
  const pass = (ms: number) => {
    now += ms;
  };
  const end = (state: ResultRow['state'], afterMs = 0) => {
    pass(afterMs);
    tally.add({ state } as ResultRow); // it looks at nothing else
  };
  return { tally, pass, end };
}

describe('a tally', () => {
  test('counting how jobs end', () => {
    const { tally, end } = tallied();
    for (const state of ['succeeded', 'failed', 'timed_out', 'cancelled'] as const) end(state);
    end('interrupted');
    end('failed');
    expect(tally).toMatchObject({ succeeded: 1, failed: 2, timedOut: 1, cancelled: 1 });
    expect(tally).toMatchObject({ interrupted: 1, done: 6 });
  });

  test.each(['failed', 'timed_out', 'cancelled', 'interrupted'] as const)(
    'being no longer good when one has %s',
    (state) => {
      const { tally, end } = tallied();
      end('succeeded');
      expect(tally.isGood).toBe(true);
      end(state);
      expect(tally.isGood).toBe(false);
    },
  );

  test('measuring what has passed', () => {
    const { tally, pass } = tallied();
    pass(2_500);
    expect(tally.elapsedMs).toBe(2_500);
  });
});

describe('its rate', () => {
  test('being unknown before two have ended', () => {
    const { tally, end } = tallied(10);
    expect(tally).toMatchObject({ perSecond: 0, remainingMs: undefined });
    end('succeeded', 100);
    expect(tally).toMatchObject({ perSecond: 0, remainingMs: undefined });
  });

  test('being that of all since the beginning while they are few', () => {
    const { tally, end } = tallied(10);
    end('succeeded', 1_000);
    end('failed', 1_000);
    expect(tally).toMatchObject({ perSecond: 1, remainingMs: 8_000 });
  });

  test('falling while nothing ends', () => {
    const { tally, end, pass } = tallied(10);
    for (let ends = 0; ends < 4; ends += 1) end('succeeded', 250);
    expect(tally.perSecond).toBe(4);
    pass(1_000);
    expect(tally).toMatchObject({ perSecond: 2, remainingMs: 3_000 });
  });

  test('following what the work is like now', () => {
    const { tally, end } = tallied(1_000);
    for (let ends = 0; ends < 200; ends += 1) end('succeeded', 1_000);
    for (let ends = 0; ends < 200; ends += 1) end('succeeded', 10);
    expect(tally.perSecond).toBeGreaterThan(95);
    expect(tally.perSecond).toBeLessThan(105);
  });

  test('being a number when all ends at once', () => {
    const { tally, end } = tallied(300);
    for (let ends = 0; ends < 300; ends += 1) end('succeeded');
    expect(Number.isFinite(tally.perSecond)).toBe(true);
    expect(tally.remainingMs).toBe(0);
  });

  test('saying nothing of the rest while more may come', () => {
    const { tally, end } = tallied();
    end('succeeded', 10);
    end('succeeded', 10);
    expect(tally.remainingMs).toBeUndefined();
  });
});
