/**
 * The desk: where calls to the limiter's actor are handed in, by its client and by the handles.
 *
 * It stays the same over all incarnations of the actor. A release, a withdrawal and whatever else must
 * not be lost goes into the urgent lane of the mailbox, which refuses nothing and knows no time-out.
 */
import type { SlotkeeperError } from '../fault.ts';
import { noproc } from '../otp/address.ts';
import { sendCall, sendCallNow } from '../otp/client.ts';
import type { Clock, ServerRef } from '../otp/index.ts';
import { hasShareLeft, shareOpens } from '../otp/turn-share.ts';
import {
  type RefusalError,
  type RunEntry,
  refusalError,
  type SessionEntry,
  type SlotTables,
} from '../slots/index.ts';
import { giveBackAtOnce, queueAtOnce, queueJobAtOnce } from './at-once.ts';
import type { Batch } from './batch.ts';
import { type BookedCall, CallBook } from './call-book.ts';
import {
  AcquireCall,
  type AcquireRunCall,
  EvictCall,
  ExamineStorageCall,
  HolderDownCall,
  ReleaseRunCall,
  ReleaseSessionCall,
  RenewRunCall,
  RenewSessionCall,
  SweepCall,
  TakeBackCall,
  WithdrawCall,
} from './calls.ts';
import type { Holder } from './holder.ts';
import { NOTHING_RELEASED, type ReleaseReport } from './release-report.ts';
import type { WaitingJob } from './waiting-job.ts';

export class Desk {
  readonly book = new CallBook();
  readonly tables: SlotTables;
  readonly batch: Batch;
  readonly clock: Clock;
  private readonly callTimeoutMs: number;
  private server: ServerRef | undefined = undefined;

  constructor(tables: SlotTables, batch: Batch, clock: Clock, callTimeoutMs: number) {
    this.tables = tables;
    this.batch = batch;
    this.clock = clock;
    this.callTimeoutMs = callTimeoutMs;
  }

  /** For the promise of a call, which says who did not answer in time. */
  readonly label = 'limiter';

  get ref(): ServerRef {
    return this.server as ServerRef; // the start functions set it before they give anything out
  }

  openFor(server: ServerRef): void {
    this.server = server;
  }

  /** Asks and waits for the answer: until it is decided, and then as long as the caller can wait. */
  ask(call: BookedCall, signal: AbortSignal | undefined): Promise<unknown> {
    return this.start(call, signal) ?? Promise.resolve(call.answered);
  }

  /** What was given at once where the loop's share is used up: it is had in the next macrotask. */
  async giveLater<Given>(slot: Given): Promise<Given> {
    await shareOpens();
    const fault = this.book.closingFault;
    if (fault) throw fault;
    return slot;
  }

  /** The same for a run: if it has to wait and the limiter is idle, it is queued on this stack. */
  askForRun(call: AcquireRunCall, signal: AbortSignal | undefined): Promise<unknown> {
    if (call.canWait && !signal?.aborted) queueAtOnce(this, call);
    return this.ask(call, signal);
  }

  /** A job that has to wait begins to, on this stack, and is awaited; `undefined` if it cannot now. */
  queueJob<Result>(waiting: WaitingJob<Result>): Promise<Result> | undefined {
    const result = waiting.result();
    return queueJobAtOnce(this, waiting) ? result : undefined;
  }

  /** The same, but `undefined` when it has been answered already: `call.answered` is what it asked for. */
  start(call: BookedCall, signal: AbortSignal | undefined): Promise<unknown> | undefined {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const fault = call.isTakenUp ? undefined : sendCall(this.ref, call);
    if (fault) return Promise.reject(this.stopFault ?? fault);
    if (call.isResolved) return undefined;
    if (!call.isSettled && call instanceof AcquireCall) call.bonds?.holder?.addCall(call);
    return call.promise(this, this.deadlineOf(call), signal);
  }

  /** Asks and has it answered on this stack: with the slot, a refusal, or the fault that ended all. */
  askNow(call: BookedCall): unknown {
    if (!sendCallNow(this.ref, call)) return this.stopFault ?? this.goneFault ?? unavailable();
    if (!call.isSettled) call.rejectWith(unavailable());
    return call.answered;
  }

  releaseRun(id: string, token?: number): Promise<ReleaseReport> {
    return this.tell(new ReleaseRunCall(this, id, token, undefined));
  }

  /** Gives a slot back for its holder. */
  giveBackRun(held: RunEntry, note?: string): Promise<ReleaseReport> {
    const mayAnswer = hasShareLeft();
    const report = giveBackAtOnce(this, held);
    if (report) return mayAnswer ? Promise.resolve(report) : shareOpens().then(() => report);
    return this.tell(new ReleaseRunCall(this, held.id, undefined, held, note));
  }

  releaseSession(
    id: string,
    token?: number,
    held?: SessionEntry,
    note?: string,
  ): Promise<ReleaseReport> {
    return this.tell(new ReleaseSessionCall(this, id, token, held, note));
  }

  /** The same, and asks for no answer. */
  giveBackSilently(held: RunEntry): void {
    if (giveBackAtOnce(this, held)) return;
    sendCall(this.ref, new ReleaseRunCall(this, held.id, undefined, held));
  }

  /** Somebody who was given it has no use for it; if nobody else was, it ends. */
  giveUp(entry: RunEntry | SessionEntry): void {
    entry.claims -= 1;
    this.takeBack(entry);
  }

  /** Nobody was there to be given it. */
  takeBack(entry: RunEntry | SessionEntry): void {
    sendCall(this.ref, new TakeBackCall(this, entry));
  }

  /** A holder is down. */
  holderDown(holder: Holder): void {
    sendCall(this.ref, new HolderDownCall(this, holder));
  }

  /** Leases have run out. */
  sweep(): void {
    sendCall(this.ref, new SweepCall(this));
  }

  /** Whether the journal can be written is to be looked at. */
  examineStorage(): void {
    sendCall(this.ref, new ExamineStorageCall(this));
  }

  renewRun(id: string, token: number): Promise<void> {
    return this.tellOrFail(new RenewRunCall(this, id, token)) as Promise<void>; // as it asks for
  }

  renewSession(id: string, token: number): Promise<void> {
    return this.tellOrFail(new RenewSessionCall(this, id, token)) as Promise<void>; // as it asks for
  }

  evict(id: string, note: string): Promise<ReleaseReport> {
    return this.tell(new EvictCall(this, id, note));
  }

  /** A caller who waited has had his answer. */
  withdraw(call: BookedCall): void {
    sendCall(this.ref, new WithdrawCall(this, call));
  }

  /** Hands in what is never refused. When the limiter is gone there is nothing to release. */
  private tell(call: BookedCall): Promise<ReleaseReport> {
    if (sendCall(this.ref, call)) return Promise.resolve(NOTHING_RELEASED);
    return call.promise(this, Infinity, undefined) as Promise<ReleaseReport>; // its reply, by its type
  }

  /** Hands in what is never refused, and fails when nobody is there. */
  private tellOrFail(call: BookedCall): Promise<unknown> {
    const fault = sendCall(this.ref, call);
    if (fault) return Promise.reject(this.stopFault ?? fault);
    return call.promise(this, Infinity, undefined);
  }

  /** Whether the wait of a call is over before the time of a call is. */
  isWholeWait(call: BookedCall): boolean {
    return call.canWait && call.waitTimeoutMs < this.callTimeoutMs;
  }

  /** Until a call is decided it has the time of a call; if it waits less than that for a slot, less. */
  private deadlineOf(call: BookedCall): number {
    const isBounded = call.isWaiting || this.isWholeWait(call);
    return isBounded ? call.waitTimeoutMs : this.callTimeoutMs;
  }

  /** Who asks a limiter that was stopped is told so. */
  private get stopFault(): SlotkeeperError | undefined {
    const fault = this.book.closingFault;
    return fault?.code === 'stopped' ? fault : undefined;
  }

  /** Where the supervisor has given up, nobody is there. */
  private get goneFault(): SlotkeeperError | undefined {
    return this.book.closingFault && noproc(this.label);
  }
}

function unavailable(): RefusalError {
  return refusalError({ code: 'unavailable' });
}
