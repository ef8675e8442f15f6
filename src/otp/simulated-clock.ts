/**
 * A clock that a test moves. Nothing fires until it is told that time has passed.
 *
 * `advance` fires what becomes due, in order of time and, for the same time, in the order in which it
 * was set; after each timer it lets everything that follows from it happen (promises, turns of
 * mailboxes) before the next. `stall` blocks the loop, as it were. `jumpWall` moves the wall reading alone, as a suspended laptop or a
 * corrected clock does.
 */
import type { Clock, ClockTimer } from './clock.ts';
import { waitingTurns } from './turn-share.ts';

class SimulatedTimer implements ClockTimer {
  readonly fn: () => void;
  readonly dueAt: number;
  readonly sequence: number;
  keepsProcessAlive = true;

  constructor(fn: () => void, dueAt: number, sequence: number) {
    this.fn = fn;
    this.dueAt = dueAt;
    this.sequence = sequence;
  }

  ref(): void {
    this.keepsProcessAlive = true;
  }

  unref(): void {
    this.keepsProcessAlive = false;
  }
}

export class SimulatedClock implements Clock {
  private wall: number;
  private monotonic = 0;
  private sequence = 0;
  private readonly timers = new Set<SimulatedTimer>();

  /** Starts at this wall time, UTC epoch milliseconds. Default 2024-01-01T00:00:00Z. */
  constructor(startAt: number = Date.UTC(2024, 0, 1)) {
    this.wall = startAt;
  }

  now(): number {
    return this.wall;
  }

  monotonicNow(): number {
    return this.monotonic;
  }

  setTimeout(fn: () => void, delayMs: number): ClockTimer {
    const delay = delayMs > 0 ? delayMs : 0;
    const timer = new SimulatedTimer(fn, this.monotonic + delay, this.sequence++);
    if (delay !== Infinity) this.timers.add(timer);
    return timer;
  }

  clearTimeout(timer: ClockTimer): void {
    this.timers.delete(timer as SimulatedTimer);
  }

  /** Timers that are set and would keep a process alive. */
  get pendingTimers(): number {
    return [...this.timers].filter((timer) => timer.keepsProcessAlive).length;
  }

  /** All timers that are set, those included that would not keep a process alive. */
  get allTimers(): number {
    return this.timers.size;
  }

  /** Lets `ms` milliseconds pass, and all that they bring. */
  async advance(ms: number): Promise<void> {
    const until = this.monotonic + ms;
    await settle();
    for (let timer = this.nextDue(until); timer; timer = this.nextDue(until)) {
      this.passTo(Math.max(timer.dueAt, this.monotonic)); // after a stall it is late
      this.timers.delete(timer);
      timer.fn();
      await settle();
    }
    this.passTo(until);
  }

  /** Moves the wall reading by `ms`; no time passes. */
  jumpWall(ms: number): void {
    this.wall += ms;
  }

  /** Lets `ms` milliseconds pass and nothing happen, as a blocked loop does: timers are late then. */
  stall(ms: number): void {
    this.passTo(this.monotonic + ms);
  }

  private passTo(monotonic: number): void {
    this.wall += monotonic - this.monotonic;
    this.monotonic = monotonic;
  }

  private nextDue(until: number): SimulatedTimer | undefined {
    let next: SimulatedTimer | undefined;
    for (const timer of this.timers) {
      if (timer.dueAt <= until && (!next || isEarlier(timer, next))) next = timer;
    }
    return next;
  }
}

/** Lets all promises and all turns of mailboxes that can go on, go on. */
export async function settle(): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve));
  while (waitingTurns() > 0);
}

function isEarlier(one: SimulatedTimer, other: SimulatedTimer): boolean {
  return one.dueAt < other.dueAt || (one.dueAt === other.dueAt && one.sequence < other.sequence);
}
