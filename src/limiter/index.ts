/**
 * The limiter, as the face gives it. Re-exports only.
 */
export {
  DEFAULT_LIMITS,
  type EndReason,
  type Labels,
  type LimitChanges,
  type Limits,
  type RefusalCode,
  RefusalError,
  refusalCodes,
  type Scope,
} from '../slots/index.ts';
export type {
  AcquireRunOptions,
  AcquireSessionOptions,
  TryRunOptions,
  TrySessionOptions,
} from './acquire-options.ts';
export type * from './channels.ts';
export { type LimiterChannels, limiterChannels } from './channels.ts';
export type { ConcurrencyLimiter } from './limiter.ts';
export type { LimiterOptions } from './limiter-options.ts';
export type { ReleaseOptions } from './release-options.ts';
export type { ReleaseReport } from './release-report.ts';
export type { RunSlot, SessionSlot } from './slot.ts';
export { SlotLostError, slotLostCodes } from './slot-lost-error.ts';
export type { LimiterState, Status, StorageState } from './status.ts';
export { openStatusReader, type StatusReader } from './status-page.ts';
