import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_RESTART_INTENSITY, RestartHistory } from '../../src/otp/restart-intensity.ts';

const answers = (restarts: number, withinMs: number, times: number[]): boolean[] => {
  const history = new RestartHistory({ restarts, withinMs });
  return times.map((time) => history.add(time));
};

describe('RestartHistory', () => {
  test('accepting as many restarts as it may, and no more', () => {
    expect(answers(3, 1_000, [0, 1, 2, 3])).toEqual([true, true, true, false]);
  });

  test('accepting none when it may take none', () => {
    expect(answers(0, 1_000, [0])).toEqual([false]);
  });

  test('forgetting what is older than the window', () => {
    expect(answers(1, 1_000, [0, 1_001, 2_002])).toEqual([true, true, true]);
  });

  test('still counting what is exactly as old as the window, as OTP does', () => {
    expect(answers(1, 1_000, [0, 1_000])).toEqual([true, false]);
  });

  test('sliding its window, not starting it anew', () => {
    expect(answers(2, 1_000, [0, 900, 1_100, 1_200])).toEqual([true, true, true, false]);
  });

  test('counting the restarts within the window', () => {
    const history = new RestartHistory({ restarts: 5, withinMs: 100 });
    for (const time of [0, 50, 120]) history.add(time);
    expect(history.count).toBe(2);
  });

  test('being three in five seconds by default', () => {
    expect(DEFAULT_RESTART_INTENSITY).toEqual({ restarts: 3, withinMs: 5_000 });
  });

  test('counting as a filtered array does', () => {
    const gaps = fc.array(fc.nat({ max: 40 }), { maxLength: 200, size: 'max' });
    const property = fc.property(gaps, fc.nat({ max: 8 }), (delays, restarts) => {
      const history = new RestartHistory({ restarts, withinMs: 100 });
      const times: number[] = [];
      for (const delay of delays) {
        const now = (times.at(-1) ?? 0) + delay;
        times.push(now);
        const within = times.filter((time) => time >= now - 100).length;
        expect([history.add(now), history.count]).toEqual([within <= restarts, within]);
      }
    });
    fc.assert(property, { seed: 7 });
  });

  test.each([-1, 1.5, Number.NaN, Infinity])('refusing %s restarts', (restarts) => {
    expect(() => new RestartHistory({ restarts, withinMs: 1 })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });

  test.each([0, -1, Number.NaN])('refusing a window of %s ms', (withinMs) => {
    expect(() => new RestartHistory({ restarts: 1, withinMs })).toThrow(/withinMs/);
  });
});
