/**
 * Sessions and runs, as the face gives them. Re-exports only.
 */
export type {
  CommandOrder,
  CommandResult,
  KeptOutput,
  OutputOptions,
  OutputRecord,
  RunContext,
  RunFunction,
} from '../executors/executor.ts';
export type * from './channels.ts';
export { type SessionChannels, sessionChannels } from './channels.ts';
export type { ControlOperation, ControlRecord } from './history.ts';
export {
  type RunOutcome,
  type RunState,
  RunStoppedError,
  type StopReason,
  type StopState,
  stopReasons,
} from './outcome.ts';
export type { Run } from './run.ts';
export type { RunOptions } from './run-options.ts';
export type { CloseOptions, Session } from './session.ts';
export type { ClosePlan, CloseReport, CloseStep, CloseStepReport } from './session-closing.ts';
export type { CloseReason } from './session-core.ts';
export type { SessionState } from './session-machine.ts';
export type { SessionOptions } from './session-options.ts';
export type { AbandonedRun } from './sessions.ts';
