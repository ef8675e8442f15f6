/**
 * Estimates of a wait at their edges: nobody holds, more hold than may, and more than are played.
 */
import { describe, expect, test } from 'vitest';
import { estimateWait } from '../../src/slots/index.ts';

const SECOND = 1_000;
/** All have held as long, so there is one way only in which it may go. */
const EVEN = Array.from({ length: 10 }, () => SECOND);

function held(count: number, ms = 0): number[] {
  return Array.from({ length: count }, () => ms);
}

describe('an estimate', () => {
  test('there from five hold times on', () => {
    const situation = { heldMs: held(1), ahead: 0, limit: 1 };
    expect(estimateWait({ ...situation, holdTimes: EVEN.slice(0, 4) })).toBeUndefined();
    expect(estimateWait({ ...situation, holdTimes: EVEN.slice(0, 5) })?.samples).toBe(5);
  });

  test('of one who waits for the rest of a hold', () => {
    const told = estimateWait({ holdTimes: EVEN, heldMs: [400], ahead: 0, limit: 1 });
    expect(told).toEqual({ meanMs: 1_000, p50Ms: 600, p90Ms: 600, samples: 10 });
  });

  test('taking one who has held longer than any for one who begins', () => {
    const told = estimateWait({ holdTimes: EVEN, heldMs: [90_000], ahead: 0, limit: 1 });
    expect(told).toMatchObject({ p50Ms: 1_000, p90Ms: 1_000 });
  });

  test('of no wait where nobody holds', () => {
    const told = estimateWait({ holdTimes: EVEN, heldMs: [], ahead: 0, limit: 1 });
    expect(told).toMatchObject({ p50Ms: 0, p90Ms: 0 });
  });

  test('waiting for all who are above a limit that was lowered', () => {
    const heldMs = [900, 800, 700];
    const told = estimateWait({ holdTimes: EVEN, heldMs, ahead: 0, limit: 1 });
    expect(told).toMatchObject({ p50Ms: 300, p90Ms: 300 });
  });

  test('counting rounds of those ahead', () => {
    const told = estimateWait({ holdTimes: EVEN, heldMs: held(2), ahead: 5, limit: 2 });
    expect(told).toMatchObject({ meanMs: 3_000, p50Ms: 3_000, p90Ms: 3_000 });
  });

  test.each([
    { holding: 50, ahead: 100_000 },
    { holding: 5_000, ahead: 100_000 },
    { holding: 100_000, ahead: 1_000_000 },
  ])('as of the whole where $holding hold and $ahead wait', ({ holding, ahead }) => {
    const told = estimateWait({ holdTimes: EVEN, heldMs: held(holding), ahead, limit: holding });
    const exact = Math.floor(ahead / holding + 1) * SECOND;
    expect(told?.p50Ms).toBeGreaterThanOrEqual(exact - SECOND);
    expect(told?.p50Ms).toBeLessThanOrEqual(exact + SECOND);
  });
});
