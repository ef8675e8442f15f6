import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/index.ts';

const LONGEST_NODE_DELAY_MS = 2 ** 31 - 1;
const WEEK_MS = 7 * 24 * 3_600_000;
const TEN_WEEKS_MS = 10 * WEEK_MS;
/** Of Node's fake timers: nobody waits for it. */
const DELAY_MS = 100;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('systemClock.setTimeout', () => {
  test('firing once, after its delay', () => {
    const fn = vi.fn();
    systemClock.setTimeout(fn, DELAY_MS);
    vi.advanceTimersByTime(DELAY_MS - 1);
    expect(fn).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test.each([
    ['just above what Node can', LONGEST_NODE_DELAY_MS + 1],
    ['ten weeks', 10 * WEEK_MS],
    ['exactly twice what Node can', 2 * LONGEST_NODE_DELAY_MS],
  ])('honouring a delay of %s', (_name, delayMs) => {
    const fn = vi.fn();
    systemClock.setTimeout(fn, delayMs);
    vi.advanceTimersByTime(delayMs - 1);
    expect(fn).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('never giving Node a delay that it would fire at once', () => {
    const nodes = vi.spyOn(globalThis, 'setTimeout');
    systemClock.setTimeout(() => {}, 20 * WEEK_MS);
    vi.advanceTimersByTime(20 * WEEK_MS);
    const delays = nodes.mock.calls.map(([, delay]) => Number(delay));
    expect(delays.length).toBeGreaterThan(1);
    expect(Math.max(...delays)).toBeLessThanOrEqual(LONGEST_NODE_DELAY_MS);
  });

  test('never firing after Infinity, and arming nothing for it', () => {
    const fn = vi.fn();
    const timer = systemClock.setTimeout(fn, Infinity);
    expect(vi.getTimerCount()).toBe(0);
    timer.unref();
    timer.ref();
    systemClock.clearTimeout(timer);
    vi.advanceTimersByTime(100 * WEEK_MS);
    expect(fn).not.toHaveBeenCalled();
  });
});

describe('systemClock.clearTimeout', () => {
  test('keeping a timer from firing', () => {
    const fn = vi.fn();
    systemClock.clearTimeout(systemClock.setTimeout(fn, DELAY_MS));
    vi.advanceTimersByTime(1_000);
    expect(fn).not.toHaveBeenCalled();
  });

  test('keeping a long timer from firing after it was re-armed', () => {
    const fn = vi.fn();
    const timer = systemClock.setTimeout(fn, TEN_WEEKS_MS);
    vi.advanceTimersByTime(5 * WEEK_MS);
    systemClock.clearTimeout(timer);
    vi.advanceTimersByTime(20 * WEEK_MS);
    expect(fn).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('doing nothing to a timer that has fired', () => {
    const timer = systemClock.setTimeout(() => {}, 1);
    vi.advanceTimersByTime(1);
    expect(() => systemClock.clearTimeout(timer)).not.toThrow();
  });
});

describe('the timers of systemClock', () => {
  test('staying unref when they are re-armed', () => {
    const unref = vi.fn();
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(
      (fn) => ({ unref, ref: () => {}, fn }) as unknown as NodeJS.Timeout,
    );
    systemClock.setTimeout(() => {}, 10 * WEEK_MS).unref();
    const [rearm] = vi.mocked(setTimeout).mock.calls[0] ?? [];
    if (typeof rearm === 'function') rearm();
    expect(unref).toHaveBeenCalledTimes(2);
  });
});

describe('the readings of systemClock', () => {
  test('giving the wall time', () => {
    vi.setSystemTime(Date.UTC(2030, 0, 1));
    expect(systemClock.now()).toBe(Date.UTC(2030, 0, 1));
  });

  test('going on monotonically when the wall time jumps back', () => {
    const before = systemClock.monotonicNow();
    vi.setSystemTime(0);
    expect(systemClock.monotonicNow()).toBeGreaterThanOrEqual(before);
  });
});
