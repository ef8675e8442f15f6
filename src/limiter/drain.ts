/**
 * Draining: the limiter takes in nobody new, and somebody waits until the last run has ended.
 */
import { expectKnown, expectOption, isDuration } from '../otp/options.ts';
import { drainEnded } from './channels.ts';
import type { DrainReport } from './drains.ts';
import { rowOf, type SlotRow } from './slot-row.ts';
import type { Survivors } from './survivors.ts';

export interface DrainOptions {
  /** How long to wait for the last run, in milliseconds. Default 10,000; `Infinity`: for ever. */
  readonly timeoutMs?: number;
  /**
   * What becomes of work that waits in a journal on disk: `'refuse'` (default), it is refused as all who wait
   * are; `'keep'`, it goes on waiting, and nothing of it begins before `resume` or in the next process.
   */
  readonly waiting?: 'refuse' | 'keep';
}

/** What orchestrators give a process before they kill it, less what it needs to end. */
const DEFAULT_TIMEOUT_MS = 10_000;
const NAMED = 10;

/** Throws `invalid_option`. */
export function checkedDrain(options: DrainOptions = {}): Required<DrainOptions> {
  expectOption('options', options, isObject, 'an object');
  expectKnown(options, ['timeoutMs', 'waiting']);
  const { timeoutMs = DEFAULT_TIMEOUT_MS, waiting = 'refuse' } = options;
  expectOption('timeoutMs', timeoutMs, isDuration, 'milliseconds, 0 or more');
  expectOption('waiting', waiting, isWaiting, "'refuse' or 'keep'");
  return { timeoutMs, waiting };
}

/** Waits for the last run of a limiter that drains, and tells how it went. */
export async function endOfDrain(
  limiter: Survivors,
  timeoutMs: number,
  refusedWaiters: number,
): Promise<DrainReport> {
  const { tables, drains } = limiter;
  const mayWait = tables.isDraining && timeoutMs > 0;
  const drained = tables.runGate.held === 0 || (mayWait && (await drains.wait(timeoutMs)));
  // Once all have ended others may have begun, in the same tick.
  const holders = drained ? [] : oldestHolders(limiter);
  const heldRuns = drained ? 0 : tables.runGate.held;
  if (limiter.isHeard(drainEnded)) limiter.publishEvent(drainEnded, { drained, heldRuns });
  return { drained, heldRuns, refusedWaiters, holders };
}

function oldestHolders(limiter: Survivors): SlotRow[] {
  return [...limiter.tables.runs]
    .filter((run) => run.isHeld)
    .sort((one, other) => one.since - other.since || one.token - other.token)
    .slice(0, NAMED)
    .map((run) => rowOf(limiter, run));
}

function isWaiting(value: unknown): boolean {
  return value === 'refuse' || value === 'keep';
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
