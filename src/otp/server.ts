/**
 * The engine of a server: one incarnation, from `init` to its end.
 *
 * Phases: `starting` (init runs; messages wait) → `running` → `terminating` (terminate runs; nothing
 * more is served) → `exited`. `kill` goes to `exited` from anywhere.
 *
 * Each message is an XState event whose transition runs the callback, so XState's inspector and
 * subscribers see the messages and the state after each, while order, bounds and fairness are our
 * mailbox's (`mail-service.ts`).
 *
 * Every call that was accepted and not answered is in the mailbox, awaited, or `owed`, so that the end
 * of a server, which is in one place (`die`), finds all of them.
 *
 * The file is long because outcomes and phases are one state machine over the same few fields; what
 * can be told without them stands beside it (`mail-service.ts`, `dispatch.ts`, `place.ts`).
 */
import type { ActorScope, AnyActorRef, EventObject, SnapshotStatus } from 'xstate';
import type { SlotkeeperError } from '../fault.ts';
import { Address, dropped, mailboxIsFull, noproc } from './address.ts';
import type { Behaviour } from './behaviour.ts';
import type { ExitMessage, FormattedStatus } from './callbacks.ts';
import { callAnswered, serverStarted, serverTerminated } from './channels.ts';
import type { ClockTimer } from './clock.ts';
import { formatStatus, reportCrash } from './crash-report.ts';
import type { Debugging } from './debugging.ts';
import { callbackName, HANDLED, isAllowed, runCallback, runHook } from './dispatch.ts';
import { environment } from './environment.ts';
import { crashReason, type ExitReason, failureOf, isAbnormal } from './exit-reason.ts';
import { MailService } from './mail-service.ts';
import { CallEnvelope, chooseLane, Envelope, type Tag } from './message.ts';
import { type Next, Outcome, type StopOutcome } from './outcome.ts';
import { OwedReplies } from './owed-replies.ts';
import { type Berth, DEFAULT_TERMINATE_MS, Place } from './place.ts';
import { badReturn, serverDown } from './server-faults.ts';
import { type ServerSnapshot, serverOf, takeSnapshot } from './server-snapshot.ts';
import type { ServerTypes } from './server-types.ts';
import { enterTurn, hasShareLeft, leaveTurn, mayNest } from './turn-share.ts';

export type Phase = 'starting' | 'running' | 'terminating' | 'exited';

/** An order to end: from whom, and whether it is the supervisor's, which cannot be trapped. */
export interface ExitOrder {
  readonly type: 'exit';
  readonly from: string;
  readonly reason: ExitReason;
  readonly isFromParent: boolean;
}

/** A request of `sys`: a function that the server runs between two messages. */
export interface SysRequest extends Tag {
  readonly apply: (server: Server) => unknown;
}

/** Who is told of a server's end, once. */
export interface EndListener {
  serverEnded(server: Server, reason: ExitReason): void;
}

/** A server, for who visits it. */
export interface Host {
  /** Whether the loop's share allows an answer now; if not, send a message. */
  readonly mayAnswer: boolean;
  /** Takes up a call, as `deferReply` does: it is open until it is settled or the server has ended. */
  owe(call: CallEnvelope): void;
}

type Scope = ActorScope<ServerSnapshot, EventObject>;

let inCallback: Server | undefined;

/** The server whose callback is on the stack now. */
export function serverInCallback(): Server | undefined {
  return inCallback;
}

export class Server extends MailService implements Host {
  readonly behaviour: Behaviour;
  readonly scope: Scope;
  readonly input: unknown;
  phase: Phase = 'starting';
  state: unknown = undefined;
  exitReason: ExitReason = 'normal';
  wasIgnored = false;
  unexpectedMessages = 0;
  debugging: Debugging | undefined = undefined;
  /** Told once `init` has ended, in whatever way. */
  onStarted: (() => void) | undefined = undefined;
  /** Its supervisor's view of it, told of the end last of all. */
  guardian: EndListener | undefined = undefined;
  /** What this server started and must not outlive it. */
  offspring: { kill(): void } | undefined = undefined;
  /** Told of the end, after everything was cleaned up, in the order in which they asked. */
  private endListeners: Set<EndListener> | undefined = undefined;
  private readonly owed = new OwedReplies();
  private readonly hasHook: boolean;
  private isInHook = false;
  private ownPlace: Place | undefined = undefined;
  /** As its place says, once it has begun; here because every message looks. */
  private isInspected = true;
  declare context: Place['context'];
  /** The message whose async callback is under way, or whose callback has crashed. */
  private awaited: Envelope | undefined = undefined;
  /** Tells the callback that is awaited now from those that are not any more. */
  private ticket = 0;
  private idleTimer: ClockTimer | undefined = undefined;
  private timeout: Envelope | undefined = undefined;
  private hasRun = false;
  private hasDied = false;
  private latest: ServerSnapshot;

  constructor(behaviour: Behaviour, scope: Scope, input: unknown) {
    super(behaviour.mailboxLimit, behaviour.beginsAtOnce);
    this.behaviour = behaviour;
    this.scope = scope;
    this.input = input;
    this.hasHook = behaviour.callbacks.handleReplies !== undefined;
    this.latest = takeSnapshot(this, 'active');
  }

  // ── What it is ──────────────────────────────────────────────────────────────────────────────────

  /** Gives the server its place; only before the actor is started. XState users need not. */
  settleIn(berth: Berth): void {
    this.ownPlace = new Place(berth);
    berth.address.incarnation = this;
  }

  get place(): Place {
    if (!this.ownPlace) this.settleIn(ownBerth(this.scope, this.behaviour));
    return this.ownPlace as Place; // settleIn has just set it
  }

  get address(): Address {
    return this.place.address;
  }

  get label(): string {
    return this.place.label;
  }

  get clock(): Place['clock'] {
    return this.place.clock;
  }

  get hasEnded(): boolean {
    return this.hasDied;
  }

  /** Whether `init` has not led to a running server. */
  get hasFailedToStart(): boolean {
    return this.phase === 'exited' && !this.hasRun;
  }

  // ── What others do to it ────────────────────────────────────────────────────────────────────────

  /** XState has started the actor: `init` is the first event it will process. */
  begin(): void {
    this.isInspected = this.place.isInspected;
    this.context = this.place.context;
    this.tellXState(new Envelope('init', this.input, 'control'));
  }

  /** Sends a message to this incarnation. Returns the fault that keeps it from being sent, if any. */
  send(envelope: Envelope<Tag>): SlotkeeperError | undefined {
    if (this.phase === 'exited') return noproc(this.label);
    chooseLane(envelope, this.behaviour.uncancellable);
    if (this.mayServeNow) this.serveNow(envelope);
    else if (this.mailbox.hasRoomFor(envelope)) this.enqueue(envelope);
    else return mailboxIsFull(this.label, envelope, this.mailbox.limit);
    return undefined;
  }

  /**
   * Sends a call and serves what waits up to it, on this stack and whatever the loop's share says. False
   * when it cannot be served now (suspended, busy, not running); it is not sent then.
   */
  sendAndServe(envelope: CallEnvelope): boolean {
    if (this.phase !== 'running' || !this.mayServeOnDemand) return false;
    chooseLane(envelope, this.behaviour.uncancellable);
    this.serveUpTo(envelope);
    return true;
  }

  /**
   * A turn for a message that is a function: `act` is run on this stack with the state and `subject`.
   * `undefined`, and nothing was done, when the server is not idle or somebody looks on, who is to see
   * an envelope; also when `act` gives it. What `act` throws is a crash like any other.
   *
   * It is run also where the loop's share is used up: what nobody has an answer of keeps no chain of
   * microtasks going. `act` must look at `mayAnswer` before it does what somebody does.
   */
  visit<State, Subject, Result>(
    act: (state: State, subject: Subject, host: Host) => Result | undefined,
    subject: Subject,
  ): Result | undefined {
    if (!this.isAtRest || this.isWatched || this.phase !== 'running' || !mayNest()) {
      return undefined;
    }
    const outer = inCallback;
    this.activity = 'turn';
    enterTurn();
    inCallback = this;
    try {
      return act(this.state as State, subject, this); // whoever visits knows the server
    } catch (thrown) {
      this.crashInVisit(thrown);
      return undefined;
    } finally {
      inCallback = outer;
      this.endShortTurn();
      leaveTurn();
    }
  }

  get mayAnswer(): boolean {
    return hasShareLeft();
  }

  owe(call: CallEnvelope): void {
    call.answerer = this;
    this.owed.owe(call);
  }

  private get isWatched(): boolean {
    if (this.isInspected || this.hasHook || this.debugging !== undefined) return true;
    return this.timeout !== undefined || callAnswered.hasSubscribers;
  }

  private crashInVisit(thrown: unknown): void {
    const visit = new Envelope('call', { type: 'visit' }, 'ordinary');
    visit.isServed = true;
    this.crash(thrown, visit);
    if (this.hasNews) this.tellXState(visit);
    if (this.phase === 'exited') this.die();
  }

  /** An exit signal: an order to end between two messages or, trapped, a message like any other. */
  order(order: ExitOrder): void {
    if (order.isFromParent) this.accept(new Envelope('exit', order, 'control'));
    else if (this.behaviour.trapsExits) this.accept(trapped(order));
    else if (order.reason !== 'normal') this.accept(new Envelope('exit', order, 'control'));
  }

  /** Ends it now. Nothing of its own runs any more; what an async callback still does reaches nobody. */
  kill(): void {
    if (this.phase === 'exited') return;
    this.finish('killed');
    // Before XState ends this actor, which cannot hear of its children any more then.
    this.offspring?.kill();
    this.tellXState(new Envelope('killed', undefined, 'control'));
    this.die();
  }

  /** Answers a call that `deferReply` left open, or that is in service. */
  replyTo(call: CallEnvelope, value: unknown, isRejection: boolean): boolean {
    if (!call.isOpen) return false;
    if (this.debugging) this.debugging.answered(value, call.messageType);
    if (this.hasToStage) return this.stage(call, value, isRejection);
    return isRejection ? call.rejectWith(value) : call.resolveWith(value);
  }

  /** Answers wait for the hook; those that the hook itself gives have passed it. */
  private get hasToStage(): boolean {
    return this.hasHook && this.phase === 'running' && !this.isInHook;
  }

  /** Has `listener` told of the end, once. */
  onEnd(listener: EndListener): void {
    this.endListeners ??= new Set();
    this.endListeners.add(listener);
  }

  offEnd(listener: EndListener): void {
    this.endListeners?.delete(listener);
  }

  /** State, message and reason as `formatStatus` lets them be seen. */
  formattedStatus(status: FormattedStatus<ServerTypes>): Partial<FormattedStatus<ServerTypes>> {
    return formatStatus(this.behaviour.callbacks, status);
  }

  // ── XState's side ───────────────────────────────────────────────────────────────────────────────

  /** Runs one event and gives the snapshot after it. */
  transition(event: EventObject): ServerSnapshot {
    if (!(event instanceof Envelope)) return this.transitionForeign(event);
    if (!event.isServed) this.serve(event);
    return this.snapshot();
  }

  /** What is not ours never ends the actor: XState would not hear of its other children any more. */
  private transitionForeign(event: EventObject): ServerSnapshot {
    if (event.type === 'xstate.stop') this.stoppedByXState();
    else if (this.phase !== 'exited') this.acceptForeign(event);
    return this.latest;
  }

  snapshot(): ServerSnapshot {
    if (this.phase === 'exited') return this.finalSnapshot();
    if (this.latest.context !== this.state) this.latest = takeSnapshot(this, 'active');
    return this.latest;
  }

  private finalSnapshot(): ServerSnapshot {
    if (this.latest.status !== 'active') return this.latest;
    const error = failureOf(this.exitReason);
    // XState reports the error of a root that nobody observes as an uncaught exception.
    if (error && this.place.isRoot) this.scope.self.subscribe({ error: () => {} });
    const status: SnapshotStatus = error ? 'error' : 'done';
    this.latest = takeSnapshot(this, status, error);
    return this.latest;
  }

  /** XState stops the actor: its parent, a machine, leaves the state that invoked it, or stops. */
  private stoppedByXState(): void {
    if (this.phase === 'running') this.terminate('shutdown', stopOrder('shutdown'));
    if (!this.hasExited) this.finish(this.phase === 'terminating' ? this.exitReason : 'shutdown');
    this.latest = takeSnapshot(this, 'stopped');
    this.die();
  }

  /** An event that was sent with XState's own `send`: an info, in a turn of its own. */
  private acceptForeign(event: EventObject): void {
    if (isXStatesOwn(event) && !this.hasInfoClause(event.type)) return;
    const envelope = new Envelope('info', event, 'ordinary');
    if (this.mailbox.hasRoomFor(envelope)) this.enqueue(envelope);
    else this.refuseForeign(envelope);
  }

  private hasInfoClause(type: string): boolean {
    return this.behaviour.infos.has(type) || this.behaviour.infos.has('*');
  }

  /** XState's `send` cannot fail, so its sender cannot be told. */
  private refuseForeign(envelope: Envelope<Tag>): void {
    const fault = mailboxIsFull(this.label, envelope, this.mailbox.limit);
    this.place.log('error', { code: fault.code }, fault.message);
    dropped(this.label, envelope, 'mailbox_full');
  }

  /**
   * Lets XState process one envelope. If XState is at work on this actor already (a subscriber of its
   * snapshot sends to it, or it is being started), the envelope waits there and the turn waits for it.
   *
   * XState costs a third of a call. So where nobody can inspect (we started the tree, and were given
   * no inspector), the callback runs first, and XState gets only what it has a new snapshot of.
   */
  protected override handOver(envelope: Envelope): void {
    if (!this.isInspected) this.serve(envelope);
    if (this.isInspected || this.hasNews) this.tellXState(envelope);
    if (!envelope.isServed) this.waitForXState(envelope);
    else if (this.phase === 'exited') this.die();
  }

  private waitForXState(envelope: Envelope): void {
    this.activity = 'awaiting';
    this.awaited ??= envelope;
  }

  /** Whether the snapshot that XState has is out of date. */
  private get hasNews(): boolean {
    if (this.phase === 'exited') return !this.hasDied;
    return this.latest.context !== this.state;
  }

  private tellXState(envelope: Envelope): void {
    this.scope.self.send(envelope);
  }

  protected override get hasExited(): boolean {
    return this.phase === 'exited';
  }

  protected override orderToStop(reason: ExitReason): Envelope {
    return stopOrder(reason);
  }

  // ── Service of one message ──────────────────────────────────────────────────────────────────────

  protected serve(envelope: Envelope): void {
    if (this.phase === 'exited') return;
    const isLate = this.activity === 'awaiting';
    const outer = inCallback;
    envelope.isServed = true;
    this.activity = 'turn';
    inCallback = this;
    try {
      this.apply(this.resultOf(envelope), this.awaited ?? envelope);
    } catch (thrown) {
      this.crash(thrown, this.awaited ?? envelope);
    } finally {
      inCallback = outer;
    }
    if (isLate) this.goOnSoon();
  }

  private goOnSoon(): void {
    queueMicrotask(() => this.goOn());
  }

  private resultOf(envelope: Envelope): unknown {
    switch (envelope.type) {
      case 'call':
      case 'cast':
      case 'info':
        return this.runUsers(envelope);
      case 'settled':
        return envelope.content;
      case 'failed':
        throw envelope.content;
      case 'terminated':
        return this.finish(envelope.content as ExitReason);
      case 'exit':
        return this.obey(envelope as Envelope<ExitOrder>);
      case 'sys':
        return this.answerSys(envelope as CallEnvelope);
      case 'continue':
        return this.runUsers(envelope);
      case 'turn_end':
        return this.runTheHook();
      default:
        return runCallback(this, envelope);
    }
  }

  private runUsers(envelope: Envelope): unknown {
    if (this.timeout) this.cancelTimeout();
    if (this.debugging) this.debugging.received(envelope);
    if (this.hasHook) this.hasOpenTurn = true;
    return runCallback(this, envelope);
  }

  private runTheHook(): unknown {
    this.isInHook = true;
    try {
      return runHook(this, this.owed.show());
    } finally {
      this.isInHook = false;
    }
  }

  private obey(envelope: Envelope<ExitOrder>): unknown {
    this.stopAfterTurn(envelope.content.reason, envelope);
    return HANDLED;
  }

  private answerSys(call: CallEnvelope): unknown {
    try {
      call.resolveWith((call.content as SysRequest).apply(this));
    } catch (error) {
      call.rejectWith(error);
    }
    return HANDLED;
  }

  // ── What a callback answered ────────────────────────────────────────────────────────────────────

  private apply(result: unknown, served: Envelope): void {
    if (this.phase === 'exited') this.abandon(served, result);
    else if (result instanceof Outcome) this.applyOutcome(result, served);
    else if (result === HANDLED) this.awaited = undefined;
    else if (isThenable(result)) this.awaitCallback(result, served);
    else throw badReturn(this.label, callbackName(served.type), result);
  }

  private applyOutcome(outcome: Outcome, served: Envelope): void {
    if (!isAllowed(outcome.kind, served.type)) {
      throw badReturn(this.label, callbackName(served.type), `${outcome.kind}()`);
    }
    if (this.awaited) this.awaited = undefined;
    if (outcome.kind !== 'stop' || outcome.state !== undefined) this.state = outcome.state;
    if (outcome.next) this.plan(outcome.next);
    if (this.debugging) this.debugging.answeredWith(outcome.kind, this.state);
    this.conclude(outcome, served);
  }

  /** One row for each kind of outcome. */
  private conclude(outcome: Outcome, served: Envelope): void {
    switch (outcome.kind) {
      case 'reply':
        this.replyTo(served as CallEnvelope, outcome.value, false);
        break;
      case 'reject':
        this.replyTo(served as CallEnvelope, outcome.value, true);
        break;
      case 'deferred':
        this.owed.owe(served as CallEnvelope);
        break;
      case 'no_reply':
        if (served.type === 'turn_end') this.owed.send();
        break;
      case 'ready':
        this.started();
        break;
      case 'ignore':
        this.wasIgnored = true;
        this.finish('normal');
        break;
      case 'stop':
        this.stopAsAsked(outcome as StopOutcome, served);
    }
  }

  /** The answer waits for the hook, also where it came from outside a turn. */
  private stage(call: CallEnvelope, value: unknown, isRejection: boolean): boolean {
    this.owed.stage(call, value, isRejection);
    this.hasOpenTurn = true;
    if (this.activity === 'idle') this.schedule();
    return true;
  }

  private plan(next: Next): void {
    if ('continuation' in next) this.continuation = next.continuation as Tag;
    else this.armIdleTimer(next.timeoutMs);
  }

  private armIdleTimer(timeoutMs: number): void {
    this.cancelTimeout();
    const timeout = new Envelope('info', { type: 'timeout' }, 'ordinary');
    this.timeout = timeout;
    this.idleTimer = this.place.startTimer(() => this.accept(timeout), timeoutMs);
    this.idleTimer.unref();
  }

  /** A message has come in time: the time-out is off, even if it waits in the mailbox already. */
  private cancelTimeout(): void {
    if (this.idleTimer) this.place.stopTimer(this.idleTimer);
    this.timeout?.list?.remove(this.timeout);
    this.idleTimer = this.timeout = undefined;
  }

  private awaitCallback(promise: PromiseLike<unknown>, served: Envelope): void {
    const ticket = ++this.ticket;
    this.awaited = served;
    this.activity = 'awaiting';
    promise.then(
      (result) => this.resume(ticket, new Envelope('settled', result, 'control')),
      (error) => this.resume(ticket, new Envelope('failed', error, 'control')),
    );
  }

  /** An awaited callback has settled. If the server is gone by then, it has no effect on anyone. */
  private resume(ticket: number, envelope: Envelope): void {
    if (ticket !== this.ticket || this.phase === 'exited') return;
    this.ticket += 1;
    this.activity = 'turn';
    enterTurn();
    try {
      this.handOver(envelope);
      this.goOn();
    } finally {
      leaveTurn();
    }
  }

  /** The server has ended without having answered. A fault costs microseconds: only if it is needed. */
  private abandon(served: Envelope, result?: unknown): void {
    ignoreFailure(result);
    if (!(served instanceof CallEnvelope) || served.isSettled) return;
    served.abandon(() => serverDown(this.label, this.exitReason));
  }

  // ── Life cycle ──────────────────────────────────────────────────────────────────────────────────

  private started(): void {
    this.phase = 'running';
    this.hasRun = true;
    this.address.up(this.scope.self, this);
    if (serverStarted.hasSubscribers) serverStarted.publish({ server: this.label });
    this.onStarted?.();
  }

  private stopAsAsked(outcome: StopOutcome, served: Envelope): void {
    if (served instanceof CallEnvelope) {
      if (outcome.hasReply) this.replyTo(served, outcome.value, false);
      else this.owed.owe(served);
    }
    if (served.type === 'turn_end') this.owed.send();
    if (this.phase === 'starting') this.failToStart(outcome.reason, served);
    else this.stopAfterTurn(outcome.reason, served);
  }

  private failToStart(reason: ExitReason, served: Envelope): void {
    if (reason instanceof Error) reportCrash(this, 'init', served.shown, reason);
    this.finish(reason);
  }

  /** An orderly end lets the hook see, and send, what the turn has answered so far. */
  private stopAfterTurn(reason: ExitReason, served: Envelope): void {
    if (this.hasOpenTurn) this.pendingStop = reason;
    else this.terminate(reason, served);
  }

  private crash(thrown: unknown, served: Envelope): void {
    if (this.phase === 'exited') this.abandon(served);
    else this.crashAlive(crashReason(thrown), served);
  }

  private crashAlive(error: Error, served: Envelope): void {
    const { phase } = this;
    this.awaited = served;
    if (phase === 'running') {
      this.terminate(error, served);
      return;
    }
    reportCrash(this, phase === 'terminating' ? 'terminate' : 'init', served.shown, error);
    this.finish(error);
  }

  /** Runs `terminate`; the server ends when that has ended. */
  private terminate(reason: ExitReason, served: Envelope): void {
    this.phase = 'terminating';
    this.exitReason = reason;
    this.address.expectSuccessor();
    this.cancelTimeout();
    this.debugging?.trace({ type: 'terminate', reason });
    if (reason instanceof Error) {
      reportCrash(this, callbackName(served.type), served.shown, reason);
    }
    try {
      const { callbacks } = this.behaviour;
      const result = callbacks.terminate?.(reason, this.state, this.place.context);
      if (this.hasExited)
        ignoreFailure(result); // it has killed itself
      else if (isThenable(result)) this.awaitTerminate(result);
      else this.finish(reason);
    } catch (thrown) {
      this.crash(thrown, served);
    }
  }

  /** After a crash nobody waits with a time of his own, so the time is bounded here. */
  private awaitTerminate(promise: PromiseLike<unknown>): void {
    const ticket = ++this.ticket;
    const { exitReason } = this;
    this.activity = 'awaiting';
    const end = (): void => this.resume(ticket, new Envelope('terminated', exitReason, 'control'));
    if (isAbnormal(exitReason)) this.place.startTimer(end, this.place.terminateTimeoutMs);
    promise.then(end, (error) => this.resume(ticket, new Envelope('failed', error, 'control')));
  }

  private finish(reason: ExitReason): typeof HANDLED {
    this.phase = 'exited';
    this.exitReason = reason;
    return HANDLED;
  }

  /** The end. Children first, then the name, then everyone who waits, then everyone who watches. */
  protected override die(): void {
    if (this.hasDied) return;
    this.hasDied = true;
    this.activity = 'idle';
    this.list?.remove(this);
    this.place.stopAllTimers();
    this.offspring?.kill();
    this.address.ended();
    this.reportEnd(this.dropMail());
    this.onStarted?.();
    for (const listener of this.endListeners ?? []) this.tell(listener);
    this.endListeners = undefined;
    if (this.guardian) this.tell(this.guardian);
  }

  /** Who fails to hear of an end must not keep others from hearing of it. */
  private tell(listener: EndListener): void {
    try {
      listener.serverEnded(this, this.exitReason);
    } catch (error) {
      this.place.log('error', { error }, `A monitor of ${this.label} has thrown`);
    }
  }

  /** Rejects every call that is open. Returns how many casts and infos are lost. */
  private dropMail(): number {
    let lost = 0;
    if (this.awaited) this.abandon(this.awaited);
    for (const call of this.owed.open()) this.abandon(call);
    for (const envelope of this.mailbox.drain()) {
      if (envelope instanceof CallEnvelope) this.abandon(envelope);
      else if (envelope.type === 'cast' || envelope.lane === 'ordinary') lost += 1;
    }
    return lost;
  }

  private reportEnd(droppedMessages: number): void {
    const fields = { server: this.label, reason: this.exitReason, droppedMessages };
    if (droppedMessages > 0) {
      this.place.log('warn', fields, `${droppedMessages} messages went with ${this.label}`);
    }
    if (serverTerminated.hasSubscribers) serverTerminated.publish(fields);
  }
}

function trapped({ type, from, reason }: ExitOrder): Envelope<ExitMessage> {
  return new Envelope('info', { type, from, reason }, 'urgent');
}

function stopOrder(reason: ExitReason): Envelope<ExitOrder> {
  return new Envelope('exit', { type: 'exit', from: '', reason, isFromParent: true }, 'control');
}

/** News of children that XState sends to their parent, whoever asked for it. */
function isXStatesOwn(event: EventObject): boolean {
  return event.type.startsWith('xstate.');
}

/** What a callback still does after its server's end has no effect on anyone. */
function ignoreFailure(result: unknown): void {
  if (isThenable(result)) result.then(undefined, () => {});
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}

/** The berth of a server that XState started: in its parent's environment, if that has one. */
function ownBerth(scope: Scope, behaviour: Behaviour): Berth {
  const parent = (scope.self as { _parent?: AnyActorRef })._parent;
  const inherited = parent && serverOf(parent)?.address.environment;
  return {
    address: new Address({
      label: scope.id,
      behaviour,
      environment: inherited ?? environment(),
    }),
    terminateTimeoutMs: DEFAULT_TERMINATE_MS,
    isRoot: false,
  };
}
