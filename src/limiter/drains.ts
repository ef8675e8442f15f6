/**
 * Who waits until a draining limiter has no run any more.
 */
import type { SlotkeeperError } from '../fault.ts';
import { Deadline, deadlinesOf } from '../otp/deadlines.ts';
import type { Clock } from '../otp/index.ts';
import type { SlotRow } from './slot-row.ts';

/** How a drain went. */
export interface DrainReport {
  /** Whether no run is held any more. */
  readonly drained: boolean;
  /** Runs that still hold their slots. */
  readonly heldRuns: number;
  /** Ids that waited and were refused. */
  readonly refusedWaiters: number;
  /** The ten oldest of those that still hold. */
  readonly holders: readonly SlotRow[];
}

class Drain extends Deadline {
  readonly end: (isOver: boolean) => void;

  constructor(dueAt: number, end: (isOver: boolean) => void) {
    super(dueAt);
    this.end = end;
  }

  override expire(): void {
    this.end(false);
  }
}

export class Drains {
  private readonly open = new Map<Drain, (fault: SlotkeeperError) => void>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get areOpen(): boolean {
    return this.open.size > 0;
  }

  /** Resolves with true once no run is held, with false when the time is over or draining has ended. */
  wait(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const drain = new Drain(this.clock.monotonicNow() + timeoutMs, (isOver) => {
        this.close(drain);
        resolve(isOver);
      });
      this.open.set(drain, reject);
      if (timeoutMs !== Infinity) deadlinesOf(this.clock).add(drain);
    });
  }

  /** No run is held, or draining has ended. */
  end(isOver: boolean): void {
    for (const drain of this.open.keys()) drain.end(isOver);
  }

  /** The limiter has ended. */
  reject(fault: () => SlotkeeperError): void {
    for (const [drain, reject] of this.open) {
      this.close(drain);
      reject(fault());
    }
  }

  private close(drain: Drain): void {
    this.open.delete(drain);
    if (drain.list) deadlinesOf(this.clock).remove(drain);
  }
}
