/**
 * What is written down of a session that outlives its process, besides its slot: its terms while it is
 * open, and how it was closed.
 */
import type { CloseReason } from './session-core.ts';
import type { SessionTerms } from './session-times.ts';
import { parsed } from './written-text.ts';

/** JSON knows no `Infinity`. */
interface WrittenTerms {
  readonly idleTimeoutMs: number | null;
  readonly maxLifetimeMs: number | null;
}

/** What the times of a session were when its end began. */
export interface LastTimes {
  readonly lastActiveAt: number;
  readonly ageMs: number;
  readonly idleMs: number;
}

/** How a session was closed, by a process that has ended. */
export interface PastClosing extends SessionTerms, LastTimes {
  readonly reason: CloseReason;
}

type CloseNote = { readonly reason: CloseReason } & LastTimes & WrittenTerms;

export function textOfTerms(terms: SessionTerms): string {
  return JSON.stringify(written(terms));
}

/** `undefined` for what is no such text: a session slot that was acquired from the limiter directly. */
export function termsOfText(text: string | undefined): SessionTerms | undefined {
  const terms = parsed(text) as WrittenTerms | undefined; // as `textOfTerms` wrote it
  if (!terms || !('idleTimeoutMs' in terms && 'maxLifetimeMs' in terms)) return undefined;
  return read(terms);
}

export function textOfClosing(reason: CloseReason, times: LastTimes, terms: SessionTerms): string {
  const { lastActiveAt, ageMs, idleMs } = times;
  const note: CloseNote = { reason, lastActiveAt, ageMs, idleMs, ...written(terms) };
  return JSON.stringify(note);
}

export function closingOfText(text: string): PastClosing | undefined {
  const note = parsed(text) as CloseNote | undefined; // as `textOfClosing` wrote it
  if (!note || !('reason' in note)) return undefined;
  const { reason, lastActiveAt, ageMs, idleMs } = note;
  return { reason, lastActiveAt, ageMs, idleMs, ...read(note) };
}

function written({ idleTimeoutMs, maxLifetimeMs }: SessionTerms): WrittenTerms {
  const orNull = (ms: number) => (ms === Infinity ? null : ms);
  return { idleTimeoutMs: orNull(idleTimeoutMs), maxLifetimeMs: orNull(maxLifetimeMs) };
}

function read({ idleTimeoutMs, maxLifetimeMs }: WrittenTerms): SessionTerms {
  return { idleTimeoutMs: idleTimeoutMs ?? Infinity, maxLifetimeMs: maxLifetimeMs ?? Infinity };
}
