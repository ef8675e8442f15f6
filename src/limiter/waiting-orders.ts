/**
 * Waits for runs whose work is no part of the process: each stands in the journal from the batch in which it
 * is queued to the batch in which it leaves the queue, with a place that tells their order.
 *
 * What the last process has left waiting is known here until all of it was asked for again: what is asked for
 * keeps its place and its time, and what is not to be taken up is taken out.
 */
import type { WaitingRecord } from '../journal/journal.ts';

export class WaitingOrders {
  /** The limiter is about to stop, and they stay in the journal: nobody who waits is granted any more. */
  areKept = false;
  private readonly left = new Map<string, WaitingRecord>();
  private lastPlace = 0;

  /** What was left waiting, and is to be asked for again. */
  begin(records: readonly WaitingRecord[]): void {
    for (const record of records) {
      this.left.set(record.runId, record);
      this.lastPlace = Math.max(this.lastPlace, record.place);
    }
  }

  /** All of it was asked for. */
  settle(): void {
    this.left.clear();
  }

  find(runId: string): WaitingRecord | undefined {
    return this.left.size === 0 ? undefined : this.left.get(runId);
  }

  /** Behind all that have one. */
  nextPlace(): number {
    this.lastPlace += 1;
    return this.lastPlace;
  }
}
