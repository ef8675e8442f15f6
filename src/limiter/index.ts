/**
 * The limiter, as the face gives it. Re-exports only.
 */
export {
  DEFAULT_LIMITS,
  type EndReason,
  type Fairness,
  type Labels,
  type LimitChanges,
  type Limits,
  type RefusalCode,
  RefusalError,
  refusalCodes,
  type Scope,
  type WaitEstimate,
} from '../slots/index.ts';
export type {
  AcquireRunOptions,
  AcquireSessionOptions,
  TryRunOptions,
  TrySessionOptions,
} from './acquire-options.ts';
export type * from './channels.ts';
export { type LimiterChannels, limiterChannels } from './channels.ts';
export type { DrainOptions } from './drain.ts';
export type { DrainReport } from './drains.ts';
export type { ExplainSubject } from './explain.ts';
export type {
  BlockingHolder,
  BlockingLimit,
  Explanation,
  Obstacles,
} from './explanation.ts';
export type { HolderTarget } from './holder.ts';
export type { SetLimitsOptions } from './limit-options.ts';
export type { ConcurrencyLimiter } from './limiter.ts';
export type { JournalPlace, LimiterOptions } from './limiter-options.ts';
export type { ListOptions } from './listing.ts';
export type { ReleaseOptions } from './release-options.ts';
export type { ReleaseReport } from './release-report.ts';
export {
  connectLimiter,
  type RemoteLimiter,
  type RemoteRunOptions,
  type RemoteSessionOptions,
} from './remote-limiter.ts';
export type { RemoteRunSlot, RemoteSessionSlot } from './remote-slot.ts';
export type { RunSlot, SessionSlot } from './slot.ts';
export { SlotLostError, slotLostCodes } from './slot-lost-error.ts';
export type { RunRow, SessionRow, SlotRow } from './slot-row.ts';
export type { SlotWork } from './slot-work.ts';
export type { LimiterState, Status, StorageState } from './status.ts';
export { openStatusReader, type StatusReader } from './status-page.ts';
