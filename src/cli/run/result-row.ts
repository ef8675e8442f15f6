/**
 * A row of the results: how a job has ended, as one JSON object on one line.
 */
import type { CommandResult, KeptOutput, Run, RunOutcome } from '../../sessions/index.ts';
import type { Job } from './job.ts';

/** `null` is what there is none of. Times are UTC epoch milliseconds. */
export interface ResultRow {
  readonly id: string;
  readonly session: string;
  readonly state: RunOutcome['state'];
  readonly exitCode: number | null;
  /** What it died of. */
  readonly signal: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** How long it waited for its slot. */
  readonly waitedMs: number | null;
  /** The files that hold its output, where it has printed any. */
  readonly stdoutFile: string | null;
  readonly stderrFile: string | null;
  /** Why it was ended, where somebody did. */
  readonly reason: string | null;
  /** What went wrong, for people. */
  readonly error: string | null;
}

const NOTHING = {
  exitCode: null,
  signal: null,
  startedAt: null,
  endedAt: null,
  waitedMs: null,
  stdoutFile: null,
  stderrFile: null,
  reason: null,
  error: null,
};

export function rowOf({ id, session }: Job, run: Run, outcome: RunOutcome): ResultRow {
  const { startedAt = null, waitedMs = null } = run;
  const result = resultOf(outcome);
  const { exitCode = null, signal = null, stdout, stderr } = result ?? {};
  // What its executor has written down is the same whoever reads it.
  const endedAt = result?.endedAt ?? run.endedAt ?? null;
  return {
    id,
    session,
    state: outcome.state,
    exitCode,
    signal,
    startedAt,
    endedAt,
    waitedMs,
    stdoutFile: fileOf(stdout),
    stderrFile: fileOf(stderr),
    reason: 'reason' in outcome ? outcome.reason : null,
    error: outcome.state === 'succeeded' ? null : outcome.error.message,
  };
}

function fileOf(output: KeptOutput | undefined): string | null {
  return output && output.bytes > 0 ? output.path : null;
}

/** What a command has come to, if it had begun. */
function resultOf(outcome: RunOutcome): CommandResult | undefined {
  return outcome.value as CommandResult | undefined; // all jobs are commands
}

/** It could not even be asked for. */
export function failedRow({ id, session }: Job, error: string): ResultRow {
  return { id, session, state: 'failed', ...NOTHING, error };
}

/** It was not begun when the work was ended. */
export function notBegunRow({ id, session }: Job): ResultRow {
  return { id, session, state: 'interrupted', ...NOTHING, reason: 'interrupted' };
}
