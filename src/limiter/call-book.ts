/**
 * The call book: calls to the limiter that outlive its actor.
 *
 * A call keeps its own promise, deadline and signal, so it is the same call before and after a crash.
 * The server that dies abandons the calls that it had not answered, wherever they were (in the mailbox,
 * in service, or waiting for a slot); the book takes them in, and the next incarnation gets them again
 * in the order in which they were made. When there will be no next one, the book is closed, and every
 * call in it is rejected.
 */
import type { SlotkeeperError } from '../fault.ts';
import { CallEnvelope, type Lane, type Tag } from '../otp/message.ts';
import { blockOf, type RunEntry, refusalError, type SessionEntry } from '../slots/index.ts';
import type { Caller } from './caller.ts';
import type { Desk } from './desk.ts';

/** A call to the limiter. It carries what is asked as its own fields (`calls.ts`). */
export abstract class BookedCall extends CallEnvelope implements Caller {
  /** Milliseconds that its caller waits for a slot; 0 when he does not wait. */
  readonly waitTimeoutMs: number;
  /** What it waits for, or was given. */
  entry: RunEntry | SessionEntry | undefined = undefined;
  /** What was decided, until it is told: an error is a refusal. */
  decided: unknown = undefined;
  readonly sequence: number;
  private readonly desk: Desk;

  constructor(desk: Desk, lane: Lane, waitTimeoutMs: number) {
    super('call', ITSELF, lane);
    this.desk = desk;
    this.waitTimeoutMs = waitTimeoutMs;
    this.sequence = desk.book.nextSequence();
  }

  /** Whether it was asked there. */
  isFor(desk: Desk): boolean {
    return desk === this.desk;
  }

  /** Whether its caller waits when there is no room. */
  get canWait(): boolean {
    return this.waitTimeoutMs > 0;
  }

  /** Whether it stands in the queue. */
  get isWaiting(): boolean {
    return this.entry?.waiter?.hasClaimant(this) ?? false;
  }

  /** It was decided that it waits: from now on only its wait's own deadline counts. */
  startWaiting(entry: RunEntry | SessionEntry): void {
    this.entry = entry;
    this.extendTo(this.waitTimeoutMs);
  }

  /** Tells its caller what was decided; false when he has had his answer. */
  tell(): boolean {
    const { decided, answerer } = this;
    const isRefused = decided instanceof Error;
    if (answerer) return answerer.replyTo(this, decided, isRefused);
    return isRefused ? this.rejectWith(decided) : this.resolveWith(decided);
  }

  override expired(server: string, timeoutMs: number): void {
    if (this.isWaiting || this.desk.isWholeWait(this)) this.leave(this.waitTimeout());
    else super.expired(server, timeoutMs);
  }

  override aborted(reason: unknown): void {
    this.leave(reason);
  }

  override abandon(): void {
    this.desk.book.keep(this);
  }

  /** Nobody will answer it any more. */
  close(fault: SlotkeeperError): void {
    this.rejectWith(fault);
  }

  /** The caller has his answer at once; the limiter is told that he waits no more. */
  private leave(error: unknown): void {
    if (this.rejectWith(error) && this.entry) this.desk.withdraw(this);
  }

  private waitTimeout(): Error {
    const { entry } = this;
    const block = entry && blockOf(this.desk.tables, entry);
    return refusalError({ ...block, code: 'wait_timeout' }, this);
  }
}

/** What lies in its envelope: nothing that it does not have itself. */
const ITSELF: Tag = Object.freeze({ type: 'booked' });

export class CallBook {
  private lost: BookedCall[] = [];
  private sequence = 0;
  private closedWith: (() => SlotkeeperError) | undefined = undefined;

  /** What it was closed with, if it was. */
  get closingFault(): SlotkeeperError | undefined {
    return this.closedWith?.();
  }

  nextSequence(): number {
    this.sequence += 1;
    return this.sequence;
  }

  /** Takes in a call whose server has ended. */
  keep(call: BookedCall): void {
    if (this.closedWith) call.close(this.closedWith());
    else this.lost.push(call);
  }

  /** Gives out what was taken in and is still awaited, in the order in which it was called. */
  takeLost(): BookedCall[] {
    const { lost } = this;
    this.lost = [];
    return lost
      .filter((call) => !call.isSettled)
      .sort((one, other) => one.sequence - other.sequence);
  }

  /** Nobody will answer any more: rejects all that is in the book, and all that comes. */
  close(fault: () => SlotkeeperError): void {
    this.closedWith ??= fault;
    for (const call of this.takeLost()) call.close(this.closedWith());
  }
}
