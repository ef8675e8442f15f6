/**
 * The batch in progress: what has been decided and is not yet told.
 *
 * It outlives the limiter's actor. If a crash finds it uncommitted, the tables are rolled back and the
 * batch is forgotten: its calls are asked again. If it is committed, the next incarnation goes on
 * telling where the last one stopped, so that each answer, signal and event goes out once.
 */
import type { JournalChange } from '../journal/journal.ts';
import type { EventChannel } from '../otp/event-channel.ts';
import {
  type EndReason,
  type RunEntry,
  type SessionEntry,
  type SlotEntry,
  Tape,
} from '../slots/index.ts';
import type { BookedCall } from './call-book.ts';
import type { Caller } from './caller.ts';
import type { Operation } from './write-path.ts';

/** A message of the batch, and what it does. */
interface Message {
  readonly call: BookedCall;
  readonly operation: Operation<BookedCall, unknown>;
}

export class Batch {
  isCommitted = false;
  /** What a caller on this very stack is answered: he is still there after a crash. */
  private atOnce: unknown = undefined;
  /** For the journal, where it keeps anything. Added with `note`. */
  readonly changes: JournalChange[] = [];
  /** Whether anything is in it besides an answer for a caller on this stack. */
  private hasContent = false;
  /** UTC epoch milliseconds of what is noted for the journal; 0 before anything is. */
  notedAt = 0;
  /** Sessions that live on and in which a run began or ended. */
  readonly active = new Set<SessionEntry>();
  private readonly callers = new Tape();
  private readonly losses = new Tape();
  /** Managed slots whose work is to end: pairs of entry and reason. */
  private readonly asks = new Tape();
  /** Pairs of channel and event. */
  private readonly events = new Tape();
  /** What was taken into it, where a batch may have to be served again: pairs of call and operation. */
  private readonly messages = new Tape();
  /** Callers who had gone when they were to be given a slot. */
  private readonly gone: Caller[] = [];
  /** How far each was told. */
  private answered = 0;
  private lost = 0;
  private asked = 0;
  private emitted = 0;

  /** It stands: all of it will be told, and `atOnce` returned. */
  commit(atOnce: unknown): void {
    this.isCommitted = true;
    this.atOnce = atOnce;
  }

  /** A message was served in it. */
  take(call: BookedCall, operation: object): void {
    this.hasContent = true;
    this.messages.push(call);
    this.messages.push(operation);
  }

  takeMessages(): Message[] {
    const messages: Message[] = [];
    for (let at = 0; at < this.messages.size; at += 2) {
      const call = this.messages.at(at) as BookedCall; // pushed in pairs
      messages.push({ call, operation: this.messages.at(at + 1) as Message['operation'] });
    }
    this.messages.clear();
    return messages;
  }

  note(change: JournalChange): void {
    this.hasContent = true;
    this.changes.push(change);
  }

  /** The answer for the caller on this stack, if there is one. */
  takeAtOnce(): unknown {
    const { atOnce } = this;
    this.atOnce = undefined;
    return atOnce;
  }

  /** `entry`: the slot that the answer gives, if it gives one. */
  answer(caller: Caller, value: unknown, entry?: RunEntry | SessionEntry): void {
    caller.decided = value;
    caller.entry = entry;
    this.hasContent = true;
    this.callers.push(caller);
  }

  refuse(caller: Caller, error: Error): void {
    caller.decided = error;
    this.hasContent = true;
    this.callers.push(caller);
  }

  /** A slot was lost: its signal will abort. */
  lose(entry: SlotEntry): void {
    this.hasContent = true;
    this.losses.push(entry);
  }

  /** The work of a managed slot will be asked to end. */
  ask(entry: SlotEntry, reason: EndReason): void {
    this.hasContent = true;
    this.asks.push(entry);
    this.asks.push(reason);
  }

  emit<Event extends object>(channel: EventChannel<Event>, event: Event): void {
    this.hasContent = true;
    this.events.push(channel);
    this.events.push(event);
  }

  /** `tell` gives false for a caller who has gone and was to be given a slot. */
  tellAnswers(tell: (caller: Caller) => boolean): void {
    while (this.answered < this.callers.size) {
      const caller = this.callers.at(this.answered) as Caller; // nothing else is pushed
      this.answered += 1;
      if (!tell(caller)) this.gone.push(caller);
    }
  }

  tellLosses(tell: (entry: SlotEntry) => void): void {
    while (this.lost < this.losses.size) {
      const entry = this.losses.at(this.lost) as SlotEntry; // nothing else is pushed
      this.lost += 1;
      tell(entry);
    }
  }

  tellAsks(tell: (entry: SlotEntry, reason: EndReason) => void): void {
    while (this.asked < this.asks.size) {
      const entry = this.asks.at(this.asked) as SlotEntry; // pushed in pairs
      const reason = this.asks.at(this.asked + 1) as EndReason;
      this.asked += 2;
      tell(entry, reason);
    }
  }

  /** `tell` gets each event with its channel. */
  tellEvents(
    tell: <Event extends object>(channel: EventChannel<Event>, event: Event) => void,
  ): void {
    while (this.emitted < this.events.size) {
      const channel = this.events.at(this.emitted) as EventChannel<object>; // pushed in pairs
      const event = this.events.at(this.emitted + 1) as object;
      this.emitted += 2;
      tell(channel, event);
    }
  }

  /** Slots that were granted and that nobody has: all who asked have gone meanwhile. Each once. */
  takeUnclaimed(): Set<RunEntry | SessionEntry> {
    const entries = new Set<RunEntry | SessionEntry>();
    for (const { entry } of this.gone) if (entry && entry.claims === 0) entries.add(entry);
    this.gone.length = 0;
    return entries;
  }

  get hasGone(): boolean {
    return this.gone.length > 0;
  }

  /** All was told, or nothing of it is to be. */
  clear(): void {
    this.isCommitted = false;
    if (this.isEmpty) return;
    this.hasContent = false;
    this.answered = this.lost = this.asked = this.emitted = 0;
    this.callers.clear();
    this.losses.clear();
    this.asks.clear();
    this.events.clear();
    this.messages.clear();
    // Emptying these costs as much as all the rest, also when they are empty.
    if (this.active.size > 0) this.active.clear();
    if (this.changes.length > 0) this.changes.length = 0;
    this.notedAt = 0;
  }

  /** Whether nobody is to be told of anything, but a caller on this stack. */
  get isEmpty(): boolean {
    return !this.hasContent;
  }

  /** Nothing was decided: the calls will be asked again. The tables have been rolled back already. */
  forget(): void {
    for (let at = 0; at < this.callers.size; at += 1) {
      const caller = this.callers.at(at) as Caller; // see `tellAnswers`
      caller.decided = undefined;
      if (!caller.isWaiting) caller.entry = undefined;
    }
    this.clear();
  }
}
