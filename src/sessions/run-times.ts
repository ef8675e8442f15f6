/**
 * The times of a run: when it was asked for, when its work began, when its slot was free again, and how long
 * it has waited and worked.
 *
 * `At` is wall time, UTC epoch milliseconds, as it was then. What lasts is measured on the monotonic clock; for
 * a run that a process has left behind it is counted from what that has written down.
 */
import type { Clock } from '../otp/index.ts';

/** What a process that has ended has written down of a run. */
export interface RunPast {
  readonly queuedAt: number;
  /** When it had got its slot; `undefined` for one that waits for it still. */
  readonly begunAt: number | undefined;
}

/** What is shown of them. */
export interface KnownTimes {
  readonly queuedAt: number;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** When it will be, or would have been, timed out; `undefined` before it has begun, and without a deadline. */
  readonly deadlineAt: number | undefined;
  /** Whole milliseconds from when it was asked for to the beginning of its work; `undefined` before. */
  readonly waitedMs: number | undefined;
}

export class RunTimes implements KnownTimes {
  readonly queuedAt: number;
  startedAt: number | undefined = undefined;
  endedAt: number | undefined = undefined;
  waitedMs: number | undefined = undefined;
  private readonly clock: Clock;
  private readonly deadlineMs: number;
  private readonly begunAt: number | undefined;
  private readonly queuedSince: number;
  private startedSince = 0;

  constructor(clock: Clock, deadlineMs: number, past: RunPast | undefined) {
    this.clock = clock;
    this.deadlineMs = deadlineMs;
    this.begunAt = past?.begunAt;
    this.queuedAt = past?.queuedAt ?? Math.round(clock.now());
    this.queuedSince = clock.monotonicNow() - (past ? Math.max(0, clock.now() - past.queuedAt) : 0);
  }

  get deadlineAt(): number | undefined {
    if (this.startedAt === undefined || this.deadlineMs === Infinity) return undefined;
    return this.startedAt + this.deadlineMs;
  }

  /** Its work begins, or had begun then. Gives the monotonic time at which it is timed out. */
  begin(): number {
    const { clock, begunAt, queuedAt } = this;
    this.startedAt = begunAt ?? Math.round(clock.now());
    const agoMs = begunAt === undefined ? 0 : Math.max(0, clock.now() - begunAt);
    this.startedSince = clock.monotonicNow() - agoMs;
    const waited =
      begunAt === undefined ? this.startedSince - this.queuedSince : begunAt - queuedAt;
    this.waitedMs = Math.max(0, Math.round(waited));
    return this.startedSince + this.deadlineMs;
  }

  end(): void {
    this.endedAt = Math.round(this.clock.now());
  }

  /** Milliseconds of its work, up to now. */
  get workedMs(): number | undefined {
    return this.startedAt === undefined ? undefined : this.clock.monotonicNow() - this.startedSince;
  }
}
