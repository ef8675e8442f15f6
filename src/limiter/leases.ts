/**
 * Leases: slots with a term. Whoever does not renew in time loses the slot.
 *
 * All of them stand behind one timer, which does not keep the process alive. Time may jump over a term
 * while a holder who renews had no chance to: the loop was blocked, or the machine was asleep. So when
 * the timer comes late, or wall and monotonic time have parted, renewals get one more second before
 * anything expires.
 */

import { Deadline, Deadlines } from '../otp/deadlines.ts';
import type { Clock, ClockTimer } from '../otp/index.ts';
import type { RunEntry, SessionEntry } from '../slots/index.ts';

/** How late a timer may be, and how far wall and monotonic time may part, in milliseconds. */
const JUMP_MS = 1_000;
/** What renewals get after a jump, in milliseconds. */
const GRACE_MS = 1_000;

/** What is known of a jump, in whole milliseconds. */
export interface Jump {
  /** How late the timer came. */
  readonly lateMs: number;
  /** How far the wall clock has moved against the monotonic one. */
  readonly driftMs: number;
}

export class Lease extends Deadline {
  readonly entry: RunEntry | SessionEntry;
  readonly leaseMs: number;

  constructor(entry: RunEntry | SessionEntry, leaseMs: number, now: number) {
    super(now + leaseMs);
    this.entry = entry;
    this.leaseMs = leaseMs;
  }

  /** Leases end in a turn of the limiter, all that are due at once. */
  override expire(): void {}
}

/** Who is told, by the timer. */
export interface LeaseKeeper {
  /** Leases have run out: `due` and `swept` follow, in a turn of the limiter. */
  sweep(): void;
  jumped(jump: Jump): void;
}

export class Leases extends Deadlines {
  private readonly keeper: LeaseKeeper;
  /** From the moment at which leases ran out until they were ended. */
  private isSweeping = false;
  /** Of the last jump. */
  private grace: ClockTimer | undefined = undefined;
  /** What the wall clock shows more than the monotonic one. */
  private offset: number;

  constructor(clock: Clock, keeper: LeaseKeeper) {
    super(clock, { keepsProcessAlive: false });
    this.keeper = keeper;
    this.offset = this.readOffset();
  }

  /** The leases that have run out. */
  due(): Lease[] {
    return this.dueBy(this.clock.monotonicNow()) as Lease[]; // only leases are ever added
  }

  /** What was due has been ended. */
  swept(): void {
    this.isSweeping = false;
    this.armNext();
  }

  /** The limiter has ended, and with it all leases. */
  close(): void {
    this.disarm();
    if (this.grace) this.clock.clearTimeout(this.grace);
  }

  /** The lease runs from now on. */
  renew(lease: Lease): void {
    this.move(lease, this.clock.monotonicNow() + lease.leaseMs);
  }

  /** The lease ends at another time. */
  move(lease: Lease, dueAt: number): void {
    if (lease.list) this.remove(lease);
    lease.dueAt = dueAt;
    this.add(lease);
  }

  protected override wake(first: Deadline, now: number): void {
    if (this.isSweeping) return;
    this.isSweeping = true;
    const jump = this.jumpSince(first, now);
    if (!jump) {
      this.keeper.sweep();
      return;
    }
    this.keeper.jumped(jump);
    this.grace = this.clock.setTimeout(() => this.keeper.sweep(), GRACE_MS);
    this.grace.unref();
  }

  protected override armNext(): void {
    if (!this.isSweeping) super.armNext();
  }

  private jumpSince(first: Deadline, now: number): Jump | undefined {
    const offset = this.readOffset();
    const lateMs = Math.trunc(now - first.dueAt);
    const driftMs = Math.trunc(offset - this.offset);
    this.offset = offset;
    return lateMs > JUMP_MS || Math.abs(driftMs) > JUMP_MS ? { lateMs, driftMs } : undefined;
  }

  private readOffset(): number {
    return this.clock.now() - this.clock.monotonicNow();
  }
}
