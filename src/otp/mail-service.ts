/**
 * How mail is served: turns.
 *
 * A *turn* takes messages from the mailbox one by one and hands each over to be served. A service is
 * `idle` (no mail that may be served), `scheduled` (a turn will begin), in a `turn`, or `awaiting` (an
 * async callback is under way; the turn goes on when it has settled). An idle service begins at once
 * on the sender's stack, or gathers what is sent in one tick; a turn that has used up its share of the
 * event loop goes on later. What a message means, the server says.
 */
import type { ExitReason } from './exit-reason.ts';
import { Mailbox } from './mailbox.ts';
import { CallEnvelope, Envelope, type Tag } from './message.ts';
import {
  enterTurn,
  leaveTurn,
  mayBeginNow,
  openShare,
  Runnable,
  runLater,
  runSoon,
  spendShare,
} from './turn-share.ts';

export type Activity = 'idle' | 'scheduled' | 'turn' | 'awaiting';

export abstract class MailService extends Runnable {
  isSuspended = false;
  /** Begins as `awaiting`: `init` comes first. */
  protected activity: Activity = 'awaiting';
  protected readonly mailbox: Mailbox;
  /** Served before any other message. */
  protected continuation: Tag | undefined = undefined;
  /** Whether this turn's answers have still to be shown to the hook. */
  protected hasOpenTurn = false;
  /** An orderly end, once the turn is closed. */
  protected pendingStop: ExitReason | undefined = undefined;
  private readonly beginsAtOnce: boolean;

  constructor(mailboxLimit: number, beginsAtOnce: boolean) {
    super();
    this.mailbox = new Mailbox(mailboxLimit);
    this.beginsAtOnce = beginsAtOnce;
  }

  /** Serves one envelope, on this stack or later; sets `activity` to `awaiting` if later. */
  protected abstract handOver(envelope: Envelope): void;
  protected abstract die(): void;
  protected abstract get hasExited(): boolean;
  protected abstract orderToStop(reason: ExitReason): Envelope;

  get queuedMessages(): number {
    return this.mailbox.size;
  }

  setSuspended(isSuspended: boolean): void {
    this.isSuspended = isSuspended;
  }

  accept(envelope: Envelope): void {
    if (this.mayServeNow) this.serveNow(envelope);
    else this.enqueue(envelope);
  }

  /** The turn that was scheduled. If it was overtaken meanwhile, there is nothing to do. */
  takeTurn(): void {
    if (this.activity !== 'scheduled') return;
    this.activity = 'turn';
    this.serveFrom(this.takeNext());
  }

  /** Whether `serveUpTo` may be asked. */
  protected get mayServeOnDemand(): boolean {
    return !this.isSuspended && (this.activity === 'idle' || this.activity === 'scheduled');
  }

  /** A turn on this stack that ends no sooner than `last` is served. It overtakes a scheduled one. */
  protected serveUpTo(last: Envelope): void {
    this.list?.remove(this);
    this.mailbox.push(last);
    this.activity = 'turn';
    enterTurn();
    try {
      this.serveFrom(this.takeNext(), last);
    } finally {
      leaveTurn();
    }
  }

  protected enqueue(envelope: Envelope): void {
    this.mailbox.push(envelope);
    if (this.activity === 'idle' && this.mailbox.holdsWork(this.isSuspended)) this.schedule();
  }

  /** Goes on after a message that did not end on the stack of its turn. */
  protected goOn(): void {
    if (this.hasExited) this.die();
    else if (this.activity !== 'turn') return;
    else if (spendShare()) this.serveFrom(this.takeNext());
    else this.closeTurn();
  }

  /** An idle service has no mail, unless it is suspended: what comes now is next. */
  protected get mayServeNow(): boolean {
    return this.isAtRest && mayBeginNow();
  }

  protected get isAtRest(): boolean {
    return this.activity === 'idle' && this.beginsAtOnce && !this.isSuspended;
  }

  /** A turn on the sender's stack; mostly this message is all of it. */
  protected serveNow(envelope: Envelope): void {
    this.activity = 'turn';
    enterTurn();
    try {
      this.handOver(envelope);
      this.endShortTurn();
    } finally {
      leaveTurn();
    }
  }

  /** Ends a turn that was begun for one message; goes on if more has come meanwhile. */
  protected endShortTurn(): void {
    if (this.activity !== 'turn') return;
    const hasShareLeft = spendShare();
    if (this.hasNothingMore) this.activity = 'idle';
    else if (hasShareLeft) this.serveFrom(this.takeNext());
    else this.closeTurn();
  }

  private get hasNothingMore(): boolean {
    if (this.hasOpenTurn || this.continuation !== undefined) return false;
    return this.mailbox.size === 0 && this.pendingStop === undefined;
  }

  protected schedule(): void {
    this.activity = 'scheduled';
    if (mayBeginNow() || !this.beginsAtOnce) runSoon(this);
    else runLater(this);
  }

  private serveFrom(first: Envelope | undefined, last?: Envelope): void {
    openShare();
    for (let envelope = first; envelope; envelope = this.takeNext()) {
      this.handOver(envelope);
      if (this.activity !== 'turn') return;
      if (!spendShare() && last?.isServed !== false) break;
    }
    this.closeTurn();
  }

  private takeNext(): Envelope | undefined {
    if (this.pendingStop !== undefined) return undefined;
    if (this.continuation) return this.takeContinuation(this.continuation);
    return this.takeMail();
  }

  /** A call whose deadline passed while the loop was blocked is as dead as one whose timer fired. */
  private takeMail(): Envelope | undefined {
    let envelope = this.mailbox.take(this.isSuspended);
    while (envelope instanceof CallEnvelope && envelope.expireIfDue()) {
      envelope = this.mailbox.take(this.isSuspended);
    }
    return envelope;
  }

  private takeContinuation(continuation: Tag): Envelope {
    this.continuation = undefined;
    return new Envelope('continue', continuation, 'control');
  }

  /** The hook sees a turn's answers once, after its last message; an orderly end waits for it. */
  private closeTurn(): void {
    if (this.hasOpenTurn) {
      this.hasOpenTurn = false;
      this.handOver(new Envelope('turn_end', undefined, 'control'));
      if (this.activity !== 'turn') return;
    }
    if (this.pendingStop === undefined) this.rest();
    else this.handOver(this.orderToStop(this.pendingStop));
  }

  private rest(): void {
    this.activity = 'idle';
    if (this.hasOpenTurn || this.continuation) this.schedule();
    else if (this.mailbox.holdsWork(this.isSuspended)) this.schedule();
  }
}
