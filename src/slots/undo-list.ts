/**
 * The undo list of a batch: for each change to the tables, what takes it back.
 *
 * Tables change in place, because a copy costs more with more held. So a batch that does not come to
 * its end (a crash, a commit that failed) is taken back step by step, newest first.
 */
import { Tape } from './tape.ts';

export type Inverse<Subject = never> = (subject: Subject) => void;

export class UndoList {
  /** Pairs of an inverse and its subject, flat: nothing is allocated for a change. */
  private readonly steps = new Tape();

  get isEmpty(): boolean {
    return this.steps.size === 0;
  }

  add<Subject>(inverse: Inverse<Subject>, subject: Subject): void {
    this.steps.push(inverse);
    this.steps.push(subject);
  }

  /** The changes stand. */
  clear(): void {
    this.steps.clear();
  }

  /** The changes are taken back. */
  rollBack(): void {
    while (!this.isEmpty) {
      const subject = this.steps.pop();
      const inverse = this.steps.pop() as Inverse<unknown>; // `add` pushes them in pairs
      inverse(subject);
    }
    this.clear();
  }
}
