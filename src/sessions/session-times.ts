/**
 * The two times of a session: how long it may be idle, and how old it may become.
 *
 * A run that waits or runs is activity, also one that was acquired from the limiter directly and is held
 * when it is looked at; idleness begins when the last one has ended. Activity never helps against
 * `maxLifetimeMs`, and when both are exceeded it is the lifetime that ends the session.
 *
 * Both are measured on the monotonic clock. Wall time counts once: for a session that has outlived its
 * process. The deadline is moved only when it has to be earlier; one that comes and finds the session
 * active is set again.
 */
import { Deadline, type Deadlines } from '../otp/deadlines.ts';
import type { Clock } from '../otp/index.ts';
import type { CloseReason } from './session-core.ts';

/** How often a session is looked at whose activity nobody tells of. */
const LOOK_EVERY_MS = 1_000;

export interface SessionTerms {
  readonly idleTimeoutMs: number;
  readonly maxLifetimeMs: number;
}

/** Whose times they are. */
export interface Timed {
  /** Whether a run of its own waits or runs. */
  readonly isBusy: boolean;
  /** Whether any run is tied to its id. */
  readonly hasRuns: boolean;
  close(reason: CloseReason): void;
}

/** Since when: UTC epoch milliseconds. */
export interface Past {
  readonly createdAt: number;
  readonly lastActiveAt: number;
}

interface SessionTimesOptions {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly createdAt: number;
  /** Of a session that has outlived its process. */
  readonly past: Past | undefined;
}

class Look extends Deadline {
  private readonly times: SessionTimes;

  constructor(times: SessionTimes, dueAt: number) {
    super(dueAt);
    this.times = times;
  }

  override expire(): void {
    this.times.look();
  }
}

export class SessionTimes {
  readonly terms: SessionTerms;
  readonly createdAt: number;
  private readonly session: Timed;
  private readonly clock: Clock;
  private readonly deadlines: Deadlines;
  private readonly createdSince: number;
  private idleSince: number;
  private next: Look | undefined = undefined;
  private isStopped = false;

  constructor(
    session: Timed,
    terms: SessionTerms,
    { clock, deadlines, createdAt, past }: SessionTimesOptions,
  ) {
    this.session = session;
    this.terms = terms;
    this.clock = clock;
    this.deadlines = deadlines;
    const now = clock.now();
    this.createdAt = past?.createdAt ?? createdAt;
    // A wall clock that was put back makes nobody younger than now.
    const ago = (at: number | undefined) => Math.max(0, now - (at ?? now));
    this.createdSince = clock.monotonicNow() - ago(past?.createdAt);
    this.idleSince = clock.monotonicNow() - ago(past?.lastActiveAt);
    this.arm();
  }

  /** UTC epoch milliseconds: now, while it is active. */
  get lastActiveAt(): number {
    return Math.max(this.createdAt, Math.round(this.clock.now() - this.idleMs));
  }

  get idleMs(): number {
    return this.session.isBusy ? 0 : Math.max(0, this.clock.monotonicNow() - this.idleSince);
  }

  get ageMs(): number {
    return Math.max(0, this.clock.monotonicNow() - this.createdSince);
  }

  /** One of its runs is over, or was refused: that one was no activity. */
  runEnded(wasAccepted: boolean): void {
    if (wasAccepted) this.idleSince = this.clock.monotonicNow();
    if (!this.session.isBusy) this.arm();
  }

  /** Which of them is exceeded now. */
  get exceeded(): 'idle_timeout' | 'max_lifetime' | undefined {
    const now = this.clock.monotonicNow();
    if (now >= this.lifetimeEnd) return 'max_lifetime';
    return now >= this.idleEnd && !this.session.isBusy && !this.session.hasRuns
      ? 'idle_timeout'
      : undefined;
  }

  /** The time has come to look whether one of them is exceeded. */
  look(): void {
    this.next = undefined;
    const { exceeded, session } = this;
    if (exceeded) {
      session.close(exceeded);
      return;
    }
    if (!session.isBusy && session.hasRuns) this.putOff();
    this.arm();
  }

  /** Nothing ends it any more, whatever happens to it. */
  stop(): void {
    this.isStopped = true;
    this.disarm();
  }

  private disarm(): void {
    if (this.next?.list) this.deadlines.remove(this.next);
    this.next = undefined;
  }

  /** It is used by somebody who does not tell when he stops: at the latest, right before the next look. */
  private putOff(): void {
    const step = Math.min(LOOK_EVERY_MS, this.terms.idleTimeoutMs);
    this.idleSince = this.clock.monotonicNow() + step;
    this.armFor(Math.min(this.idleSince, this.lifetimeEnd));
  }

  private arm(): void {
    this.armFor(this.session.isBusy ? this.lifetimeEnd : Math.min(this.idleEnd, this.lifetimeEnd));
  }

  private armFor(dueAt: number): void {
    if (this.isStopped || dueAt === Infinity) return;
    if (this.next && this.next.dueAt <= dueAt) return;
    this.disarm();
    this.next = new Look(this, dueAt);
    this.deadlines.add(this.next);
  }

  private get idleEnd(): number {
    return this.idleSince + this.terms.idleTimeoutMs;
  }

  private get lifetimeEnd(): number {
    return this.createdSince + this.terms.maxLifetimeMs;
  }
}
