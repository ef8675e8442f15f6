/**
 * The messages that the limiter's actor understands. They are made in `limiter.ts` and `slot.ts` alone.
 */
import type { LimitChanges, Limits, RefusalCode } from '../slots/index.ts';
import type { AcquireRun, AcquireSession } from './acquire-options.ts';
import type { BookedCall } from './call-book.ts';
import type { ReleaseReport } from './release-report.ts';
import type { RunSlot, SessionSlot } from './slot.ts';
import type { Survivors } from './survivors.ts';

/** To release an id, or only the grant of it that has this token. */
export interface Release {
  readonly type: 'release_run' | 'release_session';
  readonly id: string;
  readonly token: number | undefined;
  /** Whether the holder itself releases, through its handle. */
  readonly isOwn: boolean;
}

/** A caller waits no more: his deadline has come, or his signal has aborted. */
export interface Withdrawal {
  readonly type: 'withdraw';
  readonly call: BookedCall;
  readonly code: RefusalCode;
}

export interface SetLimits {
  readonly type: 'set_limits';
  readonly changes: LimitChanges;
}

/** The limiter's server, as its types. */
export interface LimiterTypes {
  input: Survivors;
  state: Survivors;
  calls: {
    acquire_session(request: AcquireSession): SessionSlot;
    acquire_run(request: AcquireRun): RunSlot;
    release_session(request: Release): ReleaseReport;
    release_run(request: Release): ReleaseReport;
    withdraw(request: Withdrawal): void;
    set_limits(request: SetLimits): Limits;
  };
}
