/**
 * The limiter, as its users see it: one function for each thing that can be asked of it.
 *
 * Every write goes through the mailbox of the limiter's actor and is answered in order. Reads
 * (`getStatus`, `getLimits`, `statusBuffer`) ask nobody, and answer while the actor is busy, suspended or
 * being restarted. A crash of the actor is invisible here: calls are answered by its next incarnation.
 */
import type { SlotkeeperError } from '../fault.ts';
import type { ServerRef } from '../otp/index.ts';
import {
  invalidId,
  isId,
  type LimitChanges,
  type Limits,
  RefusalError,
  type RunKey,
} from '../slots/index.ts';
import {
  type AcquireRunOptions,
  type AcquireSessionOptions,
  type TryRunOptions,
  type TrySessionOptions,
  termsOf,
  tryTermsOf,
} from './acquire-options.ts';
import { acquireRunAtOnce } from './at-once.ts';
import type { BookedCall } from './call-book.ts';
import { AcquireRunCall, AcquireSessionCall, type AcquireTerms, SetLimitsCall } from './calls.ts';
import { checkLimitChanges } from './limit-options.ts';
import { checkReleaseOptions, type ReleaseOptions } from './release-options.ts';
import type { ReleaseReport } from './release-report.ts';
import { runIds } from './run-ids.ts';
import { RunSlot, type SessionSlot } from './slot.ts';
import type { Status } from './status.ts';
import type { Survivors } from './survivors.ts';

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
      const call = this.sessionCall(sessionId, termsOf(options, 'session'));
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
      const terms = termsOf(options, 'run');
      const runKey = checkedKey(sessionId, runId);
      const signal = options?.signal;
      const slot = this.runAtOnce(sessionId, runKey, terms, signal);
      if (slot) return Promise.resolve(slot);
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
    options?: TrySessionOptions,
  ): SessionSlot | RefusalError {
    const call = this.sessionCall(sessionId, tryTermsOf(options, 'session'));
    return this.askNow(call) as SessionSlot | RefusalError; // as it asks for
  }

  /** The same for a run slot. */
  tryAcquireRunSlot(
    sessionId: string,
    runId: string,
    options?: TryRunOptions,
  ): RunSlot | RefusalError {
    const terms = tryTermsOf(options, 'run');
    const runKey = checkedKey(sessionId, runId);
    const slot = this.runAtOnce(sessionId, runKey, terms, undefined);
    if (slot) return slot;
    const call = new AcquireRunCall(this.survivors.desk, sessionId, runKey, terms);
    return this.askNow(call) as RunSlot | RefusalError; // as it asks for
  }

  /**
   * Runs `fn` with a run slot of its own and releases it, however `fn` ends. Resolves or rejects as `fn`
   * does, or rejects as `acquireRunSlot` does, and then `fn` has not run. A slot that is free is given
   * at once, and then `fn` begins on this stack, as the body of an async function does.
   */
  async withRunSlot<Result>(
    sessionId: string,
    fn: (slot: RunSlot) => Result | PromiseLike<Result>,
    options?: AcquireRunOptions,
  ): Promise<Result> {
    const { survivors } = this;
    const terms = termsOf(options, 'run');
    if (!isId(sessionId)) throw invalidId('sessionId', sessionId);
    const runKey = runIds.next();
    const signal = options?.signal;
    // Each `await` costs as much as the acquire itself, so what is there already is not awaited.
    const slot =
      this.runAtOnce(sessionId, runKey, terms, signal) ??
      ((await survivors.desk.askForRun(
        new AcquireRunCall(survivors.desk, sessionId, runKey, terms),
        signal,
      )) as RunSlot); // as it asks for
    try {
      return await fn(slot);
    } finally {
      RunSlot.giveBack(slot);
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

  // ── Limits and status ───────────────────────────────────────────────────────────────────────────

  /**
   * Changes limits from this turn on. Lowering ends nobody's slot: nothing is granted until there is
   * room. Raising grants waiters. Resolves with the limits; rejects with `invalid_option`, and then
   * nothing has changed, or with a fault as `acquireSessionSlot` does.
   */
  setLimits(changes: LimitChanges): Promise<Limits> {
    try {
      const { desk } = this.survivors;
      const call = new SetLimitsCall(desk, checkLimitChanges(changes));
      return desk.ask(call, undefined) as Promise<Limits>; // as it asks for
    } catch (fault) {
      return Promise.reject(fault);
    }
  }

  /** The limits as they are, frozen. */
  getLimits(): Limits {
    return this.survivors.tables.limits;
  }

  /** The counts as they were published last, frozen. The same object while nothing has changed. */
  getStatus(): Status {
    return this.survivors.page.status;
  }

  /** The status page, for `openStatusReader` in any thread. */
  get statusBuffer(): SharedArrayBuffer {
    return this.survivors.page.buffer;
  }

  private sessionCall(sessionId: string, terms: AcquireTerms): AcquireSessionCall {
    if (!isId(sessionId)) throw invalidId('sessionId', sessionId);
    return new AcquireSessionCall(this.survivors.desk, sessionId, terms);
  }

  /** A run slot that an idle limiter gives on this stack. */
  private runAtOnce(
    sessionId: string,
    runKey: RunKey,
    terms: AcquireTerms,
    signal: AbortSignal | undefined,
  ): RunSlot | undefined {
    const { tables, desk } = this.survivors;
    if (signal?.aborted || tables.runGate.isFull) return undefined;
    const { owner, kind, priority, labels, waitTimeoutMs } = terms;
    const canWait = waitTimeoutMs > 0;
    const request = { sessionId, runKey, owner, kind, priority, labels, canWait };
    return acquireRunAtOnce(desk, request);
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

function checkRelease(
  what: string,
  id: string,
  options: ReleaseOptions | undefined,
): SlotkeeperError | undefined {
  if (!isId(id)) return invalidId(what, id);
  return options === undefined ? undefined : checkReleaseOptions(options);
}
