/**
 * The book-keeping, as the limiter sees it. Re-exports only.
 */
export { aheadOf, type Block, blocksOfRun, blocksOfSession, type RunTerms } from './blocks.ts';
export {
  blockOf,
  type Decision,
  decideNewRun,
  decideRun,
  decideSession,
  type RunRequest,
  type SessionRequest,
} from './decisions.ts';
export {
  type EndReason,
  type Labels,
  RunEntry,
  SessionEntry,
  type SlotEntry,
  type SlotLife,
} from './entries.ts';
export { invalidId, isId } from './ids.ts';
export { violations } from './invariants.ts';
export { DEFAULT_LIMITS, isLimit, type LimitChanges, type Limits, withLimits } from './limits.ts';
export {
  type Refusal,
  type RefusalCode,
  RefusalError,
  refusalCodes,
  refusalError,
  type Scope,
} from './refusal.ts';
export type { Fairness } from './rounds.ts';
export { RunIds, type RunKey } from './run-ids.ts';
export { SlotTables } from './slot-tables.ts';
export { Tape } from './tape.ts';
export { estimateWait, type WaitEstimate } from './wait-estimate.ts';
export { waitersIn } from './wait-queue.ts';
export { Waiter } from './waiter.ts';
