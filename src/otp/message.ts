/**
 * What lies in a mailbox: envelopes. An envelope is also the event that XState sees when it is served.
 *
 * A call's envelope is its own `from` and its own place in a list. It is settled once; whatever comes
 * later (a late reply, a deadline, an abort, the server's death) finds it settled and does nothing.
 * Settling takes it out of every list, so a call that nobody awaits any more is never served.
 */
import { performance } from 'node:perf_hooks';
import { SlotkeeperError } from '../fault.ts';
import { type AbortTarget, offAbort, onAbort } from './abort-listeners.ts';
import { callAnswered } from './channels.ts';
import type { Clock } from './clock.ts';
import { Deadline, deadlinesOf } from './deadlines.ts';
import { latePromise } from './late-promise.ts';
import { ListItem } from './linked-list.ts';

/** `control`: sys and exit. `urgent`: down, and what a server declares as uncancellable. */
export type Lane = 'control' | 'urgent' | 'ordinary';

export type EnvelopeType =
  | 'init'
  | 'call'
  | 'cast'
  | 'info'
  | 'continue'
  | 'settled'
  | 'failed'
  | 'turn_end'
  | 'exit'
  | 'sys'
  | 'terminated'
  | 'killed';

/** What every message carries. */
export interface Tag {
  readonly type: string;
}

export class Envelope<Content = unknown> extends ListItem {
  readonly type: EnvelopeType;
  readonly content: Content;
  lane: Lane;
  /** Whether its callback has begun. */
  isServed = false;

  constructor(type: EnvelopeType, content: Content, lane: Lane) {
    super();
    this.type = type;
    this.content = content;
    this.lane = lane;
  }

  /** What its clause is found by. Messages have it; the engine's own envelopes do not. */
  get messageType(): string {
    return (this.content as Tag).type;
  }

  /** What is shown of it in traces, crash reports and by inspectors. */
  get shown(): unknown {
    return this.content;
  }

  toJSON(): { type: string; content: unknown } {
    return { type: this.type, content: this.shown };
  }
}

/** What a server declares as uncancellable goes into the urgent lane. */
export function chooseLane(
  envelope: Envelope<Tag>,
  uncancellable: ReadonlySet<string> | undefined,
): void {
  if (uncancellable?.has(envelope.messageType) && envelope.type !== 'info') {
    envelope.lane = 'urgent';
  }
}

declare const REPLY: unique symbol;

/** Who asked. Kept by a server that answers later, with `replyTo`. */
export interface From<Reply> {
  readonly [REPLY]?: (reply: Reply) => void;
}

/** `staged`: an answer waits for the end of its turn. There is only one answer. */
type Settlement = 'none' | 'staged' | 'resolved' | 'rejected';

/** Who answers a call. */
export interface Answerer {
  readonly label: string;
  replyTo(call: CallEnvelope, value: unknown, isRejection: boolean): boolean;
}

/** Where a call was sent. */
interface Addressee {
  readonly label: string;
  readonly clock: Clock;
}

/** A call on its way: the request, and the promise of its caller. */
export class CallEnvelope extends Envelope<Tag> {
  /** The server that has taken it up. */
  answerer: Answerer | undefined = undefined;
  private settlement: Settlement = 'none';
  private answer: unknown = undefined;
  /** Made when its caller has to wait. For `latePromise` alone: an answer goes through `resolveWith`. */
  resolve: ((value: unknown) => void) | undefined = undefined;
  /** What bounds the wait, where anything does. */
  private patience: Patience | undefined = undefined;
  /** Zero unless somebody listens to call events. */
  private readonly sentAt: number;

  constructor(type: 'call' | 'sys', request: Tag, lane: Lane) {
    super(type, request, lane);
    this.sentAt = callAnswered.hasSubscribers ? performance.now() : 0;
  }

  /** Whether a server has begun to serve it. */
  get isTakenUp(): boolean {
    return this.answerer !== undefined;
  }

  get isSettled(): boolean {
    return this.settlement === 'resolved' || this.settlement === 'rejected';
  }

  get isResolved(): boolean {
    return this.settlement === 'resolved';
  }

  /** What it was settled with; `undefined` before. */
  get answered(): unknown {
    return this.isSettled ? this.answer : undefined;
  }

  /** Whether no answer was given yet. */
  get isOpen(): boolean {
    return this.settlement === 'none';
  }

  /** An answer was given, which goes out at the end of the turn. */
  stage(): void {
    this.settlement = 'staged';
  }

  /**
   * The caller's promise. A call that was served on the spot needs neither deadline nor listener, and
   * an already resolved promise is cheaper than one with an executor.
   */
  promise(to: Addressee, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    if (this.settlement === 'resolved') return Promise.resolve(this.answer);
    if (this.settlement === 'rejected') return Promise.reject(this.answer);
    const promise = latePromise(this);
    const isBounded = timeoutMs !== Infinity || signal !== undefined;
    if (isBounded || this.sentAt > 0) this.patience = new Patience(this, to, timeoutMs, signal);
    // It may have aborted while the call was being served on this stack.
    if (signal?.aborted) this.rejectWith(signal.reason);
    return promise;
  }

  /** Ends a call that waits past its deadline; true if it did. */
  expireIfDue(): boolean {
    if (!this.patience?.isDue) return false;
    this.patience.expire();
    return true;
  }

  /** Gives the caller who waits another deadline, counted from when he called. */
  extendTo(timeoutMs: number): void {
    this.patience?.extendTo(timeoutMs);
    if (this.patience?.isBounded === false && this.sentAt === 0) this.patience = undefined;
  }

  /** Makes a call that was not answered ready to be sent again. */
  renew(): void {
    this.list?.remove(this); // what the server that has ended owed it
    if (this.settlement === 'staged') this.settlement = 'none';
    this.isServed = false;
  }

  /** Its deadline has come. */
  expired(server: string, timeoutMs: number): void {
    this.rejectWith(callTimeout(this, server, timeoutMs));
  }

  /** Its signal has aborted. */
  aborted(reason: unknown): void {
    this.rejectWith(reason);
  }

  /** Nobody will answer it: the server that had it, or was to have it, has ended. */
  abandon(fault: () => SlotkeeperError): void {
    this.rejectWith(fault());
  }

  /** Answers the caller; false when the call had ended before. */
  resolveWith(value: unknown): boolean {
    if (!this.settle('resolved', value)) return false;
    this.resolve?.(value);
    return true;
  }

  /** Fails the caller; false when the call had ended before. */
  rejectWith(error: unknown): boolean {
    if (!this.settle('rejected', error)) return false;
    this.resolve?.(Promise.reject(error));
    return true;
  }

  private settle(settlement: Settlement, answer: unknown): boolean {
    if (this.isSettled) return false;
    this.settlement = settlement;
    this.answer = answer;
    this.list?.remove(this);
    this.patience?.end();
    if (this.sentAt > 0) this.report();
    return true;
  }

  private report(): void {
    callAnswered.publish({
      server: this.answerer?.label ?? this.patience?.label ?? '',
      request: this.messageType,
      outcome: this.settlement,
      durationMs: performance.now() - this.sentAt,
    });
  }
}

/** How long a caller waits: until a time, until his signal aborts, or both. */
class Patience extends Deadline implements AbortTarget {
  timeoutMs = Infinity;
  private readonly call: CallEnvelope;
  private readonly to: Addressee;
  private readonly signal: AbortSignal | undefined;

  constructor(call: CallEnvelope, to: Addressee, timeoutMs: number, signal?: AbortSignal) {
    super(Infinity);
    this.call = call;
    this.to = to;
    this.signal = signal;
    if (timeoutMs !== Infinity) this.limit(to.clock.monotonicNow(), timeoutMs);
    if (signal) onAbort(signal, this);
  }

  get label(): string {
    return this.to.label;
  }

  /** Whether anything bounds the wait. */
  get isBounded(): boolean {
    return this.list !== undefined || this.signal !== undefined;
  }

  /** Counted from when he began to wait; from now, if nothing limited him before. */
  extendTo(timeoutMs: number): void {
    const isLimited = this.list !== undefined;
    const since = isLimited ? this.dueAt - this.timeoutMs : this.to.clock.monotonicNow();
    this.unlimit();
    if (timeoutMs !== Infinity) this.limit(since, timeoutMs);
  }

  get isDue(): boolean {
    return this.list !== undefined && this.to.clock.monotonicNow() >= this.dueAt;
  }

  end(): void {
    this.unlimit();
    if (this.signal) offAbort(this.signal, this);
  }

  override expire(): void {
    this.call.expired(this.label, this.timeoutMs);
  }

  aborted(reason: unknown): void {
    this.call.aborted(reason);
  }

  private limit(since: number, timeoutMs: number): void {
    this.timeoutMs = timeoutMs;
    this.dueAt = since + timeoutMs;
    deadlinesOf(this.to.clock).add(this);
  }

  private unlimit(): void {
    if (this.list) deadlinesOf(this.to.clock).remove(this);
  }
}

function callTimeout(call: CallEnvelope, server: string, timeoutMs: number): SlotkeeperError {
  const request = call.messageType;
  return new SlotkeeperError(
    'call_timeout',
    `Call ${request} to ${server} was not answered within ${timeoutMs} ms`,
    { server, request, timeoutMs },
  );
}
