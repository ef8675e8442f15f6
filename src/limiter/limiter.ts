/**
 * The limiter, as its users see it: one function for each thing that can be asked of it.
 *
 * Every write goes through the mailbox of the limiter's actor and is answered in order. Reads
 * (`getStatus`, `getLimits`, `statusBuffer`) ask nobody, and answer while the actor is busy, suspended or
 * being restarted. A crash of the actor is invisible here: calls are answered by its next incarnation.
 */
import type { MessagePort } from 'node:worker_threads';
import type { SlotkeeperError } from '../fault.ts';
import type { LimitsChange } from '../journal/journal.ts';
import type { ServerRef } from '../otp/index.ts';
import { invalidOption } from '../otp/options.ts';
import { hasShareLeft } from '../otp/turn-share.ts';
import {
  invalidId,
  isId,
  type LimitChanges,
  type Limits,
  RefusalError,
  type RunKey,
} from '../slots/index.ts';
import type {
  AcquireRunOptions,
  AcquireSessionOptions,
  TryDurableOptions,
  TryRunOptions,
} from './acquire-options.ts';
import { termsOf } from './acquire-terms.ts';
import { acquireNewRunAtOnce, acquireRunAtOnce } from './at-once.ts';
import type { BookedCall } from './call-book.ts';
import {
  AcquireRunCall,
  AcquireSessionCall,
  type AcquireTerms,
  SetDrainingCall,
  SetLimitsCall,
} from './calls.ts';
import type { LimiterEvent } from './channels.ts';
import { checkedDrain, type DrainOptions, endOfDrain } from './drain.ts';
import type { DrainReport } from './drains.ts';
import { type ExplainSubject, explain } from './explain.ts';
import type { Explanation } from './explanation.ts';
import { checkedBy, checkLimitChanges, type SetLimitsOptions } from './limit-options.ts';
import { type ListOptions, list } from './listing.ts';
import type { BoundRequest } from './operations.ts';
import { openPort } from './port-desk.ts';
import { checkReleaseOptions, type ReleaseOptions } from './release-options.ts';
import type { ReleaseReport } from './release-report.ts';
import { runIds } from './run-ids.ts';
import { type Job, RunSlot, type SessionSlot } from './slot.ts';
import type { SlotRow } from './slot-row.ts';
import type { Status } from './status.ts';
import type { Survivors } from './survivors.ts';
import { WaitingJob } from './waiting-job.ts';

/** Characters of what is said of an eviction. */
const LONGEST_NOTE = 256;

export class ConcurrencyLimiter {
  private readonly survivors: Survivors;

  /** Made by the start functions. */
  constructor(survivors: Survivors) {
    this.survivors = survivors;
  }

  /** The limiter's server, for `sys`, `monitor` and `exit`. */
  get ref(): ServerRef {
    return this.survivors.desk.ref;
  }

  // ── Acquire ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Acquires the slot of a session. An id that is held already gives the slot held, also at the limit.
   *
   * Rejects with a `RefusalError` when it is refused (`max_sessions_exceeded`,
   * `max_sessions_per_owner_exceeded`, `session_id_conflict`, `queue_full`, `wait_timeout`, `withdrawn`),
   * with `signal.reason`, or with a fault: `invalid_id`, `invalid_option`, `call_timeout` (it was not
   * decided in time; it has no effect), `server_down`, `noproc`, `stopped`.
   */
  acquireSessionSlot(sessionId: string, options?: AcquireSessionOptions): Promise<SessionSlot> {
    try {
      const call = this.sessionCall(sessionId, termsOf(options, 'session', this.survivors));
      return this.survivors.desk.ask(call, options?.signal) as Promise<SessionSlot>; // as it asks for
    } catch (fault) {
      return Promise.reject(fault);
    }
  }

  /**
   * Acquires a run slot, tied to a session id, whether or not that session holds a slot. An id that is
   * held gives the slot held; one that waits is joined.
   *
   * Rejects as `acquireSessionSlot` does, with the codes of runs: `max_runs_exceeded`,
   * `max_runs_per_session_exceeded`, `max_runs_per_owner_exceeded`, `max_jobs_per_owner_exceeded`,
   * `max_runs_per_kind_exceeded`, `run_id_conflict`, `session_released`.
   */
  acquireRunSlot(sessionId: string, runId: string, options?: AcquireRunOptions): Promise<RunSlot> {
    try {
      const terms = termsOf(options, 'run', this.survivors);
      const runKey = checkedKey(sessionId, runId);
      const signal = options?.signal;
      const mayAnswer = hasShareLeft();
      const request = this.requestAtOnce(sessionId, runKey, terms, signal, mayAnswer);
      const slot = request && acquireRunAtOnce(this.survivors.desk, request);
      if (slot) return mayAnswer ? Promise.resolve(slot) : this.survivors.desk.giveLater(slot);
      const call = new AcquireRunCall(this.survivors.desk, sessionId, runKey, terms);
      return this.survivors.desk.askForRun(call, signal) as Promise<RunSlot>; // as it asks for
    } catch (fault) {
      return Promise.reject(fault);
    }
  }

  /**
   * Acquires a session slot on this stack, or says why not. What is queued in the mailbox is served
   * first, so nobody is overtaken. `unavailable` while the limiter is suspended or restarted, and inside
   * one of its own turns. Throws `invalid_id`, `invalid_option`, `stopped`, `noproc`.
   */
  tryAcquireSessionSlot(
    sessionId: string,
    options?: TryDurableOptions,
  ): SessionSlot | RefusalError {
    const call = this.sessionCall(sessionId, termsOf(options, 'session_now', this.survivors));
    return this.askNow(call) as SessionSlot | RefusalError; // as it asks for
  }

  /** The same for a run slot. */
  tryAcquireRunSlot(
    sessionId: string,
    runId: string,
    options?: TryRunOptions,
  ): RunSlot | RefusalError {
    const terms = termsOf(options, 'run_now', this.survivors);
    const runKey = checkedKey(sessionId, runId);
    const request = this.requestAtOnce(sessionId, runKey, terms, undefined, true);
    const slot = request && acquireRunAtOnce(this.survivors.desk, request);
    if (slot) return slot;
    const call = new AcquireRunCall(this.survivors.desk, sessionId, runKey, terms);
    return this.askNow(call) as RunSlot | RefusalError; // as it asks for
  }

  /**
   * Runs `fn` with a run slot of its own and releases it, however `fn` ends. Resolves or rejects as `fn`
   * does, or rejects as `acquireRunSlot` does, and then `fn` has not run. A slot that is free is given
   * at once, and then `fn` begins on this stack, as the body of an async function does; in the next
   * macrotask where the loop is busy. Between a grant and the beginning of `fn` the slot may be lost, as
   * it may be later: `slot.signal` says so.
   */
  withRunSlot<Result>(
    sessionId: string,
    fn: Job<Result>,
    options?: AcquireRunOptions,
  ): Promise<Result> {
    try {
      const terms = termsOf(options, 'run', this.survivors);
      if (!isId(sessionId)) throw invalidId('sessionId', sessionId);
      const runKey = this.survivors.tables.nextRunKey();
      const signal = options?.signal;
      const mayAnswer = hasShareLeft();
      const { desk } = this.survivors;
      const request = this.requestAtOnce(sessionId, runKey, terms, signal, mayAnswer);
      const slot = request && acquireNewRunAtOnce(desk, request);
      if (slot && mayAnswer) return RunSlot.use(slot, fn);
      if (slot) return desk.giveLater(slot).then((given) => RunSlot.use(given, fn));
      const waiting = WaitingJob.isEnoughFor(terms, signal)
        ? desk.queueJob(new WaitingJob(desk, sessionId, runKey, terms, fn))
        : undefined;
      if (waiting) return waiting;
      const call = new AcquireRunCall(desk, sessionId, runKey, terms);
      // An async function that waits here would keep three times as much for each caller who waits.
      const asked = desk.askForRun(call, signal) as Promise<RunSlot>; // as it asks for
      return asked.then((given) => RunSlot.use(given, fn));
    } catch (fault) {
      return Promise.reject(fault);
    }
  }

  // ── Release ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Releases a run slot by its id, or withdraws the id if it waits: its callers get `withdrawn`. With a
   * `token`, only the grant that has it is released. Never refused: an id that is unknown or released
   * already is a no-op. Rejects with `invalid_id` or `invalid_option`, and with `server_down` if the
   * limiter's supervisor gives up before it is served; the slot has ended then.
   */
  releaseRunSlot(runId: string, options?: ReleaseOptions): Promise<ReleaseReport> {
    const fault = checkRelease('runId', runId, options);
    if (fault) return Promise.reject(fault);
    return this.survivors.desk.releaseRun(runId, options?.token);
  }

  /**
   * Releases a session: its waiting runs get `session_released`, its held runs end as `cascade`, its slot
   * as `released`, whether or not it holds one. A session that waits is withdrawn.
   */
  releaseSessionSlot(sessionId: string, options?: ReleaseOptions): Promise<ReleaseReport> {
    const fault = checkRelease('sessionId', sessionId, options);
    if (fault) return Promise.reject(fault);
    return this.survivors.desk.releaseSession(sessionId, options?.token);
  }

  /**
   * Renews the lease of a run slot: it runs for another `leaseMs` from now. Without a lease nothing
   * happens. Rejects with `stale_token` when that grant is not held any more, `invalid_id`,
   * `invalid_option`.
   */
  renewRunSlot(runId: string, token: number): Promise<void> {
    const fault = checkRenewal('runId', runId, token);
    return fault ? Promise.reject(fault) : this.survivors.desk.renewRun(runId, token);
  }

  /** The same for a session slot. */
  renewSessionSlot(sessionId: string, token: number): Promise<void> {
    const fault = checkRenewal('sessionId', sessionId, token);
    return fault ? Promise.reject(fault) : this.survivors.desk.renewSession(sessionId, token);
  }

  /**
   * Ends a run slot as `evicted`, against its holder, who sees it by his signal; a run that waits is
   * withdrawn. For an operator, when the work will never end. `reason` (1 to 256 characters) stands in the
   * event. An unknown id is a no-op. Rejects with `invalid_id`, `invalid_option`.
   */
  evict(runId: string, reason: string): Promise<ReleaseReport> {
    if (!isId(runId)) return Promise.reject(invalidId('runId', runId));
    if (isNote(reason)) return this.survivors.desk.evict(runId, reason);
    return Promise.reject(invalidOption('reason', reason, 'a string of 1 to 256 characters'));
  }

  // ── Draining ────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes in nobody new and waits until no run is held, but not longer than `timeoutMs` (default
   * 10,000). Newcomers and who waits already are refused with `draining`, but for work in the journal with
   * `waiting: 'keep'`; an id that is held is answered still. The limiter goes on draining until `resume`,
   * whatever the report says.
   */
  async drain(options?: DrainOptions): Promise<DrainReport> {
    const { timeoutMs, waiting } = checkedDrain(options);
    const { desk } = this.survivors;
    const refused = await desk.ask(new SetDrainingCall(desk, true, waiting === 'keep'), undefined);
    return endOfDrain(this.survivors, timeoutMs, refused as number); // as it asks for
  }

  /** Takes in newcomers again. Drains that still wait are told that they did not come to their end. */
  async resume(): Promise<void> {
    const { desk } = this.survivors;
    await desk.ask(new SetDrainingCall(desk, false), undefined);
  }

  // ── Limits and status ───────────────────────────────────────────────────────────────────────────

  /**
   * Changes limits from this turn on. Lowering ends nobody's slot: nothing is granted until there is
   * room. Raising grants waiters. Resolves with the limits; rejects with `invalid_option`, and then
   * nothing has changed, or with a fault as `acquireSessionSlot` does.
   */
  setLimits(changes: LimitChanges, options: SetLimitsOptions = {}): Promise<Limits> {
    return this.changeLimits(() => checkLimitChanges(changes), options);
  }

  /**
   * Takes back all that `setLimits` has said, also in processes before this one: the limits that the
   * limiter was started with count again. Resolves and rejects as `setLimits`.
   */
  resetLimits(options: SetLimitsOptions = {}): Promise<Limits> {
    return this.changeLimits(() => undefined, options);
  }

  /** The limits as they are, frozen. */
  getLimits(): Limits {
    return this.survivors.tables.limits;
  }

  /** When `setLimits` or `resetLimits` was last done, and by whom; `undefined` if it never was. Frozen. */
  getLimitsChange(): LimitsChange | undefined {
    return this.survivors.limitsChange;
  }

  /** The counts as they were published last, frozen. The same object while nothing has changed. */
  getStatus(): Status {
    return this.survivors.page.status;
  }

  /** The status page, for `openStatusReader` in any thread. */
  get statusBuffer(): SharedArrayBuffer {
    return this.survivors.page.buffer;
  }

  // ── Looking in ──────────────────────────────────────────────────────────────────────────────────

  /** Every slot and every wait of this moment, or those that are asked for. Throws `invalid_option`. */
  list(options: ListOptions = {}): IterableIterator<SlotRow> {
    return list(this.survivors, options);
  }

  /**
   * Why an id waits, or since when it holds; or what would keep a request that was refused (by this
   * limiter) from its slot now. Plain JSON with a text for people. Throws `invalid_id`, `invalid_option`.
   */
  explain(subject: ExplainSubject): Explanation {
    return explain(this.survivors, subject);
  }

  /** The events of this limiter from now on. A reader who is slow is told how many he has missed. */
  events(): AsyncIterableIterator<LimiterEvent> {
    return this.survivors.streams.open();
  }

  // ── Other threads ───────────────────────────────────────────────────────────────────────────────

  /** A port to give to another thread, which makes a client of it with `connectLimiter`. */
  openPort(): MessagePort {
    return openPort(this, this.survivors.ports);
  }

  private changeLimits(
    changes: () => LimitChanges | undefined,
    options: SetLimitsOptions,
  ): Promise<Limits> {
    try {
      const { desk } = this.survivors;
      const call = new SetLimitsCall(desk, changes(), checkedBy(options));
      return desk.ask(call, undefined) as Promise<Limits>; // as it asks for
    } catch (fault) {
      return Promise.reject(fault);
    }
  }

  private sessionCall(sessionId: string, terms: AcquireTerms): AcquireSessionCall {
    if (!isId(sessionId)) throw invalidId('sessionId', sessionId);
    return new AcquireSessionCall(this.survivors.desk, sessionId, terms);
  }

  /**
   * What an idle limiter is asked for on this stack; `undefined` where it is of no use. If it may not answer
   * now, only where no signal and no holder could end the wait for the answer.
   */
  private requestAtOnce(
    sessionId: string,
    runKey: RunKey,
    terms: AcquireTerms,
    signal: AbortSignal | undefined,
    mayAnswer: boolean,
  ): BoundRequest | undefined {
    if (signal?.aborted || this.survivors.tables.runGate.isFull) return undefined;
    const { owner, kind, priority, labels, bonds, waitTimeoutMs } = terms;
    if (!mayAnswer && (signal || bonds)) return undefined;
    const canWait = waitTimeoutMs > 0;
    return { sessionId, runKey, owner, kind, priority, labels, bonds, canWait };
  }

  private askNow(call: BookedCall): unknown {
    const answer = this.survivors.desk.askNow(call);
    if (answer instanceof Error && !(answer instanceof RefusalError)) throw answer;
    return answer;
  }
}

/** What the run is found by. Throws `invalid_id`. */
function checkedKey(sessionId: string, runId: string): RunKey {
  if (!isId(sessionId)) throw invalidId('sessionId', sessionId);
  if (!isId(runId)) throw invalidId('runId', runId);
  return runIds.keyOf(runId);
}

function checkRenewal(what: string, id: string, token: number): SlotkeeperError | undefined {
  if (!isId(id)) return invalidId(what, id);
  if (Number.isSafeInteger(token) && token > 0) return undefined;
  return invalidOption('token', token, 'a positive integer');
}

function checkRelease(
  what: string,
  id: string,
  options: ReleaseOptions | undefined,
): SlotkeeperError | undefined {
  if (!isId(id)) return invalidId(what, id);
  return options === undefined ? undefined : checkReleaseOptions(options);
}

function isNote(note: unknown): note is string {
  return typeof note === 'string' && note.length > 0 && note.length <= LONGEST_NOTE;
}
