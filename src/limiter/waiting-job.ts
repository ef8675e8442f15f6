/**
 * A job that waits for its slot: of a caller of `withRunSlot` who waits for ever, and whose slot is to hang
 * on nothing.
 *
 * Nothing can end his wait but the limiter. So he needs no envelope, no deadline and no place in the book of
 * calls: he stands in the tables alone, which survive a crash as they are. He is answered with himself (so he
 * must never have a member `then`), and the handle is made when the job begins. All of this is for the collector's sake: who waits so keeps a third
 * less than with a call, and where many wait most of the time goes into copying what they keep.
 */
import { latePromise } from '../otp/late-promise.ts';
import {
  type Labels,
  type RunEntry,
  type RunKey,
  type RunRequest,
  Waiter,
} from '../slots/index.ts';
import type { Caller } from './caller.ts';
import type { AcquireTerms, Bonds } from './calls.ts';
import type { Desk } from './desk.ts';
import { runIds } from './run-ids.ts';
import { type Job, RunSlot } from './slot.ts';

export class WaitingJob<Result = unknown> extends Waiter<RunEntry> implements Caller, RunRequest {
  readonly sessionId: string;
  readonly runKey: RunKey;
  decided: unknown = undefined;
  /** Until it is settled. */
  resolve: ((value: unknown) => void) | undefined = undefined;
  private readonly terms: AcquireTerms;
  private readonly desk: Desk;
  /** Until it begins, or will never. */
  private job: Job<Result> | undefined;

  constructor(
    desk: Desk,
    sessionId: string,
    runKey: RunKey,
    terms: AcquireTerms,
    job: Job<Result>,
  ) {
    super(terms.priority);
    this.desk = desk;
    this.sessionId = sessionId;
    this.runKey = runKey;
    this.terms = terms;
    this.job = job;
    this.addClaimant(this);
  }

  /** Whether what is asked for with these terms can wait so. */
  static isEnoughFor(
    { waitTimeoutMs, bonds }: AcquireTerms,
    signal: AbortSignal | undefined,
  ): boolean {
    return waitTimeoutMs === Infinity && bonds === undefined && signal === undefined;
  }

  /** Settles as the job does, or rejects when the wait ends without a slot. Asked for once. */
  result(): Promise<Result> {
    const given = latePromise(this) as Promise<WaitingJob<Result>>; // itself
    return given.then(WaitingJob.begin<Result>);
  }

  /** Runs the job of one who was given his slot. The same function for all. */
  private static begin<Result>(waiting: WaitingJob<Result>): Promise<Result> {
    const slot = new RunSlot(waiting.entry as RunEntry, waiting.desk); // what it was given
    const job = waiting.takeJob() as Job<Result>; // it begins once
    return RunSlot.use(slot, job);
  }

  get isSettled(): boolean {
    return this.resolve === undefined;
  }

  get answered(): unknown {
    return this.isSettled ? this.decided : undefined;
  }

  get isWaiting(): boolean {
    return this.bucket !== undefined;
  }

  tell(): boolean {
    const { decided } = this;
    return decided instanceof Error ? this.rejectWith(decided) : this.settle(decided);
  }

  rejectWith(error: unknown): boolean {
    if (this.isSettled) return false;
    this.takeJob();
    return this.settle(Promise.reject(error));
  }

  /** Whoever keeps this, as the error of a refusal does, keeps nothing of the job. */
  private takeJob(): Job<Result> | undefined {
    const { job } = this;
    this.job = undefined;
    return job;
  }

  /** It has no deadline. */
  expireIfDue(): boolean {
    return false;
  }

  private settle(answer: unknown): boolean {
    const { resolve } = this;
    this.resolve = undefined;
    resolve?.(answer);
    return resolve !== undefined;
  }

  isFor(desk: Desk): boolean {
    return desk === this.desk;
  }

  get runId(): string {
    return runIds.idOf(this.runKey);
  }

  get canWait(): boolean {
    return true;
  }

  get owner(): string | undefined {
    return this.terms.owner;
  }

  get kind(): string | undefined {
    return this.terms.kind;
  }

  get labels(): Labels | undefined {
    return this.terms.labels;
  }

  get bonds(): Bonds | undefined {
    return undefined;
  }
}
