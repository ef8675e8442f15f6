/**
 * The core of a run: what is done when something happens to it, and all that outlives its actor.
 *
 * The actor (`run-machine.ts`) decides what may happen when. If it crashes, the core brings the run to its
 * end without it: the work is stopped, and the slot is given back when the work is gone.
 *
 * It is long, for here meets all that can happen to one run: by who asks, the limiter, the work, the actor.
 */
import type {
  Executor,
  OutputOptions,
  OutputRecord,
  Work,
  WorkEnd,
  WorkPlace,
} from '../executors/executor.ts';
import type { AcquireRunOptions, EndReason, RunSlot } from '../limiter/index.ts';
import type { SlotWork, WaitEndCode } from '../limiter/slot-work.ts';
import { type AbortTarget, offAbort, onAbort } from '../otp/abort-listeners.ts';
import { deadlinesOf } from '../otp/deadlines.ts';
import { onEnd } from '../otp/monitor.ts';
import { type ControlOperation, History } from './history.ts';
import type { KnownRun } from './known-run.ts';
import { Once } from './once.ts';
import {
  type RunOutcome,
  type RunState,
  type Stop,
  type StopReason,
  type StopState,
  stoppedOutcome,
} from './outcome.ts';
import { Run } from './run.ts';
import { RunDeadline } from './run-deadline.ts';
import { RunEnd } from './run-end.ts';
import { cannotPause, notRunning, runCrashed } from './run-faults.ts';
import type { RunActor, RunEvent } from './run-machine.ts';
import { isPausedIn, runStateOf, startRunActor } from './run-machine.ts';
import { textOfEnd, textOfOrder } from './run-notes.ts';
import type { RunOptions } from './run-options.ts';
import { type RunPast, RunTimes } from './run-times.ts';
import type { SessionCore } from './session-core.ts';
import { stopFor, stopOfNote, stopOfRefusal, stopOfWait } from './stops.ts';

/** What a run is to do, and who does it. */
export interface Task {
  readonly executor: Executor;
  readonly order: unknown;
  /** Where a process that has ended had begun it, or had it waiting. */
  readonly past?: RunPast;
}

export class RunCore implements SlotWork, AbortTarget, WorkPlace, KnownRun {
  readonly id: string;
  readonly session: SessionCore;
  readonly options: RunOptions;
  readonly handle: Run;
  readonly history: History;
  readonly times: RunTimes;
  readonly outcome = new Once<RunOutcome>();
  /** Whether it has its slot, or waits for it: from then on it will have an outcome. */
  private readonly accepted = new Once<Run>();
  /** Made when somebody waits for them: its work has begun, or never will; it is over; it waits again. */
  private begun: Once<void> | undefined = undefined;
  private over: Once<void> | undefined = undefined;
  private placed: Once<void> | undefined = undefined;
  /** What it is to do, and who does it. */
  private order: unknown;
  private readonly executor: Executor;
  /** Whether it was begun by a process that has ended. */
  private readonly isAdopted: boolean;
  private actor: RunActor | undefined = undefined;
  private slot: RunSlot | undefined = undefined;
  private work: Work | undefined = undefined;
  private readonly ending: RunEnd;
  private deadline: RunDeadline | undefined = undefined;
  /** Its function is being called, and may well end its own run. */
  private isBeginning = false;
  private isGivingBack = false;
  private isSlotGone = false;
  private isOver = false;
  private isStuck = false;
  /** Its wait is ended: by now its id may be somebody else's. */
  private isWithdrawn = false;
  /** It goes on waiting in the journal, for the next process. */
  private isLeft = false;
  private lastToken = 0;

  constructor(session: SessionCore, id: string, task: Task, options: RunOptions) {
    this.session = session;
    this.id = id;
    this.order = task.order;
    this.executor = task.executor;
    this.ending = new RunEnd(id);
    this.isAdopted = task.past?.begunAt !== undefined;
    this.options = options;
    const { clock } = session.register;
    this.times = new RunTimes(clock, options.deadlineMs ?? Infinity, task.past);
    this.history = new History(clock);
    this.handle = new Run(this);
  }

  // ── What is shown of it ─────────────────────────────────────────────────────────────────────────

  get state(): RunState {
    if (this.isOver) return this.endState;
    if (this.actor) return runStateOf(this.actor);
    return this.ending.crash ? 'stopping' : 'queued';
  }

  get isPaused(): boolean {
    return this.actor !== undefined && isPausedIn(this.actor);
  }

  /** Of its slot; 0 before it has one. */
  get token(): number {
    return this.lastToken;
  }

  get deadlineAt(): number | undefined {
    return this.times.deadlineAt;
  }

  /** Whether it has its slot, or waits for it. */
  get isAccepted(): boolean {
    return this.accepted.isDone;
  }

  /** Resolves when it is over, and its slot free. */
  get whenOver(): Promise<void> {
    if (this.isOver) return Promise.resolve();
    this.over ??= new Once();
    return this.over.promise;
  }

  get sessionId(): string {
    return this.session.id;
  }

  get runId(): string {
    return this.id;
  }

  get owner(): string | undefined {
    return this.options.owner ?? this.session.owner;
  }

  isOf(session: SessionCore): boolean {
    return session === this.session;
  }

  // ── What it is asked ────────────────────────────────────────────────────────────────────────────

  /** Asks for its slot. Resolves when it is accepted; rejects when it is refused. */
  ask(): Promise<Run> {
    const { limiter } = this.session.register;
    limiter.acquireRunSlot(this.session.id, this.id, this.request()).then(
      (slot) => this.granted(slot),
      (fault: unknown) => this.refused(fault),
    );
    return this.accepted.promise;
  }

  /** One that was accepted by a process that has ended. Resolves when it waits again, or does not any more. */
  askAgain(): Promise<void> {
    this.placed = new Once();
    this.takeIn();
    this.ask();
    // After it: so whoever is withdrawn has waited, and his end is written as that of his wait.
    if (!this.session.isActive) this.stop(this.session.stopOfRuns ?? stopFor('stopped'));
    return this.placed.promise;
  }

  /** Brings it to its end. The first reason stays; a run whose work has ended already is not stopped. */
  stop(stop: Stop): void {
    if (this.isDecided) return;
    const isInJournal = this.canBeLeft && !this.isLeft;
    this.ending.stopped(stop);
    if (isInJournal) this.leaveQueue();
    else this.send({ type: 'stop' });
  }

  /** Nobody is told that it has ended before the journal is: the next process would begin it. */
  private leaveQueue(): void {
    const stopped = (): void => this.send({ type: 'stop' });
    this.isWithdrawn = true;
    this.session.register.limiter.releaseRunSlot(this.id).then(stopped, stopped);
  }

  /** Whether it can go on waiting when this process ends. */
  get canBeLeft(): boolean {
    return this.isAccepted && this.executor.outlives && this.state === 'queued';
  }

  /** The same, but its wait, or a grant that is on its way, is the next process's. */
  leave(stop: Stop): void {
    this.isLeft = true;
    this.stop(stop);
  }

  /** Somebody has ordered it. What changes nothing is not noted. */
  control(operation: ControlOperation, stop: Stop): void {
    if (this.isDecided) return;
    this.history.add(operation, stop.note);
    this.stop(stop);
  }

  pause(): void {
    this.expectPausable();
    if (this.isPaused) return;
    this.history.add('pause', undefined);
    this.send({ type: 'pause' });
  }

  resume(): void {
    this.expectPausable();
    if (!this.isPaused) return;
    this.history.add('resume', undefined);
    this.send({ type: 'resume' });
  }

  // ── What the limiter says ───────────────────────────────────────────────────────────────────────

  queued(): void {
    this.placed?.resolve();
    if (this.isOver || this.accepted.isDone) return;
    if (this.accept()) this.session.register.tellQueued(this);
  }

  endAsked(reason: EndReason): void {
    this.stop(this.session.stopOfRuns ?? stopFor(reason));
  }

  lost(reason: EndReason): void {
    this.slot = undefined;
    this.isSlotGone = true;
    if (this.isOver || this.isGivingBack) return;
    this.ending.stopped(stopFor(reason));
    if (this.isAccepted) {
      this.work?.stop(this.ending.fault);
      this.send({ type: 'slot_lost' });
    } else this.giveUp(this.ending.fault);
  }

  /** Of one that was left to the next process it tells that process what has become of the wait. */
  noteOfWait(code: WaitEndCode): string | undefined {
    if (!this.hasOutcome) return undefined;
    const { ending, session, isLeft, id, times } = this;
    const stop = (isLeft ? undefined : session.stopOfRuns) ?? stopOfWait(code);
    const isDecided = ending.isDecided && !isLeft;
    return textOfEnd(isDecided ? ending.outcome : stoppedOutcome(id, stop), times, undefined);
  }

  private granted(slot: RunSlot): void {
    this.placed?.resolve();
    if (this.isLeft) return;
    this.slot = slot;
    this.lastToken = slot.token;
    if (this.isOver || this.ending.crash) this.giveSlotBack();
    else if (this.isAccepted) this.send({ type: 'granted' });
    else this.accept();
  }

  private refused(fault: unknown): void {
    this.placed?.resolve();
    if (this.isOver) return;
    if (this.isAccepted) {
      this.ending.stopped(this.session.stopOfRuns ?? stopOfRefusal(fault, this.options.signal));
      this.send({ type: 'refused' });
    } else this.giveUp(fault);
  }

  // ── What the work says ──────────────────────────────────────────────────────────────────────────

  gone(end: WorkEnd): void {
    if (this.isOver) return;
    this.ending.workEnded(end);
    this.work = undefined;
    this.send({ type: 'work_gone' });
  }

  aborted(): void {
    this.stop({ state: 'cancelled', reason: 'aborted', note: undefined });
  }

  // ── What its actor does ─────────────────────────────────────────────────────────────────────────

  get hasSlot(): boolean {
    return this.slot !== undefined;
  }

  /** How it ends, or has ended: what came first counts. */
  get endState(): StopState | WorkEnd['state'] {
    return this.ending.state;
  }

  /** It was stopped while it waited. A grant that is on its way is given back when it comes. */
  withdraw(): void {
    if (this.isLeft || this.isWithdrawn) return;
    this.isWithdrawn = true;
    this.session.register.limiter.releaseRunSlot(this.id).catch(() => {});
  }

  /** Its work begins when the actor has come to rest: whoever looks then sees a run that starts. */
  startWork(): void {
    this.reach('run_starting');
    queueMicrotask(() => this.beginWork());
  }

  pauseWork(): void {
    this.work?.pause();
  }

  resumeWork(): void {
    this.work?.resume();
  }

  /** Its work is to end, or has. */
  stopWork(): void {
    this.reach('run_stopping');
    this.endWork();
  }

  /** Again is a no-op. */
  giveSlotBack(): void {
    const { slot } = this;
    if (this.isGivingBack) return;
    this.isGivingBack = true;
    this.dropDeadline();
    // If the limiter is gone, so is the slot.
    const released = slot ? slot.release(this.lastWords).catch(() => {}) : Promise.resolve();
    released.then(() => {
      this.slot = undefined;
      this.isSlotGone = true;
      this.send({ type: 'slot_given_back' });
    });
  }

  /** It is over. Again is a no-op. */
  end(): void {
    this.reach('run_ended');
    this.finish();
  }

  private finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    const { signal } = this.options;
    if (signal) offAbort(signal, this);
    this.dropDeadline();
    this.times.end();
    this.outcome.resolve(this.ending.outcome);
    this.settleStuck();
    this.forget();
    this.session.runEnded(this);
    this.session.register.runOver(this);
    this.begun?.resolve();
    this.over?.resolve();
  }

  // ── Beginning ───────────────────────────────────────────────────────────────────────────────────

  /** From now on it has an outcome. False if nobody wants it any more. */
  private accept(): boolean {
    const { session } = this;
    const { signal } = this.options;
    // What lives is taken up, if only to be ended.
    if (!this.isAdopted && (this.ending.isStopped || signal?.aborted || !session.isActive)) {
      this.withdraw();
      if (this.slot) this.giveSlotBack();
      this.giveUp(this.faultMeanwhile());
      return false;
    }
    if (signal) onAbort(signal, this);
    this.takeIn();
    return true;
  }

  private takeIn(): void {
    this.session.register.runAccepted(this);
    this.accepted.resolve(this.handle);
    this.startActor();
  }

  /** Its session, its signal, or whoever started it, has ended it before it was accepted. */
  private faultMeanwhile(): unknown {
    const { session, ending } = this;
    if (!session.isActive) return session.closedFault();
    return ending.isStopped ? ending.fault : this.options.signal?.reason;
  }

  private startActor(): void {
    const parent = this.session.actor;
    if (!parent) {
      this.actorEnded(undefined);
      return;
    }
    const actor = startRunActor(this, parent);
    this.actor = actor;
    onEnd(actor, (reason) => this.actorEnded(reason));
  }

  private beginWork(): void {
    if (this.isAdopted ? !this.isToBeAdopted : this.isDecided) return;
    const { register } = this.session;
    const dueAt = this.times.begin();
    if (dueAt !== Infinity) {
      this.deadline = new RunDeadline(this, dueAt);
      deadlinesOf(register.clock).add(this.deadline);
    }
    const isStopped = this.startOrder();
    this.begun?.resolve();
    register.tellStarted(this);
    if (!isStopped) this.send({ type: 'work_started' });
    else if (this.actor) {
      this.send({ type: 'stop' });
      this.endWork();
    } else this.stopAlone();
  }

  /** Whether it was stopped while it was begun. */
  private startOrder(): boolean {
    this.isBeginning = true;
    const { executor, order } = this;
    this.work = this.isAdopted ? executor.adopt(order, this) : executor.start(order, this);
    const { stopFound } = this.work;
    if (stopFound) this.stop(stopOfNote(stopFound));
    this.isBeginning = false;
    return this.isDecided;
  }

  /** It was never accepted, so it has no outcome. */
  private giveUp(fault: unknown): void {
    this.isOver = true;
    this.forget();
    this.session.runEnded(this);
    this.over?.resolve();
    this.accepted.reject(fault);
  }

  private request(): AcquireRunOptions {
    const { runId: _id, deadlineMs: _deadline, pausable: _pausable, ...terms } = this.options;
    const { owner, orderText: order } = this;
    const said = { ...(owner !== undefined && { owner }), ...(order !== undefined && { order }) };
    return { ...terms, ...said, work: this };
  }

  /** Its work is there, and is nobody's yet. */
  private get isToBeAdopted(): boolean {
    return this.isAdopted && this.times.startedAt === undefined && !this.isOver;
  }

  // ── Ending ──────────────────────────────────────────────────────────────────────────────────────

  /** Whether it is settled how it ends. */
  private get isDecided(): boolean {
    return this.isOver || this.ending.isDecided;
  }

  /** Its actor is there and takes it, or is gone and the core does what is left to do. */
  private send(event: RunEvent): void {
    if (this.actor) this.actor.send(event);
    else if (this.ending.crash) this.goOnAlone(event);
  }

  private actorEnded(reason: unknown): void {
    this.actor = undefined;
    if (this.isOver) return;
    this.ending.crash = runCrashed(this, reason);
    this.session.register.logCrash(this.ending.crash);
    this.goOnAlone({ type: 'stop' });
  }

  /** Without an actor there is one way left: the work is stopped, the slot given back, the run over. */
  private goOnAlone(event: RunEvent): void {
    switch (event.type) {
      case 'slot_given_back':
      case 'slot_lost':
      case 'refused':
        this.finish();
        break;
      case 'stop':
        this.stopAlone();
        break;
      case 'work_gone':
        this.giveSlotBack();
    }
  }

  /** What is being begun is ended as soon as it can be. */
  private endWork(): void {
    const { work } = this;
    if (this.isBeginning || this.isToBeAdopted) return;
    if (work) {
      // Nobody can say when work will be gone that nothing can force, or nobody watches over any more.
      if (!this.executor.endsWhenStopped || this.ending.crash) this.tellEarly();
      work.stop(this.ending.fault);
    } else this.giveSlotBack();
  }

  private stopAlone(): void {
    if (this.isBeginning) return;
    if (this.isSlotGone) this.finish();
    else if (this.isToBeAdopted) this.beginWork();
    else if (this.work) {
      this.tellEarly();
      this.work.stop(this.ending.fault);
    } else if (this.slot || this.isGivingBack) {
      this.giveSlotBack();
    } else {
      this.withdraw();
      this.finish();
    }
  }

  /** Nobody knows when the work will be gone. */
  private tellEarly(): void {
    if (this.outcome.isDone) return;
    this.outcome.resolve(this.ending.outcome);
    this.isStuck = true;
    this.session.register.stuckRuns += 1;
    this.session.register.tellStuck(this);
  }

  private settleStuck(): void {
    if (!this.isStuck) return;
    this.isStuck = false;
    this.session.register.stuckRuns -= 1;
  }

  private dropDeadline(): void {
    if (this.deadline?.list) deadlinesOf(this.session.register.clock).remove(this.deadline);
    this.deadline = undefined;
  }

  private expectPausable(): void {
    if (this.state !== 'running') throw notRunning(this);
    if (this.order === undefined || !this.executor.canPause(this.order)) throw cannotPause(this);
  }

  /** What the journal keeps of it, if its work goes on when this process ends. */
  private get orderText(): string | undefined {
    const { executor, order, times } = this;
    const { deadlineMs = Infinity } = this.options;
    if (!executor.outlives) return undefined;
    return textOfOrder({ order, deadlineMs, queuedAt: times.queuedAt });
  }

  /** What the journal keeps of its end. */
  private get lastWords(): { readonly note?: string } {
    if (!this.executor.outlives || !this.hasOutcome) return {};
    const keptAt = this.session.register.executors.command.keptAt(this.token);
    return { note: textOfEnd(this.ending.outcome, this.times, keptAt) };
  }

  /** One that was never accepted has none. */
  private get hasOutcome(): boolean {
    return this.isOver ? this.outcome.isDone : this.isAccepted;
  }

  /** What is kept of a run that is over is its outcome. */
  private forget(): void {
    this.order = undefined;
    this.slot = this.isGivingBack ? this.slot : undefined;
    this.work = undefined;
    this.actor = undefined;
  }

  private reach(step: 'run_starting' | 'run_stopping' | 'run_ended'): void {
    this.session.register.faultPoints?.reach('before', step);
  }

  get stopReason(): StopReason | undefined {
    return this.ending.reason;
  }

  // ── Its output ──────────────────────────────────────────────────────────────────────────────────

  get whenBegun(): Promise<void> {
    if (this.times.startedAt !== undefined || this.isOver) return Promise.resolve();
    this.begun ??= new Once();
    return this.begun.promise;
  }

  get isEnded(): boolean {
    return this.isOver;
  }

  printed(options: OutputOptions): AsyncIterableIterator<OutputRecord> {
    return this.executor.output(this.lastToken, options);
  }
}
