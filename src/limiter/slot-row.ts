/**
 * A slot, or a wait for one, as plain JSON: what `list` gives and `explain` begins with.
 */
import { type Labels, RunEntry, type SessionEntry, type Waiter } from '../slots/index.ts';
import type { Acquirer } from './caller.ts';
import type { Bonds } from './calls.ts';
import { tieOf } from './slot-tie.ts';
import type { Survivors } from './survivors.ts';

interface CommonRow {
  readonly sessionId: string;
  readonly owner: string | null;
  readonly state: 'held' | 'waiting';
  /** `null` while it waits. */
  readonly token: number | null;
  /** `null` once it is held. */
  readonly priority: number | null;
  /**
   * The grant, or the beginning of the wait: UTC epoch milliseconds. Counted back from the wall clock of
   * now, so the age is right also when that clock has jumped.
   */
  readonly sinceAt: number;
  readonly labels: Labels;
  /** `null` without a lease. */
  readonly leaseMs: number | null;
  /** What its holder is called; `null` without one, or if it has no name. */
  readonly holder: string | null;
}

export interface SessionRow extends CommonRow {
  readonly type: 'session';
}

export interface RunRow extends CommonRow {
  readonly type: 'run';
  readonly runId: string;
  readonly kind: string | null;
}

export type SlotRow = SessionRow | RunRow;

const NO_LABELS: Labels = Object.freeze({});

/** `waiter`: its wait at the moment that the row is about. */
export function rowOf(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  waiter: Waiter | undefined = entry.waiter,
): SlotRow {
  const tie = waiter ? undefined : tieOf(entry);
  const bonds = waiter && bondsOf(waiter);
  const common = {
    owner: entry.owner?.id ?? null,
    state: waiter ? ('waiting' as const) : ('held' as const),
    token: waiter ? null : entry.token,
    priority: waiter ? waiter.priority : null,
    sinceAt: limiter.wallTimeOf(waiter ? waiter.since : entry.since),
    labels: entry.labels ?? NO_LABELS,
    leaseMs: tie?.lease?.leaseMs ?? leaseOf(bonds),
    holder: (tie ?? bonds)?.holder?.label ?? null,
  };
  if (!(entry instanceof RunEntry)) return { type: 'session', sessionId: entry.id, ...common };
  const { id: runId, session, kind } = entry;
  return { type: 'run', runId, sessionId: session.id, kind: kind?.id ?? null, ...common };
}

/** What the slot will hang on that somebody waits for: as the oldest caller says who waits still. */
function bondsOf({ claimants }: Waiter): Bonds | undefined {
  return (claimants[0] as Acquirer | undefined)?.bonds; // nobody else waits
}

function leaseOf(bonds: Bonds | undefined): number | null {
  return bonds && bonds.leaseMs !== Infinity ? bonds.leaseMs : null;
}
