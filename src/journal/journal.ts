/**
 * The journal: where the limiter writes what must outlive it. A port.
 *
 * It keeps the tables as they are now, not how they came to be: the slots that are held, the limits
 * that were set while running, and for a time what has ended.
 *
 * Laws of every adapter (`journal-laws.ts` proves them):
 * - **Order.** Batches take effect in the order in which they are committed, the changes of a batch in
 *   the order in which they stand in it.
 * - **Atomic batch.** `commit` writes all of a batch or nothing of it, and has written it when it
 *   returns. It is synchronous by type: nothing can come between a decision and its commit.
 * - **Refusal.** What cannot be written throws, and nothing of it is written.
 * - **Repetition.** An end that is committed again changes nothing: whoever was not told that a
 *   commit stood may send it again.
 *
 * Laws of the durable ones besides:
 * - **Recovery.** What `recover` gives is what the committed batches have left, without what could not
 *   outlive the process that wrote it: that has ended as `interrupted`.
 * - **Tokens.** No two calls of `reserveTokens`, in whatever process and after whatever end of the
 *   machine, give the same number.
 *
 * An adapter that keeps nothing says so with `isDurable: false`: it is given no changes, and the
 * limiter need not gather its calls into batches. `memory-journal.ts` is that one; it is no second
 * copy of the tables.
 */
import type { EndReason, Labels, LimitChanges, RefusalCode, SlotLife } from '../slots/index.ts';

export interface Journal {
  /** Whether what is committed outlives the process. */
  readonly isDurable: boolean;
  commit(changes: readonly JournalChange[]): void;
}

export interface DurableJournal extends Journal {
  readonly isDurable: true;
  /** What it is called in events and faults: its file, for one that has a file. */
  readonly name: string;
  /**
   * Ends what died with the process that wrote it, in one batch, and gives what lives on. Called once,
   * before anything is committed. `now`: UTC epoch milliseconds.
   */
  recover(now: number): Recovered;
  /** What is held, whatever it lives as long as, in the order of the grants. */
  read(): Pick<Recovered, 'sessions' | 'runs'>;
  /** The first of so many tokens that nobody else gets. Written as safely as the medium can. */
  reserveTokens(count: number): number;
  /** Throws when it is known that nothing can be kept: the file is gone, or is another one. Cheap. */
  check(): void;
  /** Writes something that means nothing. Throws when nothing can be written. */
  probe(): void;
  /** Nothing is committed any more. Again is a no-op. */
  close(): void;
}

/** A change to what is kept. Times are UTC epoch milliseconds. */
export type JournalChange =
  | ({ readonly type: 'session_slot_granted' } & SessionRecord)
  | ({ readonly type: 'run_slot_granted' } & RunRecord)
  | ({ readonly type: 'session_slot_ended' } & SlotEnd)
  | ({ readonly type: 'run_slot_ended' } & SlotEnd)
  /** A run whose work is no part of the process waits for its slot. One of that id that waits is replaced. */
  | ({ readonly type: 'run_queued' } & WaitingRecord)
  /** It does so no more, or has it. Where none of that id waits nothing is changed. */
  | { readonly type: 'run_left_queue'; readonly runId: string }
  /** It does so no more and never had it, and is found among what has ended. Likewise. */
  | ({ readonly type: 'run_wait_ended'; readonly runId: string } & WaitEnd)
  /** A run of this session began or ended. Only for sessions that outlive the process. */
  | { readonly type: 'session_active'; readonly token: number; readonly at: number }
  | ({ readonly type: 'limits_changed' } & LimitsRecord)
  /** Every slot that lives no longer than the process. */
  | { readonly type: 'process_slots_ended'; readonly reason: EndReason; readonly at: number };

interface LimitsRecord {
  /** All that `setLimits` has said since it was last taken back, together. */
  readonly limits: LimitChanges;
  readonly change: LimitsChange | undefined;
}

/** When the limits were last changed, or set back, and by whom, as far as that was said. */
export interface LimitsChange {
  /** UTC epoch milliseconds. */
  readonly at: number;
  readonly by: string | undefined;
}

interface SlotEnd {
  readonly token: number;
  readonly reason: EndReason;
  readonly at: number;
  /** Whether it is to be found among what has ended. */
  readonly isKept: boolean;
  /** What was said of it. */
  readonly note: string | undefined;
}

/** Why a wait has ended without a slot; `interrupted`: nobody has taken it up after the end of its process. */
export type WaitEndReason = RefusalCode | 'stopped' | 'interrupted';

interface WaitEnd {
  readonly reason: WaitEndReason;
  readonly at: number;
  readonly isKept: true;
  /** What was said of it. */
  readonly note: string | undefined;
}

interface SlotRecord {
  /** Its grant; no other slot has it. */
  readonly token: number;
  readonly sessionId: string;
  readonly life: SlotLife;
  readonly owner: string | undefined;
  readonly labels: Labels | undefined;
  /** `undefined` without a lease. */
  readonly leaseMs: number | undefined;
  readonly grantedAt: number;
}

/** A session slot that is held. */
export interface SessionRecord extends SlotRecord {
  /** What whoever opened it wants to be told when it is there again. */
  readonly terms: string | undefined;
}

/** A run slot that is held. */
export interface RunRecord extends SlotRecord {
  readonly runId: string;
  readonly kind: string | undefined;
  /** What is to be done, for work that is no part of the process. */
  readonly order: string | undefined;
}

/** A run that waits for its slot, and whose work is no part of the process. */
export interface WaitingRecord {
  readonly runId: string;
  /** Higher for who came later. */
  readonly place: number;
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly kind: string | undefined;
  readonly labels: Labels | undefined;
  readonly priority: number;
  /** `undefined` without a lease. */
  readonly leaseMs: number | undefined;
  /** What is to be done. */
  readonly order: string;
  readonly queuedAt: number;
  /** When it is to wait no longer; `undefined` for one that waits for ever. */
  readonly expiresAt: number | undefined;
}

/** A session that has outlived its process, or in which a command may have. */
export interface RecoveredSession extends SessionRecord {
  /** The last time at which a run of it was held, or its grant. */
  readonly lastActiveAt: number;
}

/** A session that outlived its process, and has ended since, with what was said of its end. */
export interface ClosedSession {
  readonly token: number;
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly labels: Labels | undefined;
  readonly grantedAt: number;
  readonly endedAt: number;
  readonly note: string;
}

/** A run whose work was no part of its process, and whose slot has ended, with what was said of it. */
export interface EndedRun {
  readonly token: number;
  readonly runId: string;
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly kind: string | undefined;
  readonly labels: Labels | undefined;
  readonly grantedAt: number;
  readonly endedAt: number;
  readonly reason: string;
  readonly note: string | undefined;
}

/** What a journal finds when a process begins. */
export interface Recovered {
  /** What lives on, in the order of its grants. */
  readonly sessions: readonly RecoveredSession[];
  readonly runs: readonly RunRecord[];
  /** Work that waits for its slot, in the order of its places. Its sessions are among those that live on. */
  readonly waiting: readonly WaitingRecord[];
  /** Durable sessions whose end was noted and is not forgotten, in the order of their ends. */
  readonly closed: readonly ClosedSession[];
  /** Runs of life `command` whose end is not forgotten, in the order of their ends; token 0: never granted. */
  readonly endedRuns: readonly EndedRun[];
  /** What `setLimits` has said. */
  readonly limits: LimitChanges;
  /** `undefined` when the limits were never changed. */
  readonly limitsChange: LimitsChange | undefined;
  /** Slots that died with their process. */
  readonly interruptedSessions: number;
  readonly interruptedRuns: number;
}
