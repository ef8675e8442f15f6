/**
 * The face of Slotkeeper: what `import … from 'slotkeeper'` gives. Re-exports only.
 */
export { type StandaloneLimiter, startConcurrencyLimiter } from '../supervisors/start-limiter.ts';
export {
  type KeeperStatus,
  type Slotkeeper,
  type StopOptions,
  type StopReport,
  startSlotkeeper,
} from '../supervisors/start-slotkeeper.ts';
export { startTree, type Tree, type TreeOptions } from '../supervisors/start-tree.ts';
export { type FaultCode, faultCodes } from './errors.ts';
export { CommandError } from './executors/command-result.ts';
export { type FaultDetails, SlotkeeperError } from './fault.ts';
export type {
  DurableJournal,
  Journal,
  JournalChange,
  LimitsChange,
  Recovered,
  RecoveredSession,
  RunRecord,
  SessionRecord,
  WaitingRecord,
} from './journal/journal.ts';
export * from './limiter/index.ts';
export * from './otp/index.ts';
export * from './sessions/index.ts';
export {
  catalogue,
  type EventDescription,
  type EventName,
  type EventNamed,
} from './telemetry/catalogue.ts';
export { onEvent } from './telemetry/listen.ts';
