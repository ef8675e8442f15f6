/**
 * What is written down of a session that outlives its process, besides its slot: its terms while it is
 * open, and how it was closed.
 */
import type { Labels } from '../limiter/index.ts';
import type { CloseReason } from './session-core.ts';
import type { SessionTerms } from './session-times.ts';

/** JSON knows no `Infinity`. */
interface WrittenTerms {
  readonly idleTimeoutMs: number | null;
  readonly maxLifetimeMs: number | null;
}

/** A session slot whose end was noted. */
export interface ClosedSession {
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly labels: Labels | undefined;
  readonly grantedAt: number;
  readonly endedAt: number;
  readonly note: string;
}

/** How a session was closed, by a process that has ended. */
export interface PastClosing extends SessionTerms {
  readonly reason: CloseReason;
  readonly lastActiveAt: number;
}

interface CloseNote {
  readonly reason: CloseReason;
  readonly lastActiveAt: number;
  readonly idleTimeoutMs: number | null;
  readonly maxLifetimeMs: number | null;
}

/** What has to be known to take up a run. */
export interface WrittenOrder {
  readonly order: unknown;
  readonly deadlineMs: number;
}

export function textOfOrder({ order, deadlineMs }: WrittenOrder): string {
  return JSON.stringify({ order, deadlineMs: deadlineMs === Infinity ? null : deadlineMs });
}

/** `undefined` for what is no such text. */
export function orderOfText(text: string | undefined): WrittenOrder | undefined {
  const found = parsed(text) as { order?: unknown; deadlineMs?: number | null } | undefined; // as written
  if (!found || found.order === undefined) return undefined;
  return { order: found.order, deadlineMs: found.deadlineMs ?? Infinity };
}

export function textOfTerms(terms: SessionTerms): string {
  return JSON.stringify(written(terms));
}

/** `undefined` for what is no such text: a session slot that was acquired from the limiter directly. */
export function termsOfText(text: string | undefined): SessionTerms | undefined {
  const terms = parsed(text) as WrittenTerms | undefined; // as `textOfTerms` wrote it
  if (!terms || !('idleTimeoutMs' in terms && 'maxLifetimeMs' in terms)) return undefined;
  return read(terms);
}

export function textOfClosing(
  reason: CloseReason,
  lastActiveAt: number,
  terms: SessionTerms,
): string {
  const note: CloseNote = { reason, lastActiveAt, ...written(terms) };
  return JSON.stringify(note);
}

export function closingOfText(text: string): PastClosing | undefined {
  const note = parsed(text) as CloseNote | undefined; // as `textOfClosing` wrote it
  if (!note || !('reason' in note)) return undefined;
  return { reason: note.reason, lastActiveAt: note.lastActiveAt, ...read(note) };
}

function written({ idleTimeoutMs, maxLifetimeMs }: SessionTerms): WrittenTerms {
  const orNull = (ms: number) => (ms === Infinity ? null : ms);
  return { idleTimeoutMs: orNull(idleTimeoutMs), maxLifetimeMs: orNull(maxLifetimeMs) };
}

function read({ idleTimeoutMs, maxLifetimeMs }: WrittenTerms): SessionTerms {
  return { idleTimeoutMs: idleTimeoutMs ?? Infinity, maxLifetimeMs: maxLifetimeMs ?? Infinity };
}

/** Somebody else may have written something else. */
function parsed(text: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
