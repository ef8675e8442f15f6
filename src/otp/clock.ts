/**
 * Time, as a port. Every timer of the project goes through a `Clock`, so that the simulated one
 * (`slotkeeper/testing`) drives everything that has to do with time.
 *
 * Durations are measured on the monotonic reading, which never jumps; the wall reading (UTC epoch
 * milliseconds) is for what people and files see. A `Clock` is also what XState accepts as one.
 */
import { performance } from 'node:perf_hooks';
import { recentTime } from './turn-share.ts';

/** A timer that was set. `unref` lets the process end although it has not fired. */
export interface ClockTimer {
  ref(): void;
  unref(): void;
}

export interface Clock {
  /** Wall time, UTC epoch milliseconds. May jump. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary start. Never goes back. */
  monotonicNow(): number;
  /**
   * The same, but within a turn it may be some messages old: for what is noted of every message, where
   * reading the time costs as much as all else. A clock without it is read each time.
   */
  recentNow?(): number;
  /** Calls `fn` once after `delayMs`. Any length is honoured; `Infinity` never fires. */
  setTimeout(fn: () => void, delayMs: number): ClockTimer;
  clearTimeout(timer: ClockTimer): void;
}

/** Node fires at once above this delay (a signed 32-bit count of milliseconds). */
const LONGEST_NODE_DELAY_MS = 2 ** 31 - 1;

/** A Node timer that is re-armed as often as its length needs. */
class SystemTimer implements ClockTimer {
  private handle: NodeJS.Timeout | undefined;
  private keepsProcessAlive = true;
  private readonly fn: () => void;

  constructor(fn: () => void, delayMs: number) {
    this.fn = fn;
    if (delayMs !== Infinity) this.arm(delayMs);
  }

  ref(): void {
    this.keepsProcessAlive = true;
    this.handle?.ref();
  }

  unref(): void {
    this.keepsProcessAlive = false;
    this.handle?.unref();
  }

  clear(): void {
    clearTimeout(this.handle);
    this.handle = undefined;
  }

  private arm(delayMs: number): void {
    const rest = delayMs - LONGEST_NODE_DELAY_MS;
    this.handle =
      rest > 0
        ? setTimeout(() => this.arm(rest), LONGEST_NODE_DELAY_MS)
        : setTimeout(this.fn, delayMs);
    if (!this.keepsProcessAlive) this.handle.unref();
  }
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
  recentNow: recentTime,
  setTimeout: (fn, delayMs) => new SystemTimer(fn, delayMs),
  clearTimeout: (timer) => (timer as SystemTimer).clear(),
};
