/**
 * A keeper on a simulated clock and the ledger of its sessions and runs, played in step: each step is done
 * to both and comes to rest; then the laws are looked at.
 */
import {
  exit,
  onEvent,
  type Run,
  type RunSlot,
  type Session,
  type Slotkeeper,
  startSlotkeeper,
  whichChildren,
} from '../../src/index.ts';
import type { AnySupervisorRef } from '../../src/otp/supervisor-client.ts';
import {
  CrashAt,
  type Step as FaultStep,
  InjectedCrash,
  type Moment,
  SimulatedClock,
  settle,
} from '../../src/testing.ts';
import { HOLDERS, type Living } from './holders.ts';
import { SessionsLaws } from './sessions-laws.ts';
import {
  type RawModel,
  type RunModel,
  type SessionModel,
  SessionsModel,
} from './sessions-model.ts';
import {
  type CrashStep,
  type FewLimits,
  LIVING_HOLDERS,
  type OpenStep,
  OWNERS,
  RUN_IDS,
  type RunStep,
  SESSION_IDS,
  type Step,
} from './sessions-steps.ts';
import { Works } from './sessions-works.ts';

/** More crashes than any history has; those that are repeated exceed it at once. */
const RESTART_INTENSITY = { restarts: 60, withinMs: 5_000 };
export const RETENTION_MS = 20_000;

/** With these, the first three holders are a signal, a server and an actor. */
const FIRST_KIND = 7;
const KIND_STEP = 3;

const UNWANTED = new Error('the caller wants it no more');

/** Who was refused something, and what he was told. */
export interface Refused {
  readonly what: SessionModel | RunModel | RawModel;
  readonly fault: unknown;
}

/** A signal, and who is tied to it. */
interface Cancellation {
  readonly controller: AbortController;
  readonly runs: RunModel[];
}

/** Notes where it has crashed. */
class Saboteur extends CrashAt {
  readonly places: string[] = [];

  override reach(moment: Moment, step: FaultStep): void {
    try {
      super.reach(moment, step);
    } catch (crash) {
      if (crash instanceof InjectedCrash) this.places.push(`${moment} ${step}`);
      throw crash;
    }
  }
}

export class SessionsPlay {
  readonly model = new SessionsModel();
  readonly keeper: Slotkeeper;
  readonly clock: SimulatedClock;
  readonly saboteur: Saboteur;
  readonly works: Works;
  readonly laws: SessionsLaws;
  readonly sessions = new Map<SessionModel, Session>();
  readonly runs = new Map<RunModel, Run>();
  readonly raws = new Map<RawModel, RunSlot>();
  /** Since the last look. */
  refused: Refused[] = [];
  /** What was done so far, for whoever reads a counterexample. */
  readonly story: string[] = [];
  isDraining = false;
  /** Whether the keeper stops, or gives up. */
  isEnding = false;
  readonly downHolders = new Set<number>();
  /** Time in which no timer could come. */
  private stalledMs = 0;
  private count = 0;
  private readonly pausable = new Set<RunModel>();
  private readonly holders: Living[] = [];
  private readonly living: number[] = [];
  private cancellations: Cancellation[] = [];
  private shared: Cancellation = { controller: new AbortController(), runs: [] };
  private readonly ends: (() => void)[] = [];

  static async start(limits: FewLimits): Promise<SessionsPlay> {
    const clock = new SimulatedClock();
    const saboteur = new Saboteur();
    const keeper = await startSlotkeeper({
      limits,
      clock,
      faultPoints: saboteur,
      restartIntensity: RESTART_INTENSITY,
      retention: { maxAgeMs: RETENTION_MS },
    });
    const play = new SessionsPlay(keeper, clock, saboteur);
    play.story.push(JSON.stringify(limits));
    for (let place = 0; place < LIVING_HOLDERS; place += 1) await play.addHolder(place);
    return play;
  }

  private constructor(keeper: Slotkeeper, clock: SimulatedClock, saboteur: Saboteur) {
    this.keeper = keeper;
    this.clock = clock;
    this.saboteur = saboteur;
    this.works = new Works(this.model, keeper.limiter, () => this.now, {
      runAnother: (run) => this.runAnother(run),
      closeOwn: (run) => this.closeOwn(run),
    });
    this.laws = new SessionsLaws(this);
    this.ends.push(
      onEvent('run_started', (event) => this.laws.started(event)),
      onEvent('run_ended', (event) => this.laws.ended(event)),
      onEvent('session_closed', (event) => this.laws.closed(event)),
    );
  }

  get now(): number {
    return this.clock.monotonicNow();
  }

  /** Its supervisor is nobody's business but its own, and this test's. */
  get supervisor(): AnySupervisorRef {
    return Reflect.get(Reflect.get(this.keeper, 'register'), 'supervisor') as AnySupervisorRef;
  }

  /** Does it to both, lets it come to rest, and looks. False when there was nothing to do it to. */
  async play(step: Step): Promise<boolean> {
    const told = await this.perform(step);
    if (told === undefined) return false;
    this.story.push(`${this.now}: ${told}`);
    await this.look(step.do === 'advance' || step.do === 'to_limit');
    return true;
  }

  async look(timersCame: boolean): Promise<void> {
    await settle();
    this.laws.look(timersCame);
  }

  /** If it is paused. */
  resume(run: RunModel): void {
    const handle = this.runs.get(run);
    if (!handle?.isPaused) return;
    run.isPaused = false;
    handle.resume();
  }

  async close(): Promise<void> {
    for (const end of this.ends) end();
    for (const number of this.living) await this.holders[number]?.end();
  }

  // ── What is done to both ────────────────────────────────────────────────────────────────────────

  /** Tells what it did; nothing when there was nothing to do it to. */
  private perform(step: Step): string | undefined | Promise<string | undefined> {
    switch (step.do) {
      case 'open':
        return this.open(step);
      case 'run':
        return this.run(step);
      case 'crash':
        return this.crash(step);
      case 'settle_work':
        return this.settleWork(step.pick, 'succeeded');
      case 'fail_work':
        return this.settleWork(step.pick, 'failed');
      case 'cancel':
      case 'interrupt':
        return this.control(step.do, step.pick);
      case 'pause':
      case 'resume':
        return this.pauseOrResume(step.do, step.pick);
      case 'abort':
        return this.abort(step.pick);
      case 'cancel_all':
        return this.endAll(step.pick, 'cancelled');
      case 'interrupt_all':
        return this.endAll(step.pick, 'interrupted');
      case 'close':
        return this.closeSession(step.pick, step.timeoutMs);
      case 'plan':
        return this.plan(step.pick);
      case 'release_run':
        return this.releaseRun(step.pick);
      case 'release_session':
        return this.releaseSession(step.pick);
      case 'evict':
        return this.evict(step.pick);
      case 'renew':
        return this.renew(step.pick);
      case 'holder_down':
        return this.holderDown(step.pick);
      case 'raw_run':
        return this.rawRun(step.pick, step.waitMs);
      case 'raw_release':
        return this.rawRelease(step.pick);
      case 'limits':
        void this.keeper.limiter.setLimits(step.change);
        return `limits ${JSON.stringify(step.change)}`;
      case 'advance':
        return this.advance(step.ms);
      case 'to_limit':
        return this.toLimit(step.offsetMs);
      case 'stall':
        for (const session of this.model.sessions) session.stall(this.now);
        this.clock.stall(step.ms);
        this.stalledMs += step.ms;
        return `${step.ms} ms pass in which nothing happens`;
      case 'jump_wall':
        this.clock.jumpWall(step.ms);
        return `the wall clock jumps by ${step.ms} ms`;
      case 'drain':
        return this.drain(step.timeoutMs);
      case 'end_draining':
        return this.endDraining();
      case 'fell_limiter':
        exit(this.keeper.limiter.ref, new Error('the limiter is felled'));
        return 'the limiter is felled';
      case 'fell_session':
        return this.fellSession(step.pick);
      case 'fell_supervisor':
        return this.fellSupervisor();
    }
  }

  private open(step: OpenStep): string {
    const id = at(SESSION_IDS, step.pick);
    const owner = step.isStray ? 'carol' : at(OWNERS, step.pick % SESSION_IDS.length);
    const known = this.model.sessionOf(id);
    const { waitMs, idleMs, lifetimeMs } = step;
    const holder = step.holder === undefined ? undefined : this.living[step.holder];
    const terms = { owner, waitMs, idleMs, lifetimeMs, holder };
    const session = known ?? this.model.openSession(id, terms, this.now);
    const signal = known ? undefined : this.signalOf(step.signal)?.controller.signal;
    const opening = this.keeper.openSession({
      sessionId: id,
      waitTimeoutMs: waitMs,
      idleTimeoutMs: idleMs,
      maxLifetimeMs: lifetimeMs,
      ...(owner !== undefined && { owner }),
      ...(holder !== undefined && { holder: this.holderAt(holder) }),
      ...(signal && { signal }),
    });
    if (known) this.openAgain(known, owner, opening);
    else this.openNew(session, opening);
    const ends = `waits ${waitMs}, idle ${idleMs}, lifetime ${lifetimeMs}`;
    return `open ${id} of ${owner}${known ? ' again' : ''}, ${ends}, holder ${holder}, signal ${step.signal}`;
  }

  private openNew(session: SessionModel, opening: Promise<Session>): void {
    opening.then(
      (handle) => {
        this.sessions.set(session, handle);
        session.opened(this.now);
        this.laws.opened(session, handle);
      },
      (fault: unknown) => {
        session.isRefused = true;
        this.refused.push({ what: session, fault });
      },
    );
  }

  private openAgain(
    known: SessionModel,
    owner: string | undefined,
    opening: Promise<Session>,
  ): void {
    const wasActive = known.isActive;
    opening.then(
      (handle) => this.laws.openedAgain(known, owner, handle),
      (fault: unknown) => this.laws.refusedAgain(known, { owner, wasActive, fault }),
    );
  }

  private run(step: RunStep): string | undefined {
    const open = [...this.sessions.keys()].filter((one) => one.isThere);
    const all = open.length > 0 && step.pick % 12 > 0 ? open : [...this.sessions.keys()];
    const session = at(all, step.pick);
    if (!session) return undefined;
    const { waitMs, deadlineMs, leaseMs, isTool, work, signal } = step;
    const holder = step.holder === undefined ? undefined : this.living[step.holder];
    const id = step.id === undefined ? this.nextId('q') : at(RUN_IDS, step.id);
    const terms = { waitMs, deadlineMs, leaseMs, isTool, owner: session.terms.owner, holder };
    const run = this.model.askForRun(id, session, terms, this.now);
    const cancellation = this.signalOf(signal);
    cancellation?.runs.push(run);
    this.ask(run, work, cancellation?.controller.signal);
    const times = `waits ${waitMs}, deadline ${deadlineMs}, lease ${leaseMs}`;
    return `run ${id} (${work}${isTool ? ', tool' : ''}) in ${session.id}, ${times}, holder ${holder}, signal ${signal}`;
  }

  private ask(run: RunModel, work: RunStep['work'], signal?: AbortSignal): void {
    if (work === 'pausable') this.pausable.add(run);
    const { waitMs, deadlineMs, leaseMs, isTool, holder } = run.terms;
    const asked = this.sessions.get(run.session)?.run(this.works.functionOf(run, work), {
      runId: run.id,
      waitTimeoutMs: waitMs,
      deadlineMs,
      leaseMs,
      pausable: work === 'pausable',
      ...(isTool && { kind: 'tool' }),
      ...(holder !== undefined && { holder: this.holderAt(holder) }),
      ...(signal && { signal }),
    });
    asked?.then(
      (handle) => this.accepted(run, handle),
      (fault: unknown) => {
        run.answer = 'refused';
        this.refused.push({ what: run, fault });
      },
    );
  }

  private accepted(run: RunModel, handle: Run): void {
    run.answer = 'accepted';
    this.runs.set(run, handle);
    this.laws.accepted(run, handle);
    handle.outcome.then((outcome) => this.laws.told(run, outcome));
  }

  private crash({ moment, step, passes }: CrashStep): string {
    this.saboteur.arm(moment, step, 1, passes);
    return `a crash is planted ${moment} ${step}, after ${passes}`;
  }

  private settleWork(pick: number, end: 'succeeded' | 'failed'): string | undefined {
    const run = at(this.works.waitingOnes, pick);
    if (!run) return undefined;
    this.works.settle(run, end);
    return `the function of ${run.id} goes on: ${end}`;
  }

  private control(order: 'cancel' | 'interrupt', pick: number): string | undefined {
    const run = at(this.openRuns(), pick) ?? at([...this.runs.keys()], pick);
    const handle = run && this.runs.get(run);
    if (!run || !handle) return undefined;
    const end = order === 'cancel' ? 'cancelled cancelled' : 'interrupted interrupted';
    this.model.end([run], end);
    const note = pick % 3 === 0 ? 'as ordered' : undefined;
    handle[order](note).then((outcome) => this.laws.told(run, outcome, true));
    return `${order} ${run.id}`;
  }

  private pauseOrResume(order: 'pause' | 'resume', pick: number): string | undefined {
    const working = this.model.atWork.filter((run) => this.runs.has(run));
    const pausable = working.filter((run) => this.pausable.has(run));
    const run = at(pick % 4 > 0 && pausable.length > 0 ? pausable : working, pick);
    const handle = run && this.runs.get(run);
    if (!run || !handle) return undefined;
    const before = handle.state;
    try {
      handle[order]();
      this.laws.paused(run, order, before);
    } catch (fault) {
      this.laws.notPaused(run, before, fault);
    }
    return `${order} ${run.id}`;
  }

  private abort(pick: number): string | undefined {
    const cancellation = at(this.cancellations, pick);
    if (!cancellation) return undefined;
    if (cancellation === this.shared) this.shared = { controller: new AbortController(), runs: [] };
    this.cancellations = this.cancellations.filter((one) => one !== cancellation);
    this.model.end(cancellation.runs, 'cancelled aborted');
    cancellation.controller.abort(UNWANTED);
    return `a signal aborts: ${cancellation.runs.map(({ id }) => id)}`;
  }

  private endAll(pick: number, state: 'cancelled' | 'interrupted'): string | undefined {
    const session = at(
      [...this.sessions.keys()].filter((one) => one.isThere),
      pick,
    );
    const handle = session && this.sessions.get(session);
    if (!session || !handle) return undefined;
    this.model.end(session.runs, `${state} ${state}`);
    const all = state === 'cancelled' ? handle.cancelRuns() : handle.interruptRuns();
    const open = session.runs.filter((run) => run.isOpen);
    all.then((outcomes) => this.laws.allEnded(open, outcomes));
    return `all runs of ${session.id} are ${state}`;
  }

  private closeSession(pick: number, timeoutMs: number): string | undefined {
    const open = [...this.sessions.keys()].filter((one) => one.isThere);
    const session = at(open, pick);
    const handle = session && this.sessions.get(session);
    if (!session || !handle) return undefined;
    this.model.close(session, 'released');
    const askedAt = this.now - this.stalledMs;
    handle.close({ timeoutMs }).then((report) => {
      this.laws.reported(session, report, this.now - this.stalledMs - askedAt, timeoutMs);
    });
    return `close ${session.id}, within ${timeoutMs}`;
  }

  private plan(pick: number): string | undefined {
    const open = [...this.sessions.keys()].filter((one) => one.isThere);
    const session = at(open, pick);
    const handle = session && this.sessions.get(session);
    if (!session || !handle) return undefined;
    const foreseen = this.laws.planOf(session);
    handle.close({ dryRun: true }).then((plan) => this.laws.planned(session, foreseen, plan));
    return `plan the closing of ${session.id}`;
  }

  private releaseRun(pick: number): string | undefined {
    const ids = [...this.openRuns(), ...this.rawsThere()].map(({ id }) => id);
    const id = at(ids, pick);
    if (id === undefined) return undefined;
    const run = this.model.runOf(id);
    if (run) this.model.end([run], `cancelled ${run.isWaiting ? 'withdrawn' : 'released'}`);
    void this.keeper.limiter.releaseRunSlot(id);
    return `release run ${id}`;
  }

  private releaseSession(pick: number): string {
    const id = at(SESSION_IDS, pick);
    this.model.close(this.model.sessionOf(id), 'released');
    void this.keeper.limiter.releaseSessionSlot(id);
    return `release session ${id}`;
  }

  private evict(pick: number): string | undefined {
    const run = at([...this.model.atWork, ...this.openRuns()], pick);
    if (!run) return undefined;
    this.model.end([run], `cancelled ${run.isWaiting ? 'withdrawn' : 'evicted'}`);
    if (run.isAtWork) run.isEvicted = true;
    void this.keeper.limiter.evict(run.id, 'as ordered');
    return `evict ${run.id}`;
  }

  private renew(pick: number): string | undefined {
    const leased = this.model.atWork.filter((run) => run.isOpen && run.terms.leaseMs < Infinity);
    const run = at(leased, pick);
    const handle = run && this.runs.get(run);
    // What is late has run out perhaps, perhaps not.
    if (!run || !handle || run.leaseEnd <= this.now) return undefined;
    run.leaseSince = this.now;
    this.keeper.limiter
      .renewRunSlot(run.id, handle.token)
      .catch((fault: unknown) => this.laws.wrong(`${run.id} is not renewed: ${fault}`));
    return `renew ${run.id}`;
  }

  private async holderDown(pick: number): Promise<string> {
    const place = pick % LIVING_HOLDERS;
    const number = at(this.living, place) ?? 0;
    this.downHolders.add(number);
    for (const run of this.openRuns().filter(({ terms }) => terms.holder === number)) {
      this.model.end([run], `cancelled ${run.isWaiting ? 'withdrawn' : 'holder_down'}`);
    }
    for (const session of this.model.sessions) {
      if (session.terms.holder === number) this.model.close(session, 'released');
    }
    await this.holders[number]?.end();
    await this.addHolder(place);
    return `holder ${number} goes down`;
  }

  private rawRun(pick: number, waitMs: number): string | undefined {
    const session = at(
      [...this.sessions.keys()].filter((one) => one.isActive),
      pick,
    );
    if (!session) return undefined;
    const raw = this.model.askForRaw(this.nextId('raw'), session, this.now);
    const { owner } = session.terms;
    const options = { waitTimeoutMs: waitMs, ...(owner !== undefined && { owner }) };
    this.keeper.limiter.acquireRunSlot(session.id, raw.id, options).then(
      (slot) => this.rawGranted(raw, slot),
      (fault: unknown) => {
        session.rawEnded(raw, this.now);
        this.refused.push({ what: raw, fault });
      },
    );
    return `acquire ${raw.id} in ${session.id}, waits ${waitMs}`;
  }

  private rawGranted(raw: RawModel, slot: RunSlot): void {
    raw.state = 'held';
    raw.since = this.now;
    this.raws.set(raw, slot);
    const lost = (): void => raw.session.rawEnded(raw, this.now);
    if (slot.signal.aborted) lost();
    else slot.signal.addEventListener('abort', lost);
  }

  private rawRelease(pick: number): string | undefined {
    const raw = at(
      this.model.raws.filter(({ state }) => state === 'held'),
      pick,
    );
    if (!raw) return undefined;
    raw.session.rawEnded(raw, this.now);
    void this.raws.get(raw)?.release();
    return `give back ${raw.id}`;
  }

  /** From one moment at which something is due to the next, and a look at each. */
  private async advance(ms: number): Promise<string> {
    const until = this.now + ms;
    // First what is late.
    for (let next = this.now; next <= until; next = Math.min(this.model.nextDue(this.now), until)) {
      await this.clock.advance(next - this.now);
      await this.look(true);
      if (next === until) break;
    }
    return `${ms} ms have passed`;
  }

  private async toLimit(offsetMs: number): Promise<string | undefined> {
    const ms = this.model.nextDue(this.now) + offsetMs - this.now;
    if (ms <= 0 || ms === Infinity) return undefined;
    return this.advance(ms);
  }

  private drain(timeoutMs: number): string {
    this.isDraining = true;
    this.model.end(this.model.waiting, 'cancelled draining');
    // Who drains when the keeper stops is told so.
    this.keeper.drain({ timeoutMs }).catch(() => {});
    return `drain, for ${timeoutMs} ms`;
  }

  private endDraining(): string {
    this.isDraining = false;
    void this.keeper.limiter.resume();
    return 'draining ends';
  }

  /** No message of a session can make it crash, so this is one that cannot be read. */
  private async fellSession(pick: number): Promise<string | undefined> {
    const children = await whichChildren(this.supervisor);
    const child = at(children, pick);
    const session = child && this.laws.sessionOf(child.ref.actor);
    if (!child || !session) return undefined;
    this.model.close(session, 'crashed');
    child.ref.actor?.send({
      get type(): string {
        throw new Error('felled');
      },
    });
    return `session ${session.id} is felled`;
  }

  private fellSupervisor(): string {
    for (const session of this.model.sessions) {
      if (!session.isOpening && !session.isActive) continue;
      this.model.close(session, 'crashed');
      this.model.close(session, 'shutdown', false);
    }
    exit(this.supervisor, 'kill');
    return 'the supervisor of sessions is felled';
  }

  // ── What functions do ───────────────────────────────────────────────────────────────────────────

  private runAnother({ session }: RunModel): void {
    const terms = {
      waitMs: Infinity,
      deadlineMs: Infinity,
      leaseMs: Infinity,
      isTool: false,
      owner: session.terms.owner,
      holder: undefined,
    };
    const run = this.model.askForRun(this.nextId('nested'), session, terms, this.now);
    this.ask(run, 'value');
    this.story.push(`  within: run ${run.id} in ${session.id}`);
  }

  private closeOwn({ session }: RunModel): void {
    this.model.close(session, 'released');
    void this.sessions.get(session)?.close();
    this.story.push(`  within: close ${session.id}`);
  }

  // ── Who there is ────────────────────────────────────────────────────────────────────────────────

  openRuns(): RunModel[] {
    return [...this.runs.keys()].filter((run) => run.isOpen);
  }

  private rawsThere(): RawModel[] {
    return this.model.raws.filter(({ state }) => state !== 'over');
  }

  private nextId(sort: string): string {
    this.count += 1;
    return `${sort}${this.count}`;
  }

  private holderAt(number: number): Living['holder'] {
    const living = this.holders[number];
    if (!living) throw new Error(`Expected a holder ${number}`);
    return living.holder;
  }

  private async addHolder(place: number): Promise<void> {
    const number = this.holders.length;
    const kind = (FIRST_KIND + number * KIND_STEP) % HOLDERS.length;
    for (const [, start] of HOLDERS.slice(kind, kind + 1)) this.holders.push(await start());
    this.living[place] = number;
  }

  private signalOf(use: RunStep['signal']): Cancellation | undefined {
    if (use === 'none') return undefined;
    const own = { controller: new AbortController(), runs: [] };
    const cancellation = use === 'shared' ? this.shared : own;
    if (!this.cancellations.includes(cancellation)) this.cancellations.push(cancellation);
    return cancellation;
  }
}

/** One of them, whatever the number; none only when there is none. */
function at<One>(all: readonly [One, ...One[]], pick: number): One;
function at<One>(all: readonly One[], pick: number): One | undefined;
function at<One>(all: readonly One[], pick: number): One | undefined {
  return all[pick % all.length];
}
