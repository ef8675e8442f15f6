/**
 * A run that had ended before this process began, as the journal tells of it.
 *
 * It is over: it takes no orders, its outcome is there, and what it has printed is found as long as it is.
 */
import type { KeepingExecutor, OutputOptions, OutputRecord } from '../executors/executor.ts';
import type { EndReason } from '../limiter/index.ts';
import type { FoundEnd } from './found.ts';
import type { KnownRun } from './known-run.ts';
import { type RunOutcome, type RunState, type Stop, stoppedOutcome } from './outcome.ts';
import { notRunning } from './run-faults.ts';
import { endOfText, type WrittenEnd } from './run-notes.ts';
import type { RunOptions } from './run-options.ts';
import type { KnownTimes } from './run-times.ts';
import type { SessionCore } from './session-core.ts';
import { stopFor } from './stops.ts';

const NOTHING_ORDERED = { records: [] } as const;
const ORPHANED: Stop = { state: 'interrupted', reason: 'orphaned', note: undefined };
const WAITED_TOO_LONG: Stop = { state: 'timed_out', reason: 'wait_timeout', note: undefined };

export class PastRun implements KnownRun {
  readonly id: string;
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly options: Pick<RunOptions, 'kind' | 'labels'>;
  readonly state: RunState;
  readonly isPaused = false;
  readonly token: number;
  readonly times: KnownTimes;
  readonly history = NOTHING_ORDERED;
  readonly outcome: { readonly promise: Promise<RunOutcome> };
  readonly isEnded = true;
  private readonly executor: KeepingExecutor;

  /** `undefined` for a slot that no run of ours had. */
  static of(found: FoundEnd, executor: KeepingExecutor): PastRun | undefined {
    const { reason, token } = found;
    // Of any other end the note is not the run's own.
    const end = reason === 'released' || token === 0 ? endOfText(found.note) : undefined;
    if (reason === 'released' && !end) return undefined;
    if (end?.keptAt !== undefined) executor.keepAt(found.token, end.keptAt);
    return new PastRun(found, end, executor);
  }

  private constructor(found: FoundEnd, end: WrittenEnd | undefined, executor: KeepingExecutor) {
    const { runId, sessionId, owner, kind, labels, token, endedAt, reason } = found;
    this.id = runId;
    this.sessionId = sessionId;
    this.owner = owner;
    this.options = { ...(kind !== undefined && { kind }), ...(labels && { labels }) };
    this.token = token;
    this.executor = executor;
    this.times = end ? { ...NO_TIMES, ...end.times, endedAt } : timesOf(found);
    const stop = end ? undefined : stopOf(reason);
    const outcome = end ? outcomeOf(runId, end, executor) : stoppedOutcome(runId, stop ?? ORPHANED);
    this.state = outcome.state;
    this.outcome = { promise: Promise.resolve(outcome) };
  }

  /** It was asked for while the session was there. Tokens rise: it had its slot, if any, after that had. */
  isOf({ id, token, createdAt = Infinity, endedAt = Infinity }: SessionCore): boolean {
    const { queuedAt } = this.times;
    if (id !== this.sessionId || queuedAt > endedAt) return false;
    return this.token === 0 ? createdAt <= queuedAt : token < this.token;
  }

  control(): void {}

  pause(): void {
    throw notRunning(this);
  }

  resume(): void {
    throw notRunning(this);
  }

  get whenBegun(): Promise<void> {
    return Promise.resolve();
  }

  get whenOver(): Promise<void> {
    return Promise.resolve();
  }

  printed(options: OutputOptions): AsyncIterableIterator<OutputRecord> {
    return this.executor.output(this.token, options);
  }
}

const NO_TIMES = { startedAt: undefined, deadlineAt: undefined, waitedMs: undefined };

/** Nobody has written down more than its grant, or its wait, and its end. */
function timesOf({ token, grantedAt, endedAt }: FoundEnd): KnownTimes {
  const known = { ...NO_TIMES, queuedAt: grantedAt, endedAt };
  return token === 0 ? known : { ...known, startedAt: grantedAt, waitedMs: 0 };
}

/** Of one that nobody took up nobody knows how it ended. */
function stopOf(reason: string): Stop {
  if (reason === 'interrupted') return ORPHANED;
  if (reason === 'wait_timeout') return WAITED_TOO_LONG;
  return stopFor(reason as EndReason); // as the limiter wrote it
}

function outcomeOf(runId: string, end: WrittenEnd, executor: KeepingExecutor): RunOutcome {
  const { state, reason = 'stopped', note, error = { message: '' }, value } = end;
  if (state === 'succeeded') return { state, value };
  const said = value === undefined ? {} : { value };
  if (state === 'failed') return { state, error: executor.failureOf(error, value), ...said };
  return { ...stoppedOutcome(runId, { state, reason, note }), ...said };
}
