/**
 * Explanations: why somebody waits or was refused, for whom, and how long it may take. As plain JSON,
 * with a text for people.
 */

import type { RefusalCode } from '../slots/index.ts';
import {
  aheadOf,
  type Block,
  blocksOfRun,
  blocksOfSession,
  estimateWait,
  RunEntry,
  type Scope,
  type SessionEntry,
  type WaitEstimate,
  type Waiter,
} from '../slots/index.ts';
import type { Acquirer } from './caller.ts';
import { AcquireSessionCall } from './calls.ts';
import { textOf } from './explanation-text.ts';
import { rowOf, type SlotRow } from './slot-row.ts';
import { tieOf } from './slot-tie.ts';
import type { Survivors } from './survivors.ts';

/** Who holds what a limit limits. */
export interface BlockingHolder {
  /** `null` for a session slot. */
  readonly runId: string | null;
  readonly sessionId: string;
  readonly owner: string | null;
  /** Wall time of the grant, UTC epoch milliseconds. */
  readonly sinceAt: number;
  readonly heldMs: number;
}

/** A limit that is full. */
export interface BlockingLimit {
  /** Its name among the limits. */
  readonly limit: string;
  readonly code: RefusalCode;
  readonly scope: Scope;
  /** The session, owner or kind that it is about; `null` for a global limit. */
  readonly key: string | null;
  readonly max: number;
  readonly active: number;
  /** The ten oldest, oldest first. */
  readonly holders: readonly BlockingHolder[];
  readonly holderCount: number;
}

/** What keeps somebody from a slot. */
export interface Obstacles {
  /** Narrowest first; only limits that are full now. */
  readonly blockedBy: readonly BlockingLimit[];
  /** Waiters that come before by priority and arrival, blocked or not. */
  readonly ahead: number;
  /** `null` below five hold times of the kind. */
  readonly estimatedWait: WaitEstimate | null;
  /** While the journal cannot be written, and so nothing is granted: what it says. */
  readonly storageTrouble?: string;
}

/** Each sort of row without some of its fields. */
type Without<Row, Field extends PropertyKey> = Row extends unknown ? Omit<Row, Field> : never;

type WaitingSlot = Without<SlotRow, 'token' | 'state'> &
  Obstacles & { readonly state: 'waiting'; readonly waitedMs: number; readonly text: string };

type HeldSlot = Without<SlotRow, 'priority' | 'state'> & {
  readonly state: 'held';
  readonly heldMs: number;
  /** Wall time at which the lease runs out; `null` without one. */
  readonly expiresAt: number | null;
  readonly text: string;
};

interface Refused extends Obstacles {
  readonly state: 'refused';
  readonly code: RefusalCode;
  readonly runId: string | null;
  readonly sessionId: string;
  readonly owner: string | null;
  readonly kind: string | null;
  readonly text: string;
}

export type Explanation = WaitingSlot | HeldSlot | Refused | { readonly state: 'unknown' };

/** So many holders are named. */
const NAMED = 10;

const LIMITS: Partial<Record<RefusalCode, string>> = {
  max_runs_per_session_exceeded: 'maxRunsPerSession',
  max_runs_per_owner_exceeded: 'maxRunsPerOwner',
  max_runs_per_kind_exceeded: 'maxRunsPerKind',
  max_runs_exceeded: 'maxParallelRuns',
  max_sessions_per_owner_exceeded: 'maxSessionsPerOwner',
  max_sessions_exceeded: 'maxParallelSessions',
};

/** What is known of an id that holds or waits. */
export function explainEntry(
  limiter: Survivors,
  entry: RunEntry | SessionEntry | undefined,
): Explanation {
  if (entry?.waiter) return explainWaiter(limiter, entry, entry.waiter);
  return entry?.isHeld ? explainHolder(limiter, entry) : { state: 'unknown' };
}

/** What would keep a request that was refused from its slot now. */
export function explainRefusal(
  limiter: Survivors,
  code: RefusalCode,
  request: Acquirer,
): Explanation {
  const isRun = !(request instanceof AcquireSessionCall);
  const { sessionId, owner } = request;
  const kind = isRun ? request.kind : undefined;
  const { tables } = limiter;
  const blocks = isRun ? blocksOfRun(tables, request) : blocksOfSession(tables, request);
  const refused = {
    state: 'refused' as const,
    code,
    runId: isRun ? request.runId : null,
    sessionId,
    owner: owner ?? null,
    kind: kind ?? null,
    ...obstacles(limiter, blocks, isRun ? 'run' : 'session', kind, undefined),
  };
  return { ...refused, text: textOf(refused) };
}

function explainWaiter(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  waiter: Waiter,
): Explanation {
  const { tables } = limiter;
  const { token: _token, ...row } = rowOf(limiter, entry);
  const isRun = entry instanceof RunEntry;
  const owner = entry.owner?.id;
  const kind = isRun ? entry.kind?.id : undefined;
  const blocks = isRun
    ? blocksOfRun(tables, { sessionId: entry.session.id, owner, kind })
    : blocksOfSession(tables, { owner });
  const waiting = {
    ...row,
    state: 'waiting' as const,
    waitedMs: limiter.now - waiter.since,
    ...obstacles(limiter, blocks, isRun ? 'run' : 'session', kind, waiter),
  };
  return { ...waiting, text: textOf(waiting) };
}

function explainHolder(limiter: Survivors, entry: RunEntry | SessionEntry): Explanation {
  const { priority: _priority, ...row } = rowOf(limiter, entry);
  const lease = tieOf(entry)?.lease;
  const held = {
    ...row,
    state: 'held' as const,
    heldMs: limiter.now - entry.since,
    expiresAt: lease ? limiter.wallTimeOf(lease.dueAt) : null,
  };
  return { ...held, text: textOf(held) };
}

function obstacles(
  limiter: Survivors,
  blocks: readonly Block[],
  of: 'run' | 'session',
  kind: string | undefined,
  waiter: Waiter | undefined,
): Obstacles {
  const [narrowest] = blocks;
  const { storage } = limiter;
  const ahead = aheadOf(limiter.tables, of, waiter);
  return {
    ...(storage.isDegraded && { storageTrouble: storage.trouble }),
    blockedBy: blocks.map((block) => blockingLimit(limiter, block)),
    ahead,
    estimatedWait:
      narrowest && of === 'run' ? (estimate(limiter, narrowest, kind, waiter) ?? null) : null,
  };
}

function estimate(
  limiter: Survivors,
  { rule, holders, isFor }: Block,
  kind: string | undefined,
  waiter: Waiter | undefined,
): WaitEstimate | undefined {
  const { now, tables, holdTimes } = limiter;
  return estimateWait({
    holdTimes: holdTimes.of(kind),
    heldMs: holders.map(({ since }) => now - since),
    ahead: aheadOf(tables, 'run', waiter, isFor),
    limit: rule.max,
  });
}

function blockingLimit(limiter: Survivors, { rule, key, active, holders }: Block): BlockingLimit {
  return {
    limit: LIMITS[rule.code] ?? rule.code,
    code: rule.code,
    scope: rule.scope,
    key: key ?? null,
    max: rule.max,
    active,
    holders: holders.slice(0, NAMED).map((holder) => blockingHolder(limiter, holder)),
    holderCount: holders.length,
  };
}

function blockingHolder(limiter: Survivors, entry: RunEntry | SessionEntry): BlockingHolder {
  const isRun = entry instanceof RunEntry;
  return {
    runId: isRun ? entry.id : null,
    sessionId: isRun ? entry.session.id : entry.id,
    owner: entry.owner?.id ?? null,
    sinceAt: limiter.wallTimeOf(entry.since),
    heldMs: limiter.now - entry.since,
  };
}
