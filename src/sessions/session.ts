/**
 * A session, as its users see it: it holds a slot, contains runs, and has an end.
 */
import { nanoid } from 'nanoid';
import type { CommandOrder, CommandResult, RunFunction } from '../executors/executor.ts';
import { RefusalError } from '../limiter/index.ts';
import { expectKnown, expectOption, isDuration, isOptionalBoolean } from '../otp/options.ts';
import type { RunOutcome } from './outcome.ts';
import type { Run } from './run.ts';
import { RunCore } from './run-core.ts';
import { checkRunOptions, isObject, type RunOptions } from './run-options.ts';
import { type ClosePlan, type CloseReport, planOf } from './session-closing.ts';
import type { CloseReason, SessionCore } from './session-core.ts';
import type { SessionState } from './session-machine.ts';

export interface CloseOptions {
  /** Nothing is done; the plan is given. */
  readonly dryRun?: boolean;
  /**
   * How long to wait for the work of its runs, in milliseconds. The closing goes on after it, and the report
   * says what it waits for. Default `Infinity`.
   */
  readonly timeoutMs?: number;
}

export class Session {
  private readonly core: SessionCore;

  /** Made by `keeper.openSession`. */
  constructor(core: SessionCore) {
    this.core = core;
  }

  get sessionId(): string {
    return this.core.id;
  }

  get owner(): string | undefined {
    return this.core.owner;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.core.options.labels ?? {};
  }

  get state(): SessionState {
    return this.core.state;
  }

  /** Why it is closing or closed. */
  get closeReason(): CloseReason | undefined {
    return this.core.closeReason;
  }

  /** The fencing token of its slot. */
  get token(): number {
    return this.core.token;
  }

  /** Whether it is there again when its process has ended. */
  get isDurable(): boolean {
    return this.core.isDurable;
  }

  /** UTC epoch milliseconds, also over a restart of the process. */
  get createdAt(): number {
    return this.core.createdAt ?? 0;
  }

  /** UTC epoch milliseconds: when the last of its runs has ended; now, while any waits or runs. */
  get lastActiveAt(): number {
    return this.core.lastActiveAt ?? 0;
  }

  /** UTC epoch milliseconds at which nothing of it was left; `undefined` before. */
  get endedAt(): number | undefined {
    return this.core.endedAt;
  }

  /** How long the time was that has ended it, when it did; `undefined` where it was no time. */
  get elapsedMs(): number | undefined {
    return this.core.elapsedMs;
  }

  get idleTimeoutMs(): number {
    return this.core.terms.idleTimeoutMs;
  }

  get maxLifetimeMs(): number {
    return this.core.terms.maxLifetimeMs;
  }

  /**
   * Starts a run of a function, or of a command, as soon as there is a slot for it. Resolves when the run is accepted: it has its
   * slot, or waits for it. From then on it has exactly one outcome.
   *
   * Rejects with a `RefusalError` when it is refused at once (also `run_id_conflict` for an id that is
   * held or waits anywhere), with `signal.reason`, `session_closed` (`details` say why, and for a time that
   * was exceeded how long it was and what the limit is), `invalid_option`, `invalid_id`, and as
   * `acquireRunSlot` does.
   */
  run(command: CommandOrder, options?: RunOptions): Promise<Run<CommandResult>>;
  run<Value>(work: RunFunction<Value>, options?: RunOptions): Promise<Run<Value>>;
  async run(work: RunFunction | CommandOrder, options: RunOptions = {}): Promise<Run> {
    checkRunOptions(work, options);
    const { core } = this;
    const { runId: id = nanoid() } = options;
    const task = core.register.taskOf(work, options);
    if (!core.isActive) throw core.closedFault();
    if (core.runs.has(id)) throw new RefusalError({ code: 'run_id_conflict', id });
    const run = new RunCore(core, id, task, options);
    core.runs.set(id, run);
    return run.ask();
  }

  /** Its runs that are not over, in the order in which they were asked for; with `ended`, those besides. */
  runs({ ended = false }: { readonly ended?: boolean } = {}): Run[] {
    const living = [...this.core.runs.values()].map(({ handle }) => handle);
    return ended ? [...this.core.register.endedRunsOf(this.core), ...living] : living;
  }

  /** A run of this session, also one that has ended and is not forgotten. */
  getRun(runId: string): Run | undefined {
    const run = this.core.register.getRun(runId);
    return run?.isOf(this.core) ? run : undefined;
  }

  /** Cancels all its runs. Resolves with their outcomes by run id. See `Run.cancel`. */
  cancelRuns(note?: string): Promise<ReadonlyMap<string, RunOutcome>> {
    return this.each((run) => run.cancel(note));
  }

  /** Interrupts all its runs. See `Run.interrupt`. */
  interruptRuns(note?: string): Promise<ReadonlyMap<string, RunOutcome>> {
    return this.each((run) => run.interrupt(note));
  }

  /**
   * Closes it: its waiting runs leave the queue, the others are stopped, and when the last one's work is gone
   * its slot is free. Resolves with what was done, step by step. Closing it again waits for the same end.
   * With `dryRun` nothing is done, and it resolves with what would be. Rejects with `invalid_option`.
   */
  close(options: CloseOptions & { readonly dryRun: true }): Promise<ClosePlan>;
  close(options?: CloseOptions & { readonly dryRun?: false }): Promise<CloseReport>;
  async close(options: CloseOptions = {}): Promise<ClosePlan | CloseReport> {
    const { dryRun, timeoutMs } = checkedCloseOptions(options);
    const { core } = this;
    if (dryRun) return planOf(core, core.closeReason ?? 'released');
    const closed = core.close('released');
    if (timeoutMs === Infinity) return closed;
    await core.register.within(closed, timeoutMs);
    return core.report ?? closed;
  }

  /** Resolves when nothing of it is left. Never rejects. */
  get closed(): Promise<CloseReport> {
    return this.core.closed.promise;
  }

  /** For `await using`: closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  toJSON(): object {
    const { sessionId, owner = null, labels, state, closeReason = null, token, isDurable } = this;
    const { createdAt, lastActiveAt, endedAt = null } = this;
    const idleTimeoutMs = finite(this.idleTimeoutMs);
    const maxLifetimeMs = finite(this.maxLifetimeMs);
    const times = { createdAt, lastActiveAt, endedAt, idleTimeoutMs, maxLifetimeMs };
    return { sessionId, owner, labels, state, closeReason, token, isDurable, ...times };
  }

  private async each(
    order: (run: Run) => Promise<RunOutcome>,
  ): Promise<ReadonlyMap<string, RunOutcome>> {
    const accepted = [...this.core.runs.values()].filter((run) => run.isAccepted);
    const outcomes = accepted.map(async ({ id, handle }) => [id, await order(handle)] as const);
    return new Map(await Promise.all(outcomes));
  }
}

function checkedCloseOptions(options: CloseOptions): Required<CloseOptions> {
  expectOption('options', options, isObject, 'an object');
  expectKnown(options, ['dryRun', 'timeoutMs']);
  const { dryRun = false, timeoutMs = Infinity } = options;
  expectOption('dryRun', dryRun, isOptionalBoolean, 'true or false');
  expectOption('timeoutMs', timeoutMs, isDuration, 'milliseconds, 0 or more');
  return { dryRun, timeoutMs };
}

/** JSON knows no `Infinity`. */
function finite(ms: number): number | null {
  return ms === Infinity ? null : ms;
}
