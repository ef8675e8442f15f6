/**
 * What has ended and is still to be found: for a time, and so many of them, oldest forgotten first.
 *
 * What is too old is not found any more, whether or not the timer has come that forgets it.
 */
import { Deadline, type Deadlines } from '../otp/deadlines.ts';
import type { Clock } from '../otp/index.ts';

export interface Retention {
  readonly maxAgeMs: number;
  readonly maxCount: number;
}

/** Long enough for a client that comes back, short enough for the memory of a busy daemon. */
export const DEFAULT_RETENTION: Retention = { maxAgeMs: 3_600_000, maxCount: 10_000 };

interface Kept<Value> {
  readonly value: Value;
  readonly endedAt: number;
}

class Forgetting extends Deadline {
  private readonly forget: () => void;

  constructor(dueAt: number, forget: () => void) {
    super(dueAt);
    this.forget = forget;
  }

  override expire(): void {
    this.forget();
  }
}

export class Ended<Value> {
  /** In the order of their ends. */
  private readonly byId = new Map<string, Kept<Value>>();
  private readonly retention: Retention;
  private readonly clock: Clock;
  private readonly deadlines: Deadlines;
  private next: Forgetting | undefined = undefined;
  private isClosed = false;

  private readonly forgotten: (value: Value) => void;

  /** `forgotten` is told of each that nobody will find any more. */
  constructor(
    retention: Retention,
    clock: Clock,
    deadlines: Deadlines,
    forgotten: (value: Value) => void = () => {},
  ) {
    this.forgotten = forgotten;
    this.retention = retention;
    this.clock = clock;
    this.deadlines = deadlines;
  }

  /** One of the same id that ended before is forgotten. `agoMs`: milliseconds since its end. */
  add(id: string, value: Value, agoMs = 0): void {
    this.forget(id);
    this.byId.set(id, { value, endedAt: this.clock.monotonicNow() - agoMs });
    this.forgetOld();
  }

  get(id: string): Value | undefined {
    const kept = this.byId.get(id);
    return kept && !this.isOld(kept) ? kept.value : undefined;
  }

  *values(): Generator<Value> {
    for (const kept of this.byId.values()) if (!this.isOld(kept)) yield kept.value;
  }

  get size(): number {
    return this.byId.size;
  }

  /** Sets no timer any more. What is there is found until it is too old. */
  close(): void {
    this.isClosed = true;
    if (this.next?.list) this.deadlines.remove(this.next);
    this.next = undefined;
  }

  private readonly forgetOld = (): void => {
    for (const [id, kept] of this.byId) {
      if (this.byId.size <= this.retention.maxCount && !this.isOld(kept)) break;
      this.forget(id);
    }
    this.arm();
  };

  private forget(id: string): void {
    const kept = this.byId.get(id);
    this.byId.delete(id);
    if (kept) this.forgotten(kept.value);
  }

  /** The timer comes for the oldest. */
  private arm(): void {
    if (this.isClosed || this.next?.list) return;
    const [oldest] = this.byId.values();
    const { maxAgeMs } = this.retention;
    if (!oldest || maxAgeMs === Infinity) return;
    this.next = new Forgetting(oldest.endedAt + maxAgeMs, this.forgetOld);
    this.deadlines.add(this.next);
  }

  private isOld({ endedAt }: Kept<Value>): boolean {
    return this.clock.monotonicNow() - endedAt >= this.retention.maxAgeMs;
  }
}
