/**
 * The core of a session: what is done when something happens to it, and all that outlives its actor.
 *
 * The actor (`session-machine.ts`) decides what may happen when. If it crashes, the core closes the session
 * as `crashed` without it, and its runs with it.
 */
import { SlotkeeperError } from '../fault.ts';
import {
  type AcquireSessionOptions,
  type EndReason,
  RefusalError,
  type SessionSlot,
} from '../limiter/index.ts';
import type { SlotWork } from '../limiter/slot-work.ts';
import { isAlive, onEnd } from '../otp/monitor.ts';
import type { AnyActorRef } from '../otp/ref.ts';
import type { ClosedSession } from './found.ts';
import { Once } from './once.ts';
import type { Stop } from './outcome.ts';
import type { RunCore } from './run-core.ts';
import { Session } from './session.ts';
import { type CloseReport, Closing } from './session-closing.ts';
import {
  type SessionActor,
  type SessionEvent,
  type SessionState,
  sessionStateOf,
} from './session-machine.ts';
import { type LastTimes, type PastClosing, textOfClosing, textOfTerms } from './session-notes.ts';
import type { SessionOptions } from './session-options.ts';
import { type Past, type SessionTerms, SessionTimes, type Timed } from './session-times.ts';
import type { Sessions } from './sessions.ts';
import { stopOfRunsOf } from './stops.ts';

/** Why a session was closed. The first reason stays. */
export type CloseReason = 'released' | 'idle_timeout' | 'max_lifetime' | 'crashed' | 'shutdown';

export class SessionCore implements SlotWork, Timed {
  readonly id: string;
  readonly register: Sessions;
  readonly options: SessionOptions;
  readonly handle: Session;
  /** Those that are not over: asked for, waiting, at work. */
  readonly runs = new Map<string, RunCore>();
  actor: SessionActor | undefined = undefined;
  closeReason: CloseReason | undefined = undefined;
  /** UTC epoch milliseconds at which nothing of it was left. */
  endedAt: number | undefined = undefined;
  readonly closed = new Once<CloseReport>();
  /** Resolves when the limiter has granted or refused it, and that is done. */
  readonly answered = new Once<void>();
  /** What it was before this process, if it was. */
  private readonly past: Past | undefined;
  private readonly isOpen = new Once<Session>();
  private slot: SessionSlot | undefined = undefined;
  private times: SessionTimes | undefined = undefined;
  private closing: Closing | undefined = undefined;
  private isAccepted = false;
  private isOver = false;
  private empties: (() => void)[] = [];
  private lastToken = 0;
  /** What its times were when its end began. */
  private lastTimes: (LastTimes & { readonly createdAt: number }) | undefined = undefined;

  /** One that had ended before this process began. */
  static ofPast(
    register: Sessions,
    { sessionId, token, owner, labels, grantedAt, endedAt }: ClosedSession,
    { reason, lastActiveAt, ageMs, idleMs, ...terms }: PastClosing,
  ): SessionCore {
    const said = { ...(owner !== undefined && { owner }), ...(labels && { labels }) };
    const session = new SessionCore(
      register,
      sessionId,
      { ...said, durable: true, ...terms },
      undefined,
    );
    session.lastTimes = { createdAt: grantedAt, lastActiveAt, ageMs, idleMs };
    session.closeReason = reason;
    session.endedAt = endedAt;
    session.lastToken = token;
    session.isOver = true;
    session.closed.resolve({ sessionId, reason, isComplete: true, steps: [] });
    return session;
  }

  constructor(register: Sessions, id: string, options: SessionOptions, past: Past | undefined) {
    this.register = register;
    this.id = id;
    this.options = options;
    this.past = past;
    this.handle = new Session(this);
  }

  // ── What is shown of it ─────────────────────────────────────────────────────────────────────────

  get owner(): string | undefined {
    return this.options.owner;
  }

  get state(): SessionState {
    if (this.isOver) return 'closed';
    if (this.closeReason) return 'closing';
    return this.actor ? sessionStateOf(this.actor) : 'opening';
  }

  get token(): number {
    return this.lastToken;
  }

  get isDurable(): boolean {
    return this.options.durable ?? false;
  }

  /** UTC epoch milliseconds; `undefined` before it is open. */
  get createdAt(): number | undefined {
    return (this.lastTimes ?? this.times)?.createdAt;
  }

  get lastActiveAt(): number | undefined {
    return (this.lastTimes ?? this.times)?.lastActiveAt;
  }

  get ageMs(): number {
    return (this.lastTimes ?? this.times)?.ageMs ?? 0;
  }

  /** Of a time that was exceeded, as its end began: what comes after that takes as long as it takes. */
  get elapsedMs(): number | undefined {
    const { closeReason, lastTimes } = this;
    if (closeReason === 'idle_timeout') return lastTimes?.idleMs;
    return closeReason === 'max_lifetime' ? lastTimes?.ageMs : undefined;
  }

  /** Whether it takes runs. One whose time is over, but whose end has not been seen yet, is closed here. */
  get isActive(): boolean {
    if (this.closeReason || !this.actor || !this.times) return false;
    const { exceeded } = this.times;
    if (exceeded) this.close(exceeded);
    return !exceeded;
  }

  get isBusy(): boolean {
    return this.runs.size > 0;
  }

  get hasRuns(): boolean {
    return this.slot?.hasRuns ?? false;
  }

  // ── What it is asked ────────────────────────────────────────────────────────────────────────────

  /** Asks for its slot. Resolves when it is open; rejects when it is refused. */
  open(): Promise<Session> {
    this.register.limiter
      .acquireSessionSlot(this.id, this.request())
      .then(
        (slot) => this.granted(slot),
        (fault: unknown) => this.refused(fault),
      )
      .finally(() => this.answered.resolve());
    return this.isOpen.promise;
  }

  get whenOpen(): Promise<Session> {
    return this.isOpen.promise;
  }

  stopTimes(): void {
    this.times?.stop();
  }

  /** Closes it; the first reason stays. */
  close(reason: CloseReason): Promise<CloseReport> {
    if (!this.closeReason) {
      this.beginEnd(reason);
      this.send({ type: 'close' });
    }
    return this.closed.promise;
  }

  /** How far the closing is. */
  get report(): CloseReport | undefined {
    return this.closing?.report;
  }

  /** Why its runs are ended, once it is closing. */
  get stopOfRuns(): Stop | undefined {
    return this.closeReason && stopOfRunsOf(this.closeReason);
  }

  closedFault(): SlotkeeperError<'session_closed'> {
    const { id: sessionId, closeReason: reason = 'crashed', elapsedMs } = this;
    const { idleTimeoutMs, maxLifetimeMs } = this.terms;
    const limitMs = reason === 'idle_timeout' ? idleTimeoutMs : maxLifetimeMs;
    const isTime = elapsedMs !== undefined;
    const details = { sessionId, reason, ...(isTime && { elapsedMs, limitMs }) };
    const text = `Session ${sessionId} takes no runs any more: ${CLOSED[reason]}`;
    return new SlotkeeperError('session_closed', text, details);
  }

  // ── What the limiter says ───────────────────────────────────────────────────────────────────────

  queued(): void {
    this.accept();
  }

  endAsked(_reason: EndReason): void {
    this.close('released');
  }

  lost(reason: EndReason): void {
    this.slot = undefined;
    this.close(reason === 'stopped' ? 'shutdown' : 'released');
  }

  private granted(slot: SessionSlot): void {
    this.slot = slot;
    this.lastToken = slot.token;
    if (slot.isDurable !== this.isDurable) this.refused(taken(this.id));
    else if (this.isOver) this.giveSlotBack();
    else {
      this.accept();
      this.send({ type: 'granted' });
    }
  }

  private refused(fault: unknown): void {
    this.isOpen.reject(this.closeReason ? this.closedFault() : fault);
    if (this.isAccepted) this.send({ type: 'refused' });
    else this.finish();
  }

  // ── What its actor does ─────────────────────────────────────────────────────────────────────────

  get hasSlot(): boolean {
    return this.slot !== undefined;
  }

  get isClosing(): boolean {
    return this.closeReason !== undefined;
  }

  /** The actor is there. */
  attach(actor: SessionActor): void {
    this.actor = actor;
  }

  opened(): void {
    this.register.faultPoints?.reach('before', 'session_active');
    const { clock, deadlines } = this.register;
    const { slot, past, terms } = this;
    const createdAt = slot?.grantedAt ?? Math.round(clock.now());
    this.times = new SessionTimes(this, terms, { clock, deadlines, createdAt, past });
    this.register.tellOpened(this, this.past !== undefined);
    this.isOpen.resolve(this.handle);
  }

  /** Carries out the closing, once, whoever asks for it. */
  empty(): void {
    this.register.faultPoints?.reach('before', 'session_closing');
    this.beginClosing();
  }

  end(): void {
    this.register.faultPoints?.reach('before', 'session_closed');
    this.finish();
  }

  private beginClosing(): void {
    if (this.closing || this.isOver) return;
    this.closing = new Closing(this, this.closeReason ?? 'crashed');
    this.closing.carryOut().then(() => this.send({ type: 'emptied' }));
  }

  private finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.isOpen.reject(this.closedFault());
    this.times?.stop();
    const wasOpen = this.times !== undefined;
    this.times = undefined;
    this.actor = undefined;
    this.endedAt = Math.round(this.register.clock.now());
    const reason = this.closeReason ?? 'released';
    this.closed.resolve(
      this.closing?.report ?? { sessionId: this.id, reason, isComplete: true, steps: [] },
    );
    this.register.sessionEnded(this, wasOpen);
  }

  // ── Its runs ────────────────────────────────────────────────────────────────────────────────────

  /** A run is over, or was never accepted. */
  runEnded(run: RunCore): void {
    if (this.runs.get(run.id) === run) this.runs.delete(run.id);
    this.times?.runEnded(run.isAccepted);
    if (this.runs.size > 0) return;
    for (const tell of this.empties.splice(0)) tell();
  }

  /** Resolves when it has no runs. */
  whenEmpty(): Promise<void> {
    if (this.runs.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.empties.push(resolve));
  }

  // ── Its slot ────────────────────────────────────────────────────────────────────────────────────

  /** Whether its slot stays where it is when it is closed for this reason. */
  isLeftBehind(reason: CloseReason): boolean {
    return reason === 'shutdown' && this.isDurable;
  }

  /** If the limiter is gone, so is the slot. */
  async giveSlotBack(): Promise<void> {
    const { slot, closeReason = 'released', lastTimes } = this;
    this.slot = undefined;
    const note = this.isDurable && lastTimes && textOfClosing(closeReason, lastTimes, this.terms);
    await slot?.release({ ...(note && { note }) }).catch(() => {});
  }

  private request(): AcquireSessionOptions {
    const { sessionId: _id, idleTimeoutMs: _idle, maxLifetimeMs: _age, ...options } = this.options;
    // One that ends with the process is there again too, as long as a command of it is at work.
    const terms = this.register.isKept && textOfTerms(this.terms);
    return { ...options, ...(terms && { terms }), work: this };
  }

  get terms(): SessionTerms {
    const { idleTimeoutMs = Infinity, maxLifetimeMs = Infinity } = this.options;
    return { idleTimeoutMs, maxLifetimeMs };
  }

  // ── Its actor ───────────────────────────────────────────────────────────────────────────────────

  /** It holds its slot or waits for it: its actor is started. */
  private accept(): void {
    if (this.isAccepted || this.isOver) return;
    this.isAccepted = true;
    this.register.startActor(this).then(
      (actor) => this.watch(actor),
      () => this.actorEnded(),
    );
  }

  /** It may have ended before anybody could look. */
  private watch(actor: AnyActorRef | undefined): void {
    if (actor && isAlive(actor)) onEnd(actor, () => this.actorEnded());
    else this.actorEnded();
  }

  private send(event: SessionEvent): void {
    if (this.actor) this.actor.send(event);
    else if (event.type === 'emptied') this.finish();
  }

  /** Its end is the end of the session, whatever it was. */
  private actorEnded(): void {
    this.actor = undefined;
    if (this.isOver) return;
    this.beginEnd(this.register.isStopping ? 'shutdown' : 'crashed');
    this.isOpen.reject(this.closedFault());
    if (this.closing?.report.isComplete) this.finish();
    else this.beginClosing();
  }

  /** The first reason stays, and its clocks stand still. */
  private beginEnd(reason: CloseReason): void {
    if (this.closeReason) return;
    this.closeReason = reason;
    const { times } = this;
    if (!times) return;
    const { createdAt, lastActiveAt } = times;
    const [ageMs, idleMs] = [Math.round(times.ageMs), Math.round(times.idleMs)];
    this.lastTimes = { createdAt, lastActiveAt, ageMs, idleMs };
    times.stop();
  }
}

/** The id is held already, by somebody who wanted it to live for another time. */
function taken(id: string): RefusalError {
  return new RefusalError({ code: 'session_id_conflict', id });
}

const CLOSED: Readonly<Record<CloseReason, string>> = {
  released: 'it was closed',
  idle_timeout: 'it was idle too long',
  max_lifetime: 'it has reached its greatest age',
  crashed: 'its actor has crashed',
  shutdown: 'the keeper is stopped',
};
