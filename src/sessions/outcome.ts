/**
 * How runs end: each accepted run has exactly one outcome, and the first reason stays.
 */
import { SlotkeeperError } from '../fault.ts';

/** Where a run stands. The last five are its ends. */
export type RunState =
  | 'queued'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'timed_out'
  | 'interrupted';

/** How a run ends that was ended, rather than ending by itself. */
export type StopState = 'cancelled' | 'timed_out' | 'interrupted';

/** Why a run was ended. */
export const stopReasons = {
  cancelled: '`cancel` was called',
  interrupted: '`interrupt` was called',
  aborted: 'the signal that was given with the run has aborted',
  deadline: 'its work has taken longer than `deadlineMs`',
  wait_timeout: 'it has waited for its slot longer than `waitTimeoutMs`',
  released: 'its slot was released by its id',
  expired: "its slot's lease has run out",
  holder_down: "its slot's holder is down",
  evicted: 'an operator has ended its slot; its work may go on',
  withdrawn: 'it was withdrawn from the queue',
  draining: 'the limiter takes in nobody new',
  refused: 'it was refused its slot while it waited',
  session_released: 'its session was closed',
  idle_timeout: 'its session was idle too long',
  max_lifetime: 'its session has reached its greatest age',
  session_crashed: "its session's actor has crashed",
  shutdown: 'the keeper is stopped',
  orphaned:
    'its keeper or its command host has died: nobody saw how it ended, or it was killed then',
  stopped: 'the limiter has stopped; its work may go on',
} as const;

export type StopReason = keyof typeof stopReasons;

/** Why a run is to end, and how it ends then. */
export interface Stop {
  readonly state: StopState;
  readonly reason: StopReason;
  /** What whoever ended it has said, for people. */
  readonly note: string | undefined;
}

/**
 * How a run has ended. `error` is an `Error` unless it has succeeded. `value` is what the work has come to: of
 * a command also when it has failed or was stopped.
 */
export type RunOutcome<Value = unknown> =
  | { readonly state: 'succeeded'; readonly value: Value }
  | { readonly state: 'failed'; readonly error: Error; readonly value?: Value }
  | {
      readonly state: StopState;
      readonly reason: StopReason;
      readonly error: RunStoppedError;
      readonly value?: Value;
    };

/** What the signal of a run aborts with, and what `result()` rejects with, when the run was ended. */
export class RunStoppedError extends SlotkeeperError<StopState> {
  override readonly name: string = 'RunStoppedError';

  constructor(runId: string, { state, reason, note }: Stop, cause?: unknown) {
    const text = `Run ${runId} was ${WORDS[state]}: ${note ?? stopReasons[reason]}`;
    super(state, text, { runId, reason, ...(note !== undefined && { note }) }, cause);
  }

  get reason(): StopReason {
    return this.details.reason as StopReason; // as the constructor has put it there
  }
}

const WORDS: Readonly<Record<StopState, string>> = {
  cancelled: 'cancelled',
  timed_out: 'timed out',
  interrupted: 'interrupted',
};

/** Made without a stack: it was ended by somebody, not by a fault. */
export function stoppedError(runId: string, stop: Stop, cause?: unknown): RunStoppedError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new RunStoppedError(runId, stop, cause);
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}

/** The outcome of a run that was ended. */
export function stoppedOutcome(runId: string, stop: Stop, cause?: unknown): RunOutcome<never> {
  const { state, reason } = stop;
  return { state, reason, error: stoppedError(runId, stop, cause) };
}
