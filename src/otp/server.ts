/**
 * The engine of a server: one incarnation, from `init` to its end.
 *
 * Phases: `starting` (init runs; messages wait) → `running` → `terminating` (terminate runs; nothing
 * more is served) → `exited`. `kill` goes to `exited` from anywhere.
 *
 * Service: a *turn* takes messages from the mailbox one by one and hands each to XState as an event,
 * whose transition runs the callback. So XState's inspector and subscribers see every message and the
 * state after it, while order, bounds and fairness are our mailbox's. Between turns the server is
 * `idle` or `scheduled`; an async callback leaves it `awaiting`, and the turn goes on when that settled.
 *
 * Every call that was accepted and not answered is in the mailbox, in service, or `owed`, so that the
 * end of a server, which is in one place (`die`), finds all of them.
 */
import type { ActorScope, EventObject, SnapshotStatus } from 'xstate';
import { SlotkeeperError } from '../fault.ts';
import { Address, dropped, mailboxIsFull, noproc } from './address.ts';
import type { FormattedStatus, ServerContext } from './callbacks.ts';
import { messageUnexpected, serverCrashed, serverStarted, serverTerminated } from './channels.ts';
import type { Clock, ClockTimer } from './clock.ts';
import type { Debugging } from './debugging.ts';
import { type Environment, environment } from './environment.ts';
import {
  crashReason,
  describeReason,
  describeValue,
  type ExitReason,
  failureOf,
  isAbnormal,
} from './exit-reason.ts';
import type { Behaviour, Clauses } from './gen-server.ts';
import { LinkedList } from './linked-list.ts';
import { Mailbox } from './mailbox.ts';
import { CallEnvelope, chooseLane, Envelope, type Tag } from './message.ts';
import { type Next, Outcome, StopOutcome } from './outcome.ts';
import { ServerRef } from './server-ref.ts';
import { type ServerSnapshot, takeSnapshot } from './server-snapshot.ts';
import type { ServerTypes } from './server-types.ts';
import { StagedReply } from './staged-reply.ts';
import {
  enterTurn,
  leaveTurn,
  mayBeginNow,
  Runnable,
  runLater,
  runSoon,
  spendShare,
} from './turn-share.ts';

export type Phase = 'starting' | 'running' | 'terminating' | 'exited';
type Activity = 'idle' | 'scheduled' | 'turn' | 'awaiting';

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

/** How a server is set up by whoever starts it, before it starts. */
export interface Berth {
  readonly address: Address;
  /** How long an async `terminate` may take after a crash. */
  readonly terminateTimeoutMs: number;
  /** Whether it was started by us without a parent: its crash is reported by us, and ends there. */
  readonly isRoot: boolean;
}

type Scope = ActorScope<ServerSnapshot, EventObject>;

/** What `terminate` gets after a crash of a server that no supervisor gave another time. */
const DEFAULT_TERMINATE_MS = 5_000;
/** A callback's answer that the engine gave itself. */
const HANDLED = Symbol('handled');

const servers = new WeakMap<object, Server>();
let inCallback: Server | undefined;

/** The server that an XState actor runs, `undefined` if it runs other logic. */
export function serverOf(actor: object): Server | undefined {
  return servers.get(actor);
}

/** The server whose callback is on the stack now. */
export function serverInCallback(): Server | undefined {
  return inCallback;
}

export class Server extends Runnable {
  readonly behaviour: Behaviour;
  readonly scope: Scope;
  phase: Phase = 'starting';
  state: unknown = undefined;
  exitReason: ExitReason = 'normal';
  wasIgnored = false;
  isSuspended = false;
  debugging: Debugging | undefined = undefined;
  /** Told once `init` has ended, in whatever way. */
  onStarted: (() => void) | undefined = undefined;
  /** Told of the end, after everything was cleaned up, in the order in which they asked. */
  readonly endListeners = new Set<EndListener>();
  /** Actors that this server started, oldest first; none outlives it. */
  readonly offspring = new Set<{ kill(): void }>();
  /** Timers of this incarnation: they end with it. */
  readonly timers = new Set<ClockTimer>();
  unexpectedMessages = 0;
  private readonly input: unknown;
  private readonly mailbox: Mailbox;
  private readonly owed = new LinkedList<CallEnvelope>();
  private staged: StagedReply[] = [];
  private berth: Berth | undefined = undefined;
  private context: ServerContext<ServerTypes> | undefined = undefined;
  private activity: Activity = 'awaiting';
  /** The message whose async callback is under way. */
  private awaited: Envelope | undefined = undefined;
  private continuation: Tag | undefined = undefined;
  private idleTimer: ClockTimer | undefined = undefined;
  private hasOpenTurn = false;
  private pendingStop: ExitReason | undefined = undefined;
  private hasDied = false;
  private hasRun = false;
  private ticket = 0;
  private latest: ServerSnapshot;

  constructor(behaviour: Behaviour, scope: Scope, input: unknown) {
    super();
    this.behaviour = behaviour;
    this.scope = scope;
    this.input = input;
    this.mailbox = new Mailbox(behaviour.mailboxLimit);
    this.latest = takeSnapshot(this, 'active');
    servers.set(scope.self, this);
  }

  // ── Before the start ────────────────────────────────────────────────────────────────────────────

  /** Gives the server its place. Only before the actor is started; XState users need not. */
  settleIn(berth: Berth): void {
    this.berth = berth;
  }

  get address(): Address {
    return this.settled.address;
  }

  get label(): string {
    return this.address.label;
  }

  get clock(): Clock {
    return this.address.environment.clock;
  }

  private get settled(): Berth {
    this.berth ??= {
      address: this.ownAddress(),
      terminateTimeoutMs: DEFAULT_TERMINATE_MS,
      isRoot: false,
    };
    return this.berth;
  }

  /** The address of a server that XState started: in its parent's environment, if that has one. */
  private ownAddress(): Address {
    const parent = (this.scope.self as { _parent?: object })._parent;
    const inherited: Environment | undefined = parent && serverOf(parent)?.address.environment;
    return new Address({
      label: this.scope.id,
      behaviour: this.behaviour,
      environment: inherited ?? environment(),
    });
  }

  private get surroundings(): ServerContext<ServerTypes> {
    this.context ??= contextAt(this.address);
    return this.context;
  }

  // ── What others do to it ────────────────────────────────────────────────────────────────────────

  get hasEnded(): boolean {
    return this.hasDied;
  }

  /** Whether `init` has not led to a running server. */
  get hasFailedToStart(): boolean {
    return this.phase === 'exited' && !this.hasRun;
  }

  /** XState has started the actor: `init` is the first event it will process. */
  begin(): void {
    this.handOver(new Envelope('init', this.input, 'control'));
  }

  /** Sends a message to this incarnation. Returns the fault that keeps it from being sent, if any. */
  send(envelope: Envelope<Tag>): SlotkeeperError | undefined {
    if (this.phase === 'exited') return noproc(this.label);
    chooseLane(envelope, this.behaviour.uncancellable);
    if (!this.mailbox.hasRoomFor(envelope)) {
      return mailboxIsFull(this.label, envelope, this.mailbox.limit);
    }
    this.accept(envelope);
    return undefined;
  }

  /** Takes a message in, whatever the bound says. */
  accept(envelope: Envelope): void {
    if (envelope instanceof CallEnvelope) envelope.server = this;
    if (this.mayServeNow) this.serveNow(envelope);
    else this.enqueue(envelope);
  }

  private enqueue(envelope: Envelope): void {
    this.mailbox.push(envelope);
    if (this.activity === 'idle' && this.mailbox.holdsWork(this.isSuspended)) this.schedule();
  }

  /** An idle server has no mail, unless it is suspended: what comes now is next. */
  private get mayServeNow(): boolean {
    return (
      this.activity === 'idle' && this.behaviour.beginsAtOnce && !this.isSuspended && mayBeginNow()
    );
  }

  /** Orders it to end between two messages. */
  order(order: ExitOrder): void {
    this.accept(new Envelope('exit', order, 'control'));
  }

  /** Ends it now. Nothing of its own runs any more; what an async callback still does reaches nobody. */
  kill(): void {
    if (this.phase === 'exited') return;
    this.finish('killed');
    this.tellXState(new Envelope('killed', undefined, 'control'));
    this.die();
  }

  /** Answers a call that `deferReply` left open, or that is in service. */
  replyTo(call: CallEnvelope, value: unknown, isRejection: boolean): void {
    if (call.isSettled) return;
    this.debugging?.answered(value, call.content.type);
    if (this.stagesReplies) {
      this.stage(call, value, isRejection);
    } else if (isRejection) call.rejectWith(value);
    else call.resolveWith(value);
  }

  /** XState's side: runs one event and gives the snapshot after it. */
  transition(event: EventObject): ServerSnapshot {
    if (event instanceof Envelope) this.serve(event);
    else if (event.type === 'xstate.stop') this.stoppedByXState();
    else this.acceptForeign(event);
    return this.snapshot();
  }

  snapshot(): ServerSnapshot {
    if (this.phase === 'exited') return this.finalSnapshot();
    if (this.latest.context !== this.state) {
      this.latest = takeSnapshot(this, 'active');
    }
    return this.latest;
  }

  // ── Turns ───────────────────────────────────────────────────────────────────────────────────────

  takeTurn(): void {
    if (this.phase === 'exited') return;
    this.activity = 'turn';
    this.serveFrom(this.takeNext());
  }

  /** A turn on the sender's stack. */
  private serveNow(envelope: Envelope): void {
    this.activity = 'turn';
    enterTurn();
    try {
      this.serveFrom(envelope);
    } finally {
      leaveTurn();
    }
  }

  private serveFrom(first: Envelope | undefined): void {
    for (let envelope = first; envelope; envelope = this.takeNext()) {
      this.handOver(envelope);
      if (this.activity !== 'turn') return;
      if (!spendShare()) break;
    }
    this.closeTurn();
  }

  private schedule(): void {
    this.activity = 'scheduled';
    if (mayBeginNow() || this.behaviour.beginsAtOnce === false) runSoon(this);
    else runLater(this);
  }

  private takeNext(): Envelope | undefined {
    if (this.pendingStop !== undefined) return undefined;
    if (this.continuation) return this.takeContinuation(this.continuation);
    return this.mailbox.take(this.isSuspended);
  }

  private takeContinuation(continuation: Tag): Envelope {
    this.continuation = undefined;
    return new Envelope('continue', continuation, 'control');
  }

  /** The hook sees a turn's answers once, after its last message. */
  private closeTurn(): void {
    if (this.hasOpenTurn) {
      this.hasOpenTurn = false;
      this.handOver(new Envelope('turn_end', undefined, 'control'));
      if (this.activity !== 'turn') return;
    }
    if (this.pendingStop === undefined) this.rest();
    else this.handOver(stopOrder(this.pendingStop));
  }

  private rest(): void {
    this.activity = 'idle';
    if (this.continuation || this.mailbox.holdsWork(this.isSuspended)) this.schedule();
  }

  /** Goes on after a callback that did not end on the stack of its turn. */
  private goOn(): void {
    if (this.phase === 'exited') this.die();
    else if (this.activity === 'turn') this.takeTurn();
  }

  /**
   * Lets XState process one envelope. If XState is at work on this actor already (a subscriber of its
   * snapshot sends to it, or it is being started), the envelope waits there and the turn waits for it.
   */
  private handOver(envelope: Envelope): void {
    this.tellXState(envelope);
    if (!envelope.isServed) this.activity = 'awaiting';
    else if (this.phase === 'exited') this.die();
  }

  private tellXState(envelope: Envelope): void {
    this.scope.self.send(envelope);
  }

  // ── Service of one message ──────────────────────────────────────────────────────────────────────

  private serve(envelope: Envelope): void {
    if (this.phase === 'exited') return;
    const isLate = this.activity === 'awaiting';
    envelope.isServed = true;
    this.activity = 'turn';
    this.run(envelope);
    if (isLate) queueMicrotask(() => this.goOn());
  }

  private run(envelope: Envelope): void {
    const outer = inCallback;
    inCallback = this;
    try {
      this.apply(this.callback(envelope), this.awaited ?? envelope);
    } catch (thrown) {
      this.crash(thrown, this.awaited ?? envelope);
    } finally {
      inCallback = outer;
    }
  }

  private callback(envelope: Envelope): unknown {
    if (this.idleTimer) this.cancelIdleTimer();
    if (this.debugging) this.traceIn(envelope);
    const { callbacks } = this.behaviour;
    switch (envelope.type) {
      case 'call':
        return this.call(envelope as CallEnvelope);
      case 'cast':
        return this.clause(this.behaviour.casts, envelope as Envelope<Tag>, 'cast');
      case 'info':
        return this.clause(this.behaviour.infos, envelope as Envelope<Tag>, 'info');
      case 'continue':
        return this.clause(this.behaviour.continues, envelope as Envelope<Tag>, 'continue');
      case 'init':
        return callbacks.init(this.input as undefined, this.surroundings);
      case 'turn_end':
        return callbacks.handleReplies?.(this.staged, this.state, this.surroundings);
      case 'exit':
        return this.exitOrdered(envelope as Envelope<ExitOrder>);
      case 'sys':
        return this.sys(envelope as CallEnvelope);
      case 'settled':
        return envelope.content;
      case 'failed':
        throw envelope.content;
      case 'terminated':
        return this.terminated(envelope.content);
      case 'killed':
        return HANDLED;
    }
  }

  private call(envelope: CallEnvelope): unknown {
    this.noteOpenTurn();
    const clause = this.behaviour.calls.get(envelope.content.type);
    if (clause) return clause(envelope.content, this.state, envelope, this.surroundings);
    this.unexpected('call', envelope.content.type);
    envelope.rejectWith(unexpectedRequest(this.label, envelope.content.type));
    return HANDLED;
  }

  private clause(
    clauses: Clauses,
    envelope: Envelope<Tag>,
    sort: 'cast' | 'info' | 'continue',
  ): unknown {
    this.noteOpenTurn();
    const { content } = envelope;
    const clause = clauses.get(content.type) ?? clauses.get('*');
    if (clause) return clause(content, this.state, this.surroundings);
    if (sort === 'continue') throw missingContinue(this.label, content.type);
    this.unexpected(sort, content.type);
    return HANDLED;
  }

  private noteOpenTurn(): void {
    this.hasOpenTurn = this.behaviour.callbacks.handleReplies !== undefined;
  }

  private exitOrdered(envelope: Envelope<ExitOrder>): unknown {
    const order = envelope.content;
    if (!order.isFromParent) {
      if (this.behaviour.trapsExits)
        return this.clause(this.behaviour.infos, new Envelope('info', order, 'urgent'), 'info');
      if (order.reason === 'normal') return HANDLED;
    }
    this.stopAfterTurn(order.reason, envelope);
    return HANDLED;
  }

  private sys(call: CallEnvelope): unknown {
    try {
      call.resolveWith((call.content as SysRequest).apply(this));
    } catch (error) {
      call.rejectWith(error);
    }
    return HANDLED;
  }

  // ── What a callback answered ────────────────────────────────────────────────────────────────────

  private apply(result: unknown, served: Envelope): void {
    if (this.phase === 'exited') this.abandon(served);
    else if (result instanceof Outcome) this.applyOutcome(result, served);
    else if (result === HANDLED) this.awaited = undefined;
    else if (isThenable(result)) this.awaitCallback(result, served);
    else throw badReturn(this.label, served.type, result);
  }

  /** The server was killed while its callback was on the stack. */
  private abandon(served: Envelope): void {
    if (served instanceof CallEnvelope) served.rejectWith(serverDown(this.label, this.exitReason));
  }

  private applyOutcome(outcome: Outcome, served: Envelope): void {
    if (!isAllowed(outcome, served)) throw badReturn(this.label, served.type, outcome.kind);
    if (this.awaited) this.awaited = undefined;
    this.state = outcome.kind === 'ignore' ? this.state : outcome.state;
    if (served instanceof CallEnvelope) this.answer(served, outcome);
    else if (served.type === 'turn_end') this.sendStaged();
    else if (outcome.kind === 'ready') this.started();
    if (this.debugging) this.traceState(served, outcome);
    if (outcome.next) this.plan(outcome.next);
    if (outcome.kind === 'stop') this.stopAsAsked((outcome as StopOutcome).reason, served);
    else if (outcome.kind === 'ignore') this.ignored();
  }

  private answer(call: CallEnvelope, outcome: Outcome): void {
    if (outcome.kind === 'reply') this.replyTo(call, outcome.value, false);
    else if (outcome.kind === 'reject') this.replyTo(call, outcome.value, true);
    else if (outcome instanceof StopOutcome && outcome.hasReply)
      this.replyTo(call, outcome.value, false);
    else this.owe(call);
  }

  private get stagesReplies(): boolean {
    if (!this.behaviour.callbacks.handleReplies) return false;
    return this.phase === 'running' && this.activity !== 'idle';
  }

  private owe(call: CallEnvelope): void {
    if (!call.isSettled && !call.list) this.owed.push(call);
  }

  private stage(call: CallEnvelope, value: unknown, isRejection: boolean): void {
    this.owe(call);
    this.staged.push(new StagedReply(call, value, isRejection));
  }

  private sendStaged(): void {
    const replies = this.staged;
    this.staged = [];
    for (const staged of replies) staged.send();
  }

  private plan(next: Next): void {
    if ('continuation' in next) this.continuation = next.continuation as Tag;
    else this.armIdleTimer(next.timeoutMs);
  }

  private armIdleTimer(timeoutMs: number): void {
    const timeout = new Envelope('info', { type: 'timeout' }, 'ordinary');
    this.idleTimer = this.clock.setTimeout(() => {
      this.idleTimer = undefined;
      this.accept(timeout);
    }, timeoutMs);
    this.idleTimer.unref();
  }

  private cancelIdleTimer(): void {
    if (this.idleTimer) this.clock.clearTimeout(this.idleTimer);
    this.idleTimer = undefined;
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
    this.activity = 'turn';
    this.handOver(envelope);
    this.goOn();
  }

  // ── Life cycle ──────────────────────────────────────────────────────────────────────────────────

  private started(): void {
    this.phase = 'running';
    this.hasRun = true;
    this.address.up(this.scope.self, this);
    if (serverStarted.hasSubscribers) serverStarted.publish({ server: this.label });
    this.onStarted?.();
  }

  private ignored(): void {
    this.wasIgnored = true;
    this.finish('normal');
  }

  private stopAsAsked(reason: ExitReason, served: Envelope): void {
    if (this.phase === 'starting') this.finish(reason);
    else this.stopAfterTurn(reason, served);
  }

  /** An orderly end lets the hook see, and send, what the turn has answered so far. */
  private stopAfterTurn(reason: ExitReason, served: Envelope): void {
    if (this.hasOpenTurn) this.pendingStop = reason;
    else this.terminate(reason, served);
  }

  private crash(thrown: unknown, served: Envelope): void {
    if (this.phase === 'exited') this.abandon(served);
    else this.crashInLife(crashReason(thrown), served);
  }

  private crashInLife(error: Error, served: Envelope): void {
    this.reportCrash(
      this.phase === 'terminating' ? 'terminate' : callbackName(served),
      served,
      error,
    );
    this.awaited = served;
    if (this.phase === 'running') this.terminate(error, served);
    else this.finish(error);
  }

  /** Runs `terminate`, bounded when it is async; the server ends when that has ended. */
  private terminate(reason: ExitReason, served: Envelope): void {
    this.phase = 'terminating';
    this.exitReason = reason;
    this.address.expectSuccessor();
    this.cancelIdleTimer();
    this.debugging?.trace({ type: 'terminate', reason });
    try {
      const result = this.behaviour.callbacks.terminate?.(reason, this.state, this.surroundings);
      if (isThenable(result)) this.awaitTerminate(result);
      else this.finish(reason);
    } catch (thrown) {
      this.crash(thrown, served);
    }
  }

  private awaitTerminate(promise: PromiseLike<unknown>): void {
    const ticket = ++this.ticket;
    this.activity = 'awaiting';
    const end = (): void =>
      this.resume(ticket, new Envelope('terminated', this.exitReason, 'control'));
    if (isAbnormal(this.exitReason)) this.startTimer(end, this.settled.terminateTimeoutMs);
    promise.then(end, (error) => this.resume(ticket, new Envelope('failed', error, 'control')));
  }

  private terminated(reason: unknown): unknown {
    this.finish(reason as ExitReason);
    return HANDLED;
  }

  private finish(reason: ExitReason): void {
    this.phase = 'exited';
    this.exitReason = reason;
  }

  /** XState stops the actor: its parent, a machine, leaves the state that invoked it, or stops. */
  private stoppedByXState(): void {
    if (this.phase === 'running') this.terminate('shutdown', stopOrder('shutdown'));
    if (this.phase !== 'exited') this.finish('shutdown');
    this.latest = takeSnapshot(this, 'stopped');
    this.die();
  }

  private finalSnapshot(): ServerSnapshot {
    if (this.latest.status !== 'active') return this.latest;
    const error = failureOf(this.exitReason);
    // XState reports the error of a root that nobody observes as an uncaught exception.
    if (error && this.settled.isRoot) this.scope.self.subscribe({ error: () => {} });
    const status: SnapshotStatus = error ? 'error' : 'done';
    this.latest = takeSnapshot(this, status, error);
    return this.latest;
  }

  /** The end. Children first, then the name, then everyone who waits, then everyone who watches. */
  private die(): void {
    if (this.hasDied) return;
    this.hasDied = true;
    this.activity = 'idle';
    this.list?.remove(this);
    this.cancelIdleTimer();
    for (const timer of this.timers) this.clock.clearTimeout(timer);
    for (const child of [...this.offspring].reverse()) child.kill();
    this.address.ended();
    const droppedMessages = this.dropMail();
    this.reportEnd(droppedMessages);
    this.onStarted?.();
    for (const listener of this.endListeners) listener.serverEnded(this, this.exitReason);
    this.endListeners.clear();
  }

  private dropMail(): number {
    const fault = serverDown(this.label, this.exitReason);
    let droppedMessages = 0;
    if (this.awaited instanceof CallEnvelope) this.awaited.rejectWith(fault);
    for (const call of [...this.owed]) call.rejectWith(fault);
    for (const envelope of this.mailbox.drain()) {
      if (envelope instanceof CallEnvelope) envelope.rejectWith(fault);
      else if (envelope.type === 'cast' || envelope.lane === 'ordinary') droppedMessages += 1;
    }
    return droppedMessages;
  }

  // ── Helpers ─────────────────────────────────────────────────────────────────────────────────────

  /** A timer that ends with this incarnation. */
  startTimer(fn: () => void, delayMs: number): ClockTimer {
    const timer = this.clock.setTimeout(() => {
      this.timers.delete(timer);
      fn();
    }, delayMs);
    this.timers.add(timer);
    return timer;
  }

  stopTimer(timer: ClockTimer): void {
    this.timers.delete(timer);
    this.clock.clearTimeout(timer);
  }

  get queuedMessages(): number {
    return this.mailbox.size;
  }

  setSuspended(isSuspended: boolean): void {
    this.isSuspended = isSuspended;
  }

  log(level: 'debug' | 'info' | 'warn' | 'error', fields: object, message: string): void {
    this.surroundings.logger[level]({ server: this.label, ...fields }, message);
  }

  reportTracerFault(error: unknown): void {
    this.log('warn', { error }, `A tracer of ${this.label} has thrown and was removed`);
  }

  /** State, message and reason as `formatStatus` lets them be seen. */
  formattedStatus(status: FormattedStatus<ServerTypes>): Partial<FormattedStatus<ServerTypes>> {
    const { formatStatus } = this.behaviour.callbacks;
    if (!formatStatus) return status;
    try {
      return formatStatus.call(this.behaviour.callbacks, status);
    } catch {
      return { state: 'formatStatus has thrown, so nothing is shown' };
    }
  }

  private acceptForeign(event: EventObject): void {
    if (isXStatesOwn(event) && !this.hasInfoClause(event.type)) return;
    const envelope = new Envelope('info', event, 'ordinary');
    if (!this.mailbox.hasRoomFor(envelope)) {
      this.refuseForeign(envelope);
      return;
    }
    this.mailbox.push(envelope);
    if (this.activity === 'idle') this.schedule();
  }

  private hasInfoClause(type: string): boolean {
    return this.behaviour.infos.has(type) || this.behaviour.infos.has('*');
  }

  /** XState's `send` cannot fail, so its sender cannot be told. */
  private refuseForeign(envelope: Envelope<Tag>): void {
    const fault = mailboxIsFull(this.label, envelope, this.mailbox.limit);
    this.log('error', { code: fault.code }, fault.message);
    dropped(this.label, envelope);
  }

  private unexpected(sort: 'call' | 'cast' | 'info', message: string): void {
    this.unexpectedMessages += 1;
    const fields = { server: this.label, sort, message };
    this.surroundings.logger.warn(fields, `${this.label} has no clause for the ${sort} ${message}`);
    if (messageUnexpected.hasSubscribers) messageUnexpected.publish(fields);
  }

  private reportCrash(callback: string, served: Envelope, error: Error): void {
    const shown = this.formattedStatus({
      state: this.state,
      message: served.content,
      reason: error,
    });
    const report = {
      server: this.label,
      callback,
      error,
      state: shown.state,
      message: shown.message,
    };
    this.surroundings.logger.error(
      report,
      `${this.label} has crashed in ${callback}: ${error.message}`,
    );
    if (serverCrashed.hasSubscribers) serverCrashed.publish(report);
  }

  private reportEnd(droppedMessages: number): void {
    const fields = { server: this.label, reason: this.exitReason, droppedMessages };
    if (droppedMessages > 0) {
      this.surroundings.logger.warn(fields, `${droppedMessages} messages went with ${this.label}`);
    }
    if (serverTerminated.hasSubscribers) serverTerminated.publish(fields);
  }

  private traceIn(envelope: Envelope): void {
    if (envelope.type === 'continue') {
      this.debugging?.trace({ type: 'continue', continuation: envelope.content });
    } else if (envelope.lane !== 'control') this.debugging?.received(envelope);
  }

  private traceState(served: Envelope, outcome: Outcome): void {
    if (served.type === 'turn_end' || outcome.kind === 'reply') return;
    this.debugging?.trace({ type: 'noreply', state: this.state });
  }
}

/** News of children that XState sends to their parent, whoever asked for it. */
function isXStatesOwn(event: EventObject): boolean {
  return event.type.startsWith('xstate.');
}

function contextAt(address: Address): ServerContext<ServerTypes> {
  const { clock, logger, registry } = address.environment;
  return { self: new ServerRef(registry, address), clock, logger };
}

function stopOrder(reason: ExitReason): Envelope<ExitOrder> {
  return new Envelope('exit', { type: 'exit', from: '', reason, isFromParent: true }, 'control');
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}

/** Which outcome may follow which message; the types say the same to those who are checked by them. */
function isAllowed(outcome: Outcome, served: Envelope): boolean {
  switch (outcome.kind) {
    case 'reply':
    case 'reject':
    case 'deferred':
      return served.type === 'call';
    case 'no_reply':
      return served.type !== 'init' && served.type !== 'call';
    case 'ready':
    case 'ignore':
      return served.type === 'init';
    case 'stop':
      return true;
  }
}

const CALLBACK_NAMES: Partial<Record<string, string>> = {
  init: 'init',
  call: 'handleCall',
  cast: 'handleCast',
  info: 'handleInfo',
  exit: 'handleInfo',
  continue: 'handleContinue',
  turn_end: 'handleReplies',
};

function callbackName(served: Envelope | undefined): string {
  return CALLBACK_NAMES[served?.type ?? ''] ?? 'a callback';
}

function serverDown(server: string, reason: ExitReason): SlotkeeperError<'server_down'> {
  const cause = reason instanceof Error ? reason : undefined;
  return new SlotkeeperError(
    'server_down',
    `${server} has ended before it answered: ${describeReason(reason)}`,
    { server, reason: describeReason(reason) },
    cause,
  );
}

function unexpectedRequest(server: string, request: string): SlotkeeperError<'unexpected_request'> {
  return new SlotkeeperError(
    'unexpected_request',
    `${server} has no clause in handleCall for ${describeValue(request)}`,
    { server, request },
  );
}

function missingContinue(server: string, type: string): SlotkeeperError<'bad_return_value'> {
  return new SlotkeeperError(
    'bad_return_value',
    `${server} was continued with ${describeValue(type)}, for which handleContinue has no clause`,
    { server, continuation: type },
  );
}

function badReturn(
  server: string,
  type: string | undefined,
  got: unknown,
): SlotkeeperError<'bad_return_value'> {
  const callback = CALLBACK_NAMES[type ?? ''] ?? 'A callback';
  return new SlotkeeperError(
    'bad_return_value',
    `${callback} of ${server} must return what a builder made (ready, reply, noReply, stop …), got ${describeValue(got)}`,
    { server, callback },
  );
}
