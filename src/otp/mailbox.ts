/**
 * A server's mailbox: three lanes, first in first out in each, bounded.
 *
 * `control` (sys, exit) goes before `urgent` (down, uncancellable requests), which goes before
 * `ordinary`. Only the ordinary lane is bounded: what is urgent is never refused. A suspended server
 * is served from the control lane alone. A message is in the mailbox until it is taken or, for a call,
 * until it is settled; nothing leaves in another way.
 */
import { LinkedList } from './linked-list.ts';
import type { Envelope } from './message.ts';

/** Messages, not bytes: about 20 MB of waiting calls, far beyond what anyone should let wait. */
export const DEFAULT_MAILBOX_LIMIT = 100_000;

export class Mailbox {
  readonly limit: number;
  private readonly control = new LinkedList<Envelope>();
  private readonly urgent = new LinkedList<Envelope>();
  private readonly ordinary = new LinkedList<Envelope>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.control.size + this.urgent.size + this.ordinary.size;
  }

  hasRoomFor(envelope: Envelope): boolean {
    return envelope.lane !== 'ordinary' || this.ordinary.size < this.limit;
  }

  push(envelope: Envelope): void {
    this[envelope.lane].push(envelope);
  }

  /** Takes the message that is to be served next, `undefined` when none may be served now. */
  take(isSuspended: boolean): Envelope | undefined {
    if (isSuspended) return this.control.shift();
    return this.control.shift() ?? this.urgent.shift() ?? this.ordinary.shift();
  }

  holdsWork(isSuspended: boolean): boolean {
    return isSuspended ? this.control.size > 0 : this.size > 0;
  }

  /** Takes everything out, in the order in which it would be served. */
  *drain(): Generator<Envelope> {
    for (let envelope = this.take(false); envelope; envelope = this.take(false)) yield envelope;
  }
}
