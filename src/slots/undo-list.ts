/**
 * The undo list of a batch: for each change to the tables, what takes it back.
 *
 * Tables change in place, because a copy costs more with more held. So a batch that does not come to
 * its end (a crash, a commit that failed) is taken back step by step, newest first.
 */
import { KEPT, Tape } from './tape.ts';

export type Inverse<Subject = never> = (subject: Subject) => void;

export class UndoList {
  /** Side by side: nothing is allocated for a change. */
  private readonly inverses: Inverse[] = [];
  private readonly subjects = new Tape();

  get isEmpty(): boolean {
    return this.subjects.size === 0;
  }

  add<Subject>(inverse: Inverse<Subject>, subject: Subject): void {
    this.inverses[this.subjects.size] = inverse;
    this.subjects.push(subject);
  }

  /** The changes stand. */
  clear(): void {
    this.subjects.clear();
    if (this.inverses.length > KEPT) this.inverses.length = 0;
  }

  /** The changes are taken back. */
  rollBack(): void {
    while (!this.isEmpty) {
      const subject = this.subjects.pop();
      const inverse = this.inverses[this.subjects.size] as Inverse<unknown>; // of the same place
      inverse(subject);
    }
    this.clear();
  }
}
