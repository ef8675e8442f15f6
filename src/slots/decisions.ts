/**
 * What is asked of the tables, and what is decided. Nothing is changed here.
 *
 * First it is looked whether the id is known: who asks again gets what he has. While the limiter drains,
 * nobody else gets anything. Then the limits, and
 * the narrowest that is full is named: the session's, the owner's, the kind's, the global one. Who can
 * wait does, unless waiting itself is limited (jobs of an owner, waiters in all).
 */
import { type Labels, type RunEntry, SessionEntry } from './entries.ts';
import type { Gate } from './gate.ts';
import type { Refusal } from './refusal.ts';
import type { RunKey } from './run-ids.ts';
import type { SlotTables } from './slot-tables.ts';

/** What every acquire says. */
export interface SlotRequest {
  readonly owner: string | undefined;
  readonly priority: number;
  readonly labels: Labels | undefined;
  /** Whether it waits when there is no room. */
  readonly canWait: boolean;
}

export interface SessionRequest extends SlotRequest {
  readonly sessionId: string;
}

export interface RunRequest extends SlotRequest {
  readonly sessionId: string;
  readonly runKey: RunKey;
  readonly kind: string | undefined;
}

/**
 * What is done with a request: it is granted; it begins to wait; the slot is held under this id already;
 * the id waits already and the request joins; or it is refused.
 */
export type Decision<Entry> =
  | { readonly type: 'grant' | 'wait' }
  | { readonly type: 'held' | 'join'; readonly entry: Entry }
  | { readonly type: 'refuse'; readonly refusal: Refusal };

const GRANT = { type: 'grant' } as const;
const WAIT = { type: 'wait' } as const;
const DRAINING: Refusal = { code: 'draining' };

export function decideRun(tables: SlotTables, request: RunRequest): Decision<RunEntry> {
  const known = tables.runs.get(request.runKey);
  return known ? decideKnownRun(tables, known, request) : decideNewRun(tables, request);
}

/** Of a run that nobody can know: its key is from `nextRunKey`, just now. */
export function decideNewRun(tables: SlotTables, request: RunRequest): Decision<never> {
  if (tables.isDraining) return refuse(DRAINING);
  const full = fullForNewRun(tables, request);
  if (!full) return GRANT;
  if (!request.canWait || full.code === 'max_jobs_per_owner_exceeded') return refuse(full);
  return decideWait(tables, fullOfJobs(tables, request.owner));
}

export function decideSession(tables: SlotTables, request: SessionRequest): Decision<SessionEntry> {
  const known = tables.sessions.get(request.sessionId);
  if (known?.isHeld || known?.isWaiting) return decideKnownSession(tables, known, request);
  if (tables.isDraining) return refuse(DRAINING);
  const full = fullForSession(tables, request.owner);
  if (!full) return GRANT;
  return request.canWait ? decideWait(tables, undefined) : refuse(full);
}

/** The narrowest limit that keeps a waiter from its slot now; `undefined` when none does. */
export function blockOf(tables: SlotTables, entry: RunEntry | SessionEntry): Refusal | undefined {
  if (entry instanceof SessionEntry) return fullForSession(tables, entry.owner?.id);
  const { session, owner, kind } = entry;
  return (
    full(session.gate) ?? full(owner?.runs) ?? full(kind?.gate) ?? full(tables.runGate) ?? undefined
  );
}

function decideKnownRun(
  tables: SlotTables,
  entry: RunEntry,
  request: RunRequest,
): Decision<RunEntry> {
  const isSame = entry.session.id === request.sessionId && entry.owner?.id === request.owner;
  return isSame
    ? decideKnown(tables, entry, request)
    : refuse({ code: 'run_id_conflict', id: entry.id });
}

function decideKnownSession(
  tables: SlotTables,
  entry: SessionEntry,
  request: SessionRequest,
): Decision<SessionEntry> {
  const isSame = entry.owner?.id === request.owner;
  return isSame
    ? decideKnown(tables, entry, request)
    : refuse({ code: 'session_id_conflict', id: entry.id });
}

function decideKnown<Entry extends RunEntry | SessionEntry>(
  tables: SlotTables,
  entry: Entry,
  request: SlotRequest,
): Decision<Entry> {
  if (entry.isHeld) return { type: 'held', entry };
  if (request.canWait) return { type: 'join', entry };
  return refuse(blockOf(tables, entry) ?? { code: 'unavailable' });
}

function decideWait(tables: SlotTables, fullJobs: Refusal | undefined): Decision<never> {
  if (fullJobs) return refuse(fullJobs);
  const { waiters } = tables.rules;
  const waiting = tables.waitingRuns + tables.waitingSessions;
  return waiting >= waiters.max ? refuse(waiters.refusal(waiting)) : WAIT;
}

function fullForNewRun(tables: SlotTables, request: RunRequest): Refusal | undefined {
  const { sessionId, owner, kind } = request;
  // Most sessions have no limit of their own; then the session need not even be looked up.
  if (tables.rules.runsPerSession.max !== Infinity) {
    const refusal = full(tables.sessions.get(sessionId)?.gate);
    if (refusal) return refusal;
  }
  if (owner !== undefined) {
    const refusal = full(tables.owners.get(owner)?.runs) ?? fullOfJobs(tables, owner);
    if (refusal) return refusal;
  }
  if (kind !== undefined) {
    const refusal = full(tables.kinds.get(kind)?.gate);
    if (refusal) return refusal;
  }
  return full(tables.runGate);
}

function fullOfJobs(tables: SlotTables, owner: string | undefined): Refusal | undefined {
  const { jobsPerOwner } = tables.rules;
  if (owner === undefined || jobsPerOwner.max === Infinity) return undefined;
  const jobs = tables.owners.get(owner)?.jobs ?? 0;
  return jobs >= jobsPerOwner.max ? jobsPerOwner.refusal(jobs) : undefined;
}

function fullForSession(tables: SlotTables, owner: string | undefined): Refusal | undefined {
  const ownGate = owner === undefined ? undefined : tables.owners.get(owner)?.sessions;
  return full(ownGate) ?? full(tables.sessionGate);
}

function full(gate: Gate | undefined): Refusal | undefined {
  return gate?.isFull ? gate.refusal() : undefined;
}

function refuse(refusal: Refusal): { readonly type: 'refuse'; readonly refusal: Refusal } {
  return { type: 'refuse', refusal };
}
