/**
 * Slots as a journal tells of them to whoever only reads it: those that are held, and those that have ended.
 */
import type { Labels, SlotLife } from '../slots/index.ts';

/** A slot as it stands in the journal. Times are UTC epoch milliseconds. */
export interface JournalledSlot {
  readonly sessionId: string;
  /** `null` for the slot of a session. */
  readonly runId: string | null;
  readonly token: number;
  /** `process`: it ends with its process. `durable`, `command`: it is there again in the next one. */
  readonly life: SlotLife;
  readonly owner: string | null;
  readonly kind: string | null;
  readonly labels: Labels;
  readonly leaseMs: number | null;
  readonly grantedAt: number;
}

/** Work that waits for its slot, as it stands in the journal. Times are UTC epoch milliseconds. */
export interface JournalledWaiter {
  readonly sessionId: string;
  readonly runId: string;
  readonly owner: string | null;
  readonly kind: string | null;
  readonly labels: Labels;
  /** Higher goes first. */
  readonly priority: number;
  readonly queuedAt: number;
  /** When it is to wait no longer; `null` for one that waits for ever. */
  readonly expiresAt: number | null;
}

export interface JournalledEnd extends JournalledSlot {
  readonly reason: string;
  readonly endedAt: number;
  /** What was said of it: how a session was closed, how a run ended, why it was evicted. */
  readonly note: string | null;
}
