/**
 * The journal: where the limiter writes what must outlive it. A port.
 *
 * Laws of every adapter:
 * - **Order.** Batches take effect in the order in which they are committed, the changes of a batch in
 *   the order in which they stand in it.
 * - **Atomic batch.** `commit` writes all of a batch or nothing of it, and has written it when it
 *   returns. It is synchronous by type: nothing can come between a decision and its commit.
 * - **Refusal.** What cannot be written throws, and nothing of it is written.
 *
 * An adapter that keeps nothing says so with `isDurable: false`: it is given no changes, and the
 * limiter need not gather its calls into batches. `memory-journal.ts` is that one; it is no second
 * copy of the tables.
 */
export interface Journal {
  /** Whether what is committed outlives the process. */
  readonly isDurable: boolean;
  commit(changes: readonly JournalChange[]): void;
}

/** A change to what is kept. */
export type JournalChange =
  | {
      readonly type: 'session_slot_granted';
      readonly sessionId: string;
      readonly token: number;
      readonly owner: string | undefined;
    }
  | { readonly type: 'session_slot_ended'; readonly sessionId: string; readonly token: number }
  | {
      readonly type: 'run_slot_granted';
      readonly sessionId: string;
      readonly runId: string;
      readonly token: number;
      readonly owner: string | undefined;
      readonly kind: string | undefined;
    }
  | { readonly type: 'run_slot_ended'; readonly runId: string; readonly token: number }
  | { readonly type: 'limits_changed'; readonly limits: object };
