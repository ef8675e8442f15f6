import type { DurableJournal, JournalChange } from '../../src/journal/journal.ts';

/** Keeps the batches, and what the limiter showed when each came. */
export class RecordingJournal implements DurableJournal {
  readonly isDurable = true;
  readonly name = 'a recording';
  readonly batches: JournalChange[][] = [];
  readonly shown: number[] = [];
  /** What is shown at a moment. */
  shows: () => number = () => -1;
  isFull = false;

  commit(changes: readonly JournalChange[]): void {
    this.probe();
    this.batches.push([...changes]);
    this.shown.push(this.shows());
  }

  recover() {
    const nothing = {
      sessions: [],
      runs: [],
      waiting: [],
      closed: [],
      endedRuns: [],
      interruptedSessions: 0,
      interruptedRuns: 0,
    };
    return { ...nothing, limits: {}, limitsChange: undefined };
  }

  read() {
    return { sessions: [], runs: [] };
  }

  reserveTokens(): number {
    return 1;
  }

  check(): void {}

  probe(): void {
    if (this.isFull) throw new Error('the disk is full');
  }

  close(): void {}

  /** Run ids that are held, as the batches tell it. */
  get held(): string[] {
    const held = new Map<number, string>();
    for (const change of this.batches.flat()) {
      if (change.type === 'run_slot_granted') held.set(change.token, change.runId);
      if (change.type === 'run_slot_ended') held.delete(change.token);
    }
    return [...held.values()];
  }
}
