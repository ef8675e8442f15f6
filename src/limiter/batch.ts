/**
 * The batch in progress: what has been decided and is not yet told.
 *
 * It outlives the limiter's actor. If a crash finds it uncommitted, the tables are rolled back and the
 * batch is forgotten: its calls are asked again. If it is committed, the next incarnation goes on
 * telling where the last one stopped, so that each answer, signal and event goes out once.
 */
import type { JournalChange } from '../journal/journal.ts';
import type { EventChannel } from '../otp/event-channel.ts';
import type { SlotEntry } from '../slots/index.ts';
import type { BookedCall } from './call-book.ts';

type Teller = (
  call: BookedCall,
  value: unknown,
  isRejection: boolean,
  entry: SlotEntry | undefined,
) => void;

export class Batch {
  isCommitted = false;
  /** For the journal, where it keeps anything. */
  readonly changes: JournalChange[] = [];
  /** Slots granted in this batch. */
  readonly grants: SlotEntry[] = [];
  /** Flat groups of four: call, answer, whether it is a rejection, and the slot that it gives. */
  private readonly answers: unknown[] = [];
  private readonly losses: SlotEntry[] = [];
  /** Pairs of channel and event. */
  private readonly events: unknown[] = [];
  /** How far each was told. */
  private answered = 0;
  private lost = 0;
  private emitted = 0;

  /** `entry`: the slot that the answer gives, if it gives one. */
  answer(call: BookedCall, value: unknown, entry?: SlotEntry): void {
    this.answers.push(call, value, false, entry);
  }

  reject(call: BookedCall, error: Error): void {
    this.answers.push(call, error, true, undefined);
  }

  /** A slot was lost: its signal will abort. */
  lose(entry: SlotEntry): void {
    this.losses.push(entry);
  }

  emit<Event extends object>(channel: EventChannel<Event>, event: Event): void {
    this.events.push(channel, event);
  }

  tellAnswers(tell: Teller): void {
    const { answers } = this;
    while (this.answered < answers.length) {
      const at = this.answered;
      this.answered += 4;
      tell(
        answers[at] as BookedCall, // `answer` and `reject` push four of these types
        answers[at + 1],
        answers[at + 2] as boolean,
        answers[at + 3] as SlotEntry | undefined,
      );
    }
  }

  tellLosses(tell: (entry: SlotEntry) => void): void {
    while (this.lost < this.losses.length) {
      const entry = this.losses[this.lost];
      this.lost += 1;
      if (entry) tell(entry);
    }
  }

  tellEvents(): void {
    while (this.emitted < this.events.length) {
      const at = this.emitted;
      this.emitted += 2;
      const channel = this.events[at] as EventChannel<object>; // `emit` pushes pairs
      channel.publish(this.events[at + 1] as object);
    }
  }

  /** All was told, or nothing of it is to be. */
  clear(): void {
    this.isCommitted = false;
    this.answered = this.lost = this.emitted = 0;
    this.changes.length = this.grants.length = this.answers.length = 0;
    this.losses.length = this.events.length = 0;
  }
}
