/**
 * How far the work has come: counts, the rate at which jobs end, and how long the rest may take.
 */
import type { ResultRow } from './result-row.ts';

/** The rate is that of so many of the last ends: it follows what the work is like now. */
const RATE_OF = 100;

export class Tally {
  /** Jobs of the input so far, and whether those are all. */
  total = 0;
  isTotalKnown = false;
  succeeded = 0;
  failed = 0;
  timedOut = 0;
  cancelled = 0;
  interrupted = 0;
  private readonly endings: number[] = [];
  private readonly now: () => number;
  readonly begunAt: number;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.now = now;
    this.begunAt = now();
  }

  get done(): number {
    return this.succeeded + this.failed + this.timedOut + this.cancelled + this.interrupted;
  }

  /** Whether all jobs that have ended have succeeded. */
  get isGood(): boolean {
    return this.done === this.succeeded;
  }

  get elapsedMs(): number {
    return this.now() - this.begunAt;
  }

  add({ state }: ResultRow): void {
    this[COUNTS[state]] += 1;
    this.endings.push(this.now());
    if (this.endings.length > RATE_OF) this.endings.shift();
  }

  /** Jobs that ended in a second, of late; 0 before two have. */
  get perSecond(): number {
    const [first] = this.endings;
    const count = this.endings.length;
    if (first === undefined || count < 2) return 0;
    const since = count === RATE_OF ? first : this.begunAt;
    return (count / Math.max(1, this.now() - since)) * 1_000;
  }

  /** How long the rest may take; `undefined` while that cannot be said. */
  get remainingMs(): number | undefined {
    const { perSecond } = this;
    if (!this.isTotalKnown || perSecond === 0) return undefined;
    return ((this.total - this.done) / perSecond) * 1_000;
  }
}

const COUNTS = {
  succeeded: 'succeeded',
  failed: 'failed',
  timed_out: 'timedOut',
  cancelled: 'cancelled',
  interrupted: 'interrupted',
} as const;
