/**
 * A run as it is answered: where it stands, how it has ended, what it has printed.
 */
import { z } from 'zod';
import type { CommandResult, Run, RunOutcome } from '../sessions/index.ts';
import { PrintedText } from './printed-text.ts';

/** Characters of each stream in an answer. All that is kept of it can be read as events. */
export const LONGEST_TEXT = 1024 * 1024;

const at = z.number().int().nullable();

export const runAnswer = z.object({
  runId: z.string(),
  sessionId: z.string(),
  owner: z.string().nullable(),
  kind: z.string().nullable(),
  state: z.enum([
    'queued',
    'starting',
    'running',
    'stopping',
    'succeeded',
    'failed',
    'cancelled',
    'timed_out',
    'interrupted',
  ]),
  reason: z.string().nullable().describe('Why it was ended that did not end by itself'),
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable().describe('The signal that the program died of'),
  stdout: z.string(),
  stderr: z.string(),
  stdoutTruncated: z.boolean(),
  stderrTruncated: z.boolean(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  queuedAt: z.number().int().describe('UTC epoch milliseconds, as all times'),
  startedAt: at,
  endedAt: at,
  deadlineAt: at,
});

export type RunAnswer = z.output<typeof runAnswer>;

export async function answerOf(run: Run): Promise<RunAnswer> {
  const { runId, sessionId, owner = null, kind = null, state, queuedAt } = run;
  const { startedAt = null, endedAt = null, deadlineAt = null } = run;
  // Its state says that it is over once its outcome is there.
  const outcome = endedAt === null ? undefined : await run.outcome;
  const times = { queuedAt, startedAt, endedAt, deadlineAt };
  const printed = await printedBy(run);
  return {
    runId,
    sessionId,
    owner,
    kind,
    state,
    ...endOf(outcome),
    ...streams(printed, outcome),
    ...times,
  };
}

function endOf(outcome: RunOutcome | undefined) {
  const { exitCode = null, signal = null } = resultOf(outcome) ?? {};
  const reason = outcome && 'reason' in outcome ? outcome.reason : null;
  return { reason, exitCode, signal, error: errorOf(outcome) };
}

function errorOf(outcome: RunOutcome | undefined): RunAnswer['error'] {
  if (!outcome || outcome.state === 'succeeded') return null;
  const { error } = outcome;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'run_failed';
  return { code, message: error.message };
}

/** What a run has printed, as much as an answer may have of it; read no further than that. */
export async function printedBy(run: Pick<Run, 'output'>): Promise<Printed> {
  const printed = { stdout: new PrintedText(LONGEST_TEXT), stderr: new PrintedText(LONGEST_TEXT) };
  try {
    for await (const { stream, text } of run.output()) {
      printed[stream].add(text);
      if (printed.stdout.isCut && printed.stderr.isCut) break;
    }
  } catch (fault) {
    if ((fault as { code?: unknown }).code !== 'no_output') throw fault; // whatever it is
  }
  return printed;
}

interface Printed {
  readonly stdout: PrintedText;
  readonly stderr: PrintedText;
}

function streams({ stdout, stderr }: Printed, outcome: RunOutcome | undefined) {
  const result = resultOf(outcome);
  return {
    stdout: stdout.text,
    stderr: stderr.text,
    stdoutTruncated: stdout.isCut || (result?.stdout.isTruncated ?? false),
    stderrTruncated: stderr.isCut || (result?.stderr.isTruncated ?? false),
  };
}

/** Over HTTP there are commands only, and this is what they come to. */
function resultOf(outcome: RunOutcome | undefined): CommandResult | undefined {
  return outcome?.value as CommandResult | undefined;
}
