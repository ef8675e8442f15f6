/**
 * What the contract says of sessions and their runs, as a ledger: which there are, what may have ended
 * them by now, and what must have. It knows nothing of the code under test. Who is granted a slot when is
 * left to the limiter, which has a model of its own; here a run begins when its function is called.
 *
 * A cause is what ends a run or a session. Each step names causes. One that *must* have come has: without
 * an end by the next look something hangs. One that *may* have come is due, but no timer could come yet.
 */

/** How a run ends: its state, and its reason if it was ended. */
export type RunEnd = string;
export type CloseCause = 'released' | 'idle_timeout' | 'max_lifetime' | 'crashed' | 'shutdown';

/** What the runs of a session make of its end. */
const END_OF_RUNS: Readonly<Record<CloseCause, RunEnd>> = {
  released: 'cancelled session_released',
  idle_timeout: 'cancelled idle_timeout',
  max_lifetime: 'cancelled max_lifetime',
  crashed: 'interrupted session_crashed',
  shutdown: 'interrupted shutdown',
};

/** A sweeper ends what nobody asks for within so many milliseconds of its limit. */
const SWEEP_MS = 1_000;
/** Who was late himself, or whose clock jumped, has so many milliseconds more to renew. */
const GRACE_MS = 1_000;

/** What may have ended something, and whether it must have. */
class Causes<Cause extends string> {
  private readonly all = new Map<Cause, boolean>();

  add(cause: Cause, isCertain: boolean): void {
    this.all.set(cause, isCertain || this.all.get(cause) === true);
  }

  has(cause: Cause): boolean {
    return this.all.has(cause);
  }

  get certain(): Cause[] {
    return [...this.all].filter(([, isCertain]) => isCertain).map(([cause]) => cause);
  }

  get names(): Cause[] {
    return [...this.all.keys()];
  }

  clear(): void {
    this.all.clear();
  }
}

export interface RunTerms {
  readonly waitMs: number;
  readonly deadlineMs: number;
  readonly leaseMs: number;
  readonly isTool: boolean;
  readonly owner: string | undefined;
  readonly holder: number | undefined;
}

export class RunModel {
  readonly id: string;
  readonly session: SessionModel;
  readonly terms: RunTerms;
  readonly askedAt: number;
  readonly causes = new Causes<RunEnd>();
  answer: 'none' | 'accepted' | 'refused' = 'none';
  /** When its function was called. */
  beganAt: number | undefined = undefined;
  begins = 0;
  /** Its function has been called and has not settled. */
  isLiving = false;
  /** Its slot was taken from it. */
  isEvicted = false;
  isPaused = false;
  leaseSince = 0;
  /** When a timer has come after the end of its lease. */
  private leaseSeenAt = Infinity;
  /** How it was told to have ended, each time that it was told. */
  readonly told: RunEnd[] = [];
  /** The same, once it was looked at. */
  settled: RunEnd | undefined = undefined;

  constructor(id: string, session: SessionModel, terms: RunTerms, askedAt: number) {
    this.id = id;
    this.session = session;
    this.terms = terms;
    this.askedAt = askedAt;
  }

  get isAccepted(): boolean {
    return this.answer === 'accepted';
  }

  get isOpen(): boolean {
    return this.isAccepted && this.settled === undefined;
  }

  get isWaiting(): boolean {
    return this.isOpen && this.begins === 0;
  }

  /** Its function is at work in a slot. */
  get isAtWork(): boolean {
    return this.isLiving && !this.isEvicted;
  }

  /** Its outcome is told and its function goes on. */
  get isStuck(): boolean {
    return this.isAtWork && this.settled !== undefined;
  }

  get isOver(): boolean {
    return this.answer === 'refused' || (this.settled !== undefined && !this.isAtWork);
  }

  /** What has ended it by now: `timersCame`, also of those that were late. */
  expire(now: number, timersCame: boolean): void {
    for (const [end, dueAt] of this.dues) if (dueAt <= now) this.causes.add(end, timersCame);
    if (this.leaseEnd > now || !this.isOpen) return;
    this.causes.add('cancelled expired', timersCame && now >= this.leaseSeenAt + GRACE_MS);
    if (timersCame) this.leaseSeenAt = Math.min(this.leaseSeenAt, now);
  }

  /** When something may end it, if nothing else does. */
  dueTimes(): number[] {
    if (!this.isOpen) return [];
    return [...this.dues.map(([, dueAt]) => dueAt), this.leaseEnd, this.leaseSeenAt + GRACE_MS];
  }

  get leaseEnd(): number {
    return this.begins > 0 ? this.leaseSince + this.terms.leaseMs : Infinity;
  }

  private get dues(): (readonly [RunEnd, number])[] {
    if (!this.isOpen) return [];
    const { waitMs, deadlineMs } = this.terms;
    if (this.beganAt === undefined) return [['timed_out wait_timeout', this.askedAt + waitMs]];
    return [['timed_out deadline', this.beganAt + deadlineMs]];
  }
}

/** A run that was acquired from the limiter directly. */
export class RawModel {
  readonly id: string;
  readonly session: SessionModel;
  /** Of its wait; then of its grant. */
  since: number;
  state: 'waiting' | 'held' | 'over' = 'waiting';

  constructor(id: string, session: SessionModel, since: number) {
    this.id = id;
    this.session = session;
    this.since = since;
  }
}

export interface SessionTerms {
  readonly owner: string | undefined;
  readonly waitMs: number;
  readonly idleMs: number;
  readonly lifetimeMs: number;
  readonly holder: number | undefined;
}

export class SessionModel {
  readonly id: string;
  readonly terms: SessionTerms;
  readonly askedAt: number;
  /** It was asked for while another waited for its slot. */
  readonly isJoin: boolean;
  readonly causes = new Causes<CloseCause>();
  readonly runs: RunModel[] = [];
  readonly raws: RawModel[] = [];
  openedAt: number | undefined = undefined;
  /** It was refused, or closed before it was open. */
  isRefused = false;
  /** The other, where both were given one session. */
  shared: SessionModel | undefined = undefined;
  /** Nobody gave its slot back but itself. */
  hasSlot = true;
  closeReason: CloseCause | undefined = undefined;
  /** Since when none of its runs has waited or run, as nobody but its runs can say. */
  private restSince = 0;
  private wasBusy = false;
  /** Raw runs tell nobody of themselves: they count from when its time has come, and one is held then. */
  private isSeenBusy = false;
  /** Since when nobody could look at it. */
  private blockedSince = Infinity;
  /** When a raw run of it has ended last. */
  private rawSince = -Infinity;

  constructor(id: string, terms: SessionTerms, askedAt: number, isJoin: boolean) {
    this.id = id;
    this.terms = terms;
    this.askedAt = askedAt;
    this.isJoin = isJoin;
  }

  opened(now: number): void {
    this.openedAt = now;
    this.restSince = now;
  }

  get isActive(): boolean {
    return this.openedAt !== undefined && this.closeReason === undefined;
  }

  get isOpening(): boolean {
    return this.openedAt === undefined && !this.isRefused && !this.shared;
  }

  get isBusy(): boolean {
    return this.runs.some((run) => run.isAccepted && !run.isOver);
  }

  /** Nothing of it is at work any more: once it closes, it is closed. */
  get isEmpty(): boolean {
    return !this.runs.some((run) => run.isAtWork);
  }

  /** It waits for its slot, unless it only joins who does; it is active; or it waits for its runs. */
  get isThere(): boolean {
    if (this.isOpening) return !this.isJoin;
    return this.openedAt !== undefined && (this.isActive || !this.isEmpty);
  }

  /** Time passes in which no timer comes. */
  stall(now: number): void {
    this.blockedSince = Math.min(this.blockedSince, now);
  }

  /** Looked at whenever anything may have changed. */
  look(now: number): void {
    if (this.isBusy) this.wasBusy = true;
    else if (this.wasBusy) this.restsFrom(now);
  }

  /** One of its runs has ended, maybe as soon as it had begun. */
  runSettled(): void {
    this.wasBusy = true;
  }

  rawEnded(raw: RawModel, now: number): void {
    if (raw.state !== 'over') {
      if (this.isSeenBusy) this.restsFrom(Math.min(now, this.blockedSince));
      this.isSeenBusy = false;
      this.rawSince = now;
    }
    raw.state = 'over';
  }

  /** What ends it by now: `timersCame`, also of those that were late. */
  expire(now: number, timersCame: boolean): void {
    if (!this.isActive) return;
    if (timersCame) this.blockedSince = Infinity;
    if (this.ageAt <= now)
      this.causes.add('max_lifetime', timersCame && this.ageAt + SWEEP_MS <= now);
    if (this.isBusy || this.idleAt > now) return;
    if (this.hasRaw) this.isSeenBusy ||= timersCame;
    else this.expireIdle(now, timersCame);
  }

  private expireIdle(now: number, timersCame: boolean): void {
    const latest = Math.max(this.idleAt, this.rawSince + this.terms.idleMs) + SWEEP_MS;
    this.causes.add('idle_timeout', timersCame && latest <= now);
  }

  dues(): number[] {
    if (!this.isActive) return [];
    const idleDues = this.isBusy ? [] : [this.idleAt, this.rawSince + this.terms.idleMs];
    return [this.ageAt, ...idleDues].flatMap((due) => [due, due + SWEEP_MS]);
  }

  /** It was closed for this reason; its runs are ended, whatever they do. */
  closed(reason: CloseCause): void {
    this.closeReason = reason;
    for (const run of this.runs) if (run.isOpen) run.causes.add(END_OF_RUNS[reason], true);
  }

  get hasRaw(): boolean {
    return this.raws.some(({ state }) => state !== 'over');
  }

  private restsFrom(now: number): void {
    this.wasBusy = false;
    this.restSince = now;
  }

  private get idleAt(): number {
    return this.restSince + this.terms.idleMs;
  }

  private get ageAt(): number {
    return (this.openedAt ?? Infinity) + this.terms.lifetimeMs;
  }
}

export class SessionsModel {
  readonly sessions: SessionModel[] = [];
  readonly runs: RunModel[] = [];
  readonly raws: RawModel[] = [];

  openSession(id: string, terms: SessionTerms, now: number, isJoin: boolean): SessionModel {
    const session = new SessionModel(id, terms, now, isJoin);
    this.sessions.push(session);
    return session;
  }

  askForRun(id: string, session: SessionModel, terms: RunTerms, now: number): RunModel {
    const run = new RunModel(id, session, terms, now);
    this.runs.push(run);
    session.runs.push(run);
    return run;
  }

  askForRaw(id: string, session: SessionModel, now: number): RawModel {
    const raw = new RawModel(id, session, now);
    this.raws.push(raw);
    session.raws.push(raw);
    return raw;
  }

  /** Each run of them that is open must have ended so by the next look, unless something else has come first. */
  end(runs: readonly RunModel[], end: RunEnd, isCertain = true): void {
    for (const run of runs) if (run.isOpen) run.causes.add(end, isCertain);
  }

  close(session: SessionModel | undefined, reason: CloseCause, isCertain = true): void {
    if (session && session.closeReason === undefined) session.causes.add(reason, isCertain);
  }

  /** Of those that are there, the one of this id. */
  sessionOf(id: string): SessionModel | undefined {
    return this.sessions.find((session) => session.id === id && session.isThere);
  }

  runOf(id: string): RunModel | undefined {
    return this.runs.find((run) => run.id === id && run.isAccepted && !run.isOver);
  }

  /** Whom a session hangs on: the holder of the first of those who were given it. */
  holderOf(session: SessionModel): number | undefined {
    return this.sessions.find((one) => one === session || one.shared === session)?.terms.holder;
  }

  get active(): SessionModel[] {
    return this.sessions.filter((session) => session.isActive);
  }

  /** Those that hold a slot or wait for one. */
  get runsThere(): RunModel[] {
    return this.runs.filter((run) => run.isAccepted && !run.isOver);
  }

  get atWork(): RunModel[] {
    return this.runs.filter((run) => run.isAtWork);
  }

  get waiting(): RunModel[] {
    return this.runs.filter((run) => run.isWaiting);
  }

  expire(now: number, timersCame: boolean): void {
    for (const run of this.runs) run.expire(now, timersCame);
    for (const session of this.sessions) session.expire(now, timersCame);
  }

  /** The next time, after now, at which anything may end. */
  nextDue(now: number): number {
    const ofRuns = this.runs.flatMap((run) => run.dueTimes());
    const ofSessions = this.sessions.flatMap((session) => session.dues());
    const opening = this.sessions.filter(({ isOpening }) => isOpening);
    const ofOpening = opening.map(({ askedAt, terms }) => askedAt + terms.waitMs);
    return Math.min(...[...ofRuns, ...ofSessions, ...ofOpening].filter((dueAt) => dueAt > now));
  }
}
