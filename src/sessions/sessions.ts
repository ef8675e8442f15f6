/**
 * The register of sessions: which there are, and what they all share.
 *
 * Each session is an actor under the dynamic supervisor of sessions, and each of its runs is an actor
 * under it. What survives those actors are their cores, which stand here until they are over. What has
 * ended is found for a time.
 */
import { nanoid } from 'nanoid';
import type {
  CommandOrder,
  Executor,
  FunctionOrder,
  KeepingExecutor,
  RunFunction,
} from '../executors/executor.ts';
import { SlotkeeperError } from '../fault.ts';
import type { FaultPoints } from '../limiter/fault-points.ts';
import { type ConcurrencyLimiter, RefusalError, type SessionSlot } from '../limiter/index.ts';
import { type Deadline, Deadlines } from '../otp/deadlines.ts';
import {
  type AnySupervisorRef,
  type Clock,
  type ClockTimer,
  type Logger,
  startChild,
} from '../otp/index.ts';
import type { AnyActorRef } from '../otp/ref.ts';
import {
  runEnded,
  runQueued,
  runStarted,
  runStuck,
  sessionClosed,
  sessionOpened,
} from './channels.ts';
import { Ended, type Retention } from './ended.ts';
import type {
  ClosedSession,
  Found,
  FoundEnd,
  FoundRun,
  FoundSession,
  FoundWaiter,
} from './found.ts';
import { Joins, withoutWait } from './joins.ts';
import { PastRun } from './past-run.ts';
import { Run } from './run.ts';
import { RunCore, type Task } from './run-core.ts';
import { orderOfText } from './run-notes.ts';
import type { RunOptions } from './run-options.ts';
import type { RunPast } from './run-times.ts';
import type { Session } from './session.ts';
import { SessionCore } from './session-core.ts';
import { sessionMachine } from './session-machine.ts';
import { closingOfText, termsOfText } from './session-notes.ts';
import { checkSessionOptions, type SessionOptions } from './session-options.ts';

/** What runs what. */
export interface Executors {
  readonly fn: Executor<FunctionOrder>;
  readonly command: KeepingExecutor<CommandOrder>;
}

export interface SessionsOptions {
  readonly limiter: ConcurrencyLimiter;
  readonly supervisor: AnySupervisorRef;
  readonly executors: Executors;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly retention: Retention;
  readonly faultPoints: FaultPoints | undefined;
  /** Whether a journal keeps what outlives the process. */
  readonly isKept: boolean;
  /** Tells the limiter that work that waits stays in the journal; nobody who waits is granted any more. */
  readonly keepWaiting: () => void;
}

/** A run whose slot was held still when the keeper was stopped. */
export interface AbandonedRun {
  readonly sessionId: string;
  readonly runId: string;
  /** UTC epoch milliseconds. */
  readonly startedAt: number | undefined;
}

/** Of idle and old sessions, and of what is to be forgotten; they keep no process alive. */
class LifeDeadlines extends Deadlines {
  private isClosed = false;

  constructor(clock: Clock) {
    super(clock, { keepsProcessAlive: false });
  }

  /** What ends after the keeper has ended is not waited for. */
  override add(deadline: Deadline): void {
    if (!this.isClosed) super.add(deadline);
  }

  close(): void {
    this.isClosed = true;
    this.disarm();
  }
}

export class Sessions {
  readonly isKept: boolean;
  readonly limiter: ConcurrencyLimiter;
  readonly executors: Executors;
  readonly clock: Clock;
  readonly faultPoints: FaultPoints | undefined;
  readonly deadlines: LifeDeadlines;
  /** Runs whose outcome is told and whose work goes on. */
  stuckRuns = 0;
  private readonly supervisor: AnySupervisorRef;
  private readonly logger: Logger;
  private readonly live = new Map<string, SessionCore>();
  private readonly liveRuns = new Map<string, RunCore>();
  private readonly joins: Joins;
  private readonly endedSessions: Ended<Session>;
  private readonly endedRuns: Ended<Run>;
  /** Nobody new is taken in any more. */
  isStopping = false;
  /** Work that waits is left to the next process. */
  keepsWaiting = false;
  private readonly keepWaiting: () => void;

  constructor(options: SessionsOptions) {
    const { clock, retention } = options;
    this.limiter = options.limiter;
    this.supervisor = options.supervisor;
    this.executors = options.executors;
    this.clock = clock;
    this.logger = options.logger;
    this.faultPoints = options.faultPoints;
    this.isKept = options.isKept;
    this.keepWaiting = options.keepWaiting;
    this.deadlines = new LifeDeadlines(clock);
    this.joins = new Joins(options.limiter);
    this.endedSessions = new Ended(retention, clock, this.deadlines);
    this.endedRuns = new Ended(retention, clock, this.deadlines, (run) => this.forget(run));
  }

  // ── What is asked of it ─────────────────────────────────────────────────────────────────────────

  /** See `Slotkeeper.openSession`. */
  async open(options: SessionOptions): Promise<Session> {
    checkSessionOptions(options);
    const { sessionId: id = nanoid(), owner } = options;
    if (this.isStopping) throw stopped();
    const known = this.live.get(id);
    if (!known) return this.add(new SessionCore(this, id, options, undefined));
    if (known.owner !== owner) throw new RefusalError({ code: 'session_id_conflict', id });
    if (known.isClosing) throw closing(id);
    return known.hasSlot ? known.whenOpen : this.join(id, options);
  }

  /**
   * Takes up what a journal has found: sessions that live on are there again, with their times, and those
   * that were closed are found still, as are runs that have ended. What was never a session of ours is left to
   * the limiter.
   */
  async restore({ sessions, runs, waiting, closed, endedRuns }: Found): Promise<void> {
    for (const past of closed) this.restoreClosed(past);
    for (const past of endedRuns) this.restoreEnded(past);
    const atWork = new Set([...runs, ...waiting].map(({ sessionId }) => sessionId));
    await Promise.all(sessions.map((past) => this.restoreOpen(past, atWork.has(past.sessionId))));
    await Promise.all(runs.map((past) => this.restoreRun(past)));
    // As they stand in the queue: who is first is granted first, if there is room now.
    const inOrder = [...waiting].sort((one, other) => other.priority - one.priority);
    await Promise.all(inOrder.map((past) => this.restoreWaiter(past)));
  }

  /** Its work is taken up where it stands: ended, alive, never begun, or gone. */
  private async restoreRun(past: FoundRun): Promise<void> {
    const { grantedAt } = past;
    await this.coreOf(past, { queuedAt: grantedAt, begunAt: grantedAt })?.ask();
  }

  /** Asks for its slot again, for the rest of its time. Resolves when it waits again or has it. */
  private async restoreWaiter(past: FoundWaiter): Promise<void> {
    const { priority, queuedAt, expiresAt = Infinity } = past;
    // However little is left of its time, it waits.
    const waitTimeoutMs = Math.max(1, expiresAt - this.clock.now());
    const run = this.coreOf(past, { queuedAt, begunAt: undefined }, { priority, waitTimeoutMs });
    await run?.askAgain();
  }

  /** The core of one that was accepted by a process that has ended. */
  private coreOf(
    past: FoundRun | FoundWaiter,
    { queuedAt: since, begunAt }: RunPast,
    wait: Pick<RunOptions, 'priority' | 'waitTimeoutMs'> = {},
  ): RunCore | undefined {
    const { sessionId, runId } = past;
    const session = this.live.get(sessionId);
    const written = orderOfText(past.order);
    if (!session || !written) return undefined;
    const { order, deadlineMs, queuedAt = since } = written;
    const executor = this.executors.command as Executor; // it gets its own back
    const task = { executor, order, past: { queuedAt, begunAt } };
    const run = new RunCore(session, runId, task, { ...saidOf(past), ...wait, runId, deadlineMs });
    session.runs.set(runId, run);
    return run;
  }

  /** The slot of one that is at work may be one that the limiter was asked for before: it has no terms. */
  private async restoreOpen(past: FoundSession, isAtWork: boolean): Promise<void> {
    const { sessionId, owner, labels, grantedAt, lastActiveAt } = past;
    const terms = termsOfText(past.terms) ?? (isAtWork ? {} : undefined);
    if (!terms) return;
    const said = { ...(owner !== undefined && { owner }), ...(labels && { labels }) };
    const options = { ...said, durable: past.life === 'durable', ...terms };
    const times = { createdAt: grantedAt, lastActiveAt };
    await this.add(new SessionCore(this, sessionId, options, times));
  }

  /** Nobody finds it any more, so nobody asks for its output. */
  private forget(run: Run): void {
    if (run.token > 0) this.executors.command.forget(run.token);
  }

  private restoreClosed(past: ClosedSession): void {
    const closing = closingOfText(past.note);
    if (!closing) return;
    const { handle, id } = SessionCore.ofPast(this, past, closing);
    this.endedSessions.add(id, handle, Math.max(0, this.clock.now() - past.endedAt));
  }

  private restoreEnded(past: FoundEnd): void {
    const run = PastRun.of(past, this.executors.command as KeepingExecutor); // it gets its own back
    if (!run) return;
    this.endedRuns.add(run.id, new Run(run), Math.max(0, this.clock.now() - past.endedAt));
  }

  /** Somebody waits for it already: this one waits with him, but for as long as he himself will. */
  private async join(id: string, options: SessionOptions): Promise<Session> {
    const slot = await this.joins.wait(id, options);
    // Who has a session for it already is answered too, with the slot or without.
    let known = this.live.get(id);
    while (known && !known.answered.isDone) {
      await known.answered.promise;
      known = this.live.get(id);
    }
    return known?.hasSlot ? known.whenOpen : this.openOver(slot, options);
  }

  /** Whoever waited for it besides has gone, or has no session of it yet. */
  private async openOver(slot: SessionSlot, options: SessionOptions): Promise<Session> {
    try {
      if (this.isStopping) throw stopped();
      const { sessionId } = slot;
      return await this.add(new SessionCore(this, sessionId, withoutWait(options), undefined));
    } catch (fault) {
      this.joins.leave(slot);
      throw fault;
    }
  }

  /** What is to be done, by whom. Throws `invalid_option`. */
  taskOf(work: RunFunction | CommandOrder, { pausable = false }: RunOptions): Task {
    const { fn, command } = this.executors;
    if (typeof work === 'function')
      return { executor: fn as Executor, order: { fn: work, pausable } };
    return { executor: command as Executor, order: command.complete(work) }; // it gets its own back
  }

  get(id: string): Session | undefined {
    return this.live.get(id)?.handle ?? this.endedSessions.get(id);
  }

  getRun(id: string): Run | undefined {
    return this.liveRuns.get(id)?.handle ?? this.endedRuns.get(id);
  }

  /** Those that are not closed, oldest first. */
  *all(): Generator<Session> {
    for (const { handle } of [...this.live.values()]) yield handle;
  }

  /** Those that are closed and not forgotten, in the order of their ends. */
  closed(): Generator<Session> {
    return this.endedSessions.values();
  }

  endedRunsOf(session: SessionCore): Run[] {
    return [...this.endedRuns.values()].filter((run) => run.isOf(session));
  }

  get openSessions(): number {
    return this.live.size;
  }

  /** Takes in nobody new, and closes all there are. Resolves when they are closed. */
  async closeAll(waiting: 'cancel' | 'keep'): Promise<void> {
    this.isStopping = true;
    this.keepsWaiting = waiting === 'keep' && this.isKept;
    if (this.keepsWaiting) this.keepWaiting();
    this.joins.withdraw();
    await Promise.all([...this.live.values()].map((session) => session.close('shutdown')));
  }

  /** Runs whose work is there still. */
  abandoned(): AbandonedRun[] {
    return [...this.liveRuns.values()].map(({ sessionId, id: runId, times }) => {
      return { sessionId, runId, startedAt: times.startedAt };
    });
  }

  /** Nothing of it is left, not even a timer. */
  end(): void {
    this.isStopping = true;
    for (const session of this.live.values()) session.stopTimes();
    this.endedSessions.close();
    this.endedRuns.close();
    this.deadlines.close();
  }

  // ── What its sessions and runs tell it ──────────────────────────────────────────────────────────

  /** Under the supervisor of sessions. `undefined` if it has ended already. */
  async startActor(session: SessionCore): Promise<AnyActorRef | undefined> {
    const ref = await startChild(this.supervisor, {
      logic: sessionMachine,
      input: session,
      // Its core closes it; another actor would have nothing to go on with.
      restart: 'temporary',
    });
    return ref.actor;
  }

  sessionEnded(session: SessionCore, wasOpen: boolean): void {
    if (this.live.get(session.id) === session) this.live.delete(session.id);
    if (!wasOpen) return;
    this.endedSessions.add(session.id, session.handle);
    if (!sessionClosed.hasSubscribers) return;
    const { id: sessionId, owner, closeReason: reason = 'released', ageMs } = session;
    sessionClosed.publish({ sessionId, owner, reason, lifetimeMs: Math.round(ageMs) });
  }

  tellOpened(session: SessionCore, isRestored: boolean): void {
    if (!sessionOpened.hasSubscribers) return;
    const { id: sessionId, owner, token, isDurable } = session;
    sessionOpened.publish({ sessionId, owner, token, isDurable, isRestored });
  }

  runAccepted(run: RunCore): void {
    this.liveRuns.set(run.id, run);
  }

  tellQueued({ session, id: runId }: RunCore): void {
    if (runQueued.hasSubscribers) runQueued.publish({ sessionId: session.id, runId });
  }

  tellStarted({ sessionId, id: runId, token, times: { waitedMs = 0 } }: RunCore): void {
    if (runStarted.hasSubscribers) runStarted.publish({ sessionId, runId, token, waitedMs });
  }

  tellStuck({ session, id: runId, endState: state }: RunCore): void {
    if (runStuck.hasSubscribers) runStuck.publish({ sessionId: session.id, runId, state });
  }

  runOver(run: RunCore): void {
    const { id: runId, session, endState: state, stopReason: reason, times } = run;
    if (this.liveRuns.get(runId) === run) this.liveRuns.delete(runId);
    this.endedRuns.add(runId, run.handle);
    if (!runEnded.hasSubscribers) return;
    const { workedMs } = times;
    const { kind } = run.options;
    runEnded.publish({ sessionId: session.id, runId, kind, state, reason, workedMs });
  }

  logCrash(crash: Error): void {
    this.logger.error({ error: crash }, crash.message);
  }

  /** Waits for something, but not longer than this. */
  async within(event: Promise<unknown>, timeoutMs: number): Promise<void> {
    let timer: ClockTimer | undefined;
    const timeout = new Promise((resolve) => {
      timer = this.clock.setTimeout(() => resolve(undefined), timeoutMs);
    });
    await Promise.race([event, timeout]);
    if (timer) this.clock.clearTimeout(timer);
  }

  private add(session: SessionCore): Promise<Session> {
    this.live.set(session.id, session);
    return session.open();
  }
}

function saidOf({ owner, kind, labels, leaseMs }: FoundRun | FoundWaiter): RunOptions {
  return {
    ...(owner !== undefined && { owner }),
    ...(kind !== undefined && { kind }),
    ...(labels && { labels }),
    ...(leaseMs !== undefined && { leaseMs }),
  };
}

export function stopped(): SlotkeeperError<'stopped'> {
  return new SlotkeeperError('stopped', 'The keeper has been stopped');
}

function closing(sessionId: string): SlotkeeperError<'session_closing'> {
  const text = `Session ${sessionId} is closing still: open it again when its \`closed\` has resolved`;
  return new SlotkeeperError('session_closing', text, { sessionId });
}
