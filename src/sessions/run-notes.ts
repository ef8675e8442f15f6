/**
 * What is written down of a run that outlives its process: what it is to do, while it holds its slot, and how
 * it has ended.
 */
import type { WrittenFailure } from '../executors/executor.ts';
import { SlotkeeperError } from '../fault.ts';
import type { RunOutcome, StopReason, StopState } from './outcome.ts';
import { stopReasons } from './outcome.ts';
import type { KnownTimes } from './run-times.ts';
import { parsed } from './written-text.ts';

/** What has to be known to take up a run. */
export interface WrittenOrder {
  readonly order: unknown;
  readonly deadlineMs: number;
  /** UTC epoch milliseconds; `undefined` in what was written before it was. */
  readonly queuedAt: number | undefined;
}

/** How it has ended, as plain data. */
export interface WrittenEnd {
  readonly state: StopState | 'succeeded' | 'failed';
  /** Why it was ended, if it was. */
  readonly reason?: StopReason;
  /** What was said with it. */
  readonly note?: string;
  readonly error?: WrittenFailure;
  readonly value?: unknown;
  readonly times: Omit<KnownTimes, 'endedAt'>;
  /** Where its executor keeps what it has left behind. */
  readonly keptAt?: string;
}

/** Characters of an error's message: what a program could not be started for is no longer. */
const LONGEST_MESSAGE = 4_096;
const STATES: readonly unknown[] = ['succeeded', 'failed', 'cancelled', 'timed_out', 'interrupted'];

export function textOfOrder({ order, deadlineMs, queuedAt }: WrittenOrder): string {
  return JSON.stringify({
    order,
    deadlineMs: deadlineMs === Infinity ? null : deadlineMs,
    queuedAt,
  });
}

/** `undefined` for what is no such text. */
export function orderOfText(text: string | undefined): WrittenOrder | undefined {
  const found = parsed(text) as Partial<WrittenOrder> | undefined; // as written
  if (!found || found.order === undefined) return undefined;
  return { order: found.order, deadlineMs: found.deadlineMs ?? Infinity, queuedAt: found.queuedAt };
}

export function textOfEnd(
  outcome: RunOutcome,
  { queuedAt, startedAt, deadlineAt, waitedMs }: KnownTimes,
  keptAt: string | undefined,
): string {
  const { state, value } = outcome;
  const times = { queuedAt, startedAt, deadlineAt, waitedMs };
  return JSON.stringify({ state, ...whyOf(outcome), value, times, keptAt });
}

/** `undefined` for what is no such text: the slot was given back by somebody else than a run. */
export function endOfText(text: string | undefined): WrittenEnd | undefined {
  const found = parsed(text) as WrittenEnd | undefined; // as `textOfEnd` wrote it, if it did
  if (!found || !STATES.includes(found.state) || typeof found.times !== 'object') return undefined;
  return found.reason === undefined || found.reason in stopReasons ? found : undefined;
}

function whyOf(outcome: RunOutcome): Partial<WrittenEnd> {
  if (outcome.state === 'succeeded') return {};
  if (outcome.state === 'failed') return { error: writtenFailure(outcome.error) };
  const { reason, error } = outcome;
  const { note } = error.details as { note?: string }; // as `RunStoppedError` has put it there
  return { reason, ...(note !== undefined && { note }) };
}

function writtenFailure(error: Error): WrittenFailure {
  const message = error.message.slice(0, LONGEST_MESSAGE);
  if (!(error instanceof SlotkeeperError)) return { message };
  return { code: error.code, message, details: error.details };
}
