/**
 * Lists: every slot and every wait, as they were at one moment.
 *
 * What is there is noted at the call, which costs some nanoseconds each; most rows are made while one
 * reads them. A run's entry does not change any more once it was granted, so a row says what was, also
 * when its slot has ended meanwhile.
 */
import { expectKnown, expectOption } from '../otp/options.ts';
import { isId, type RunEntry, type SessionEntry, type Waiter } from '../slots/index.ts';
import { rowOf, type SlotRow } from './slot-row.ts';
import { tieOf } from './slot-tie.ts';
import type { Survivors } from './survivors.ts';

/** Which rows are wanted; absent means all. */
export interface ListOptions {
  readonly sessionId?: string;
  readonly owner?: string;
  /** Runs of this kind only. */
  readonly kind?: string;
  readonly state?: 'held' | 'waiting';
}

const NAMES = ['sessionId', 'owner', 'kind', 'state'];

/** A row, or what it will be made of. */
type Noted = SlotRow | { readonly run: RunEntry; readonly waiter: Waiter | undefined };

/** Throws `invalid_option`. */
export function list(limiter: Survivors, options: ListOptions): IterableIterator<SlotRow> {
  checkOptions(options);
  return rows(limiter, [...noteSessions(limiter, options), ...noteRuns(limiter, options)]);
}

function* rows(limiter: Survivors, noted: readonly Noted[]): Generator<SlotRow> {
  for (const one of noted) yield 'run' in one ? rowOf(limiter, one.run, one.waiter) : one;
}

function* noteSessions(limiter: Survivors, options: ListOptions): Generator<Noted> {
  if (options.kind !== undefined) return;
  for (const session of limiter.tables.knownSessions()) {
    if (!session.isHeld && !session.isWaiting) continue;
    if (isWanted(session, session.id, options)) yield rowOf(limiter, session);
  }
}

function* noteRuns(limiter: Survivors, options: ListOptions): Generator<Noted> {
  for (const run of limiter.tables.knownRuns()) {
    if (options.kind !== undefined && run.kind?.id !== options.kind) continue;
    if (!isWanted(run, run.session.id, options)) continue;
    // What a slot is tied to is not seen any more once it has ended.
    yield tieOf(run) ? rowOf(limiter, run) : { run, waiter: run.waiter };
  }
}

function isWanted(entry: RunEntry | SessionEntry, session: string, options: ListOptions): boolean {
  const { sessionId, owner, state } = options;
  if (sessionId !== undefined && session !== sessionId) return false;
  if (owner !== undefined && entry.owner?.id !== owner) return false;
  return state === undefined || entry.isWaiting === (state === 'waiting');
}

function checkOptions(options: ListOptions): void {
  expectOption('options', options, isObject, 'an object');
  expectKnown(options, NAMES);
  const { sessionId, owner, kind, state } = options;
  for (const [name, id] of Object.entries({ sessionId, owner, kind })) {
    expectOption(name, id, isOptionalId, 'a string of 1 to 256 characters');
  }
  expectOption('state', state, isOptionalState, "'held' or 'waiting'");
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isOptionalId(value: unknown): boolean {
  return value === undefined || isId(value);
}

function isOptionalState(value: unknown): boolean {
  return value === undefined || value === 'held' || value === 'waiting';
}
