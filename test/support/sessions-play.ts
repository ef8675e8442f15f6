/**
 * A keeper on a simulated clock and the ledger of its sessions and runs, played in step: each step is done
 * to both and comes to rest; then the laws are looked at.
 *
 * What is done to sessions, to runs, to slots without either, and by callers stands in files of its own.
 */
import {
  exit,
  onEvent,
  type Run,
  type Session,
  type Slotkeeper,
  startSlotkeeper,
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
import { SessionsLaws } from './sessions-laws.ts';
import {
  type RawModel,
  type RunModel,
  type SessionModel,
  SessionsModel,
} from './sessions-model.ts';
import { Callers } from './sessions-play-callers.ts';
import { RawSteps } from './sessions-play-raws.ts';
import { RunSteps } from './sessions-play-runs.ts';
import { SessionSteps } from './sessions-play-sessions.ts';
import type { CrashStep, FewLimits, Step } from './sessions-steps.ts';
import { Works } from './sessions-works.ts';

/** More crashes than any history has; those that are repeated exceed it at once. */
const RESTART_INTENSITY = { restarts: 60, withinMs: 5_000 };
export const RETENTION_MS = 20_000;

/** Who was refused something, and what he was told. */
export interface Refused {
  readonly what: SessionModel | RunModel | RawModel;
  readonly fault: unknown;
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

/** What a step did; nothing when there was nothing to do it to. */
export type Told = string | undefined;

export class SessionsPlay {
  readonly model = new SessionsModel();
  readonly keeper: Slotkeeper;
  readonly clock: SimulatedClock;
  readonly saboteur: Saboteur;
  readonly works: Works;
  readonly laws: SessionsLaws;
  readonly callers: Callers;
  readonly sessions = new Map<SessionModel, Session>();
  readonly runs = new Map<RunModel, Run>();
  /** Since the last look. */
  refused: Refused[] = [];
  /** What was done so far, for whoever reads a counterexample. */
  readonly story: string[] = [];
  isDraining = false;
  /** Whether the keeper stops, or gives up. */
  isEnding = false;
  /** Time in which no timer could come. */
  private stalledMs = 0;
  private count = 0;
  private readonly ofSessions: SessionSteps;
  private readonly ofRuns: RunSteps;
  private readonly ofRaws: RawSteps;
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
    await play.callers.start();
    return play;
  }

  private constructor(keeper: Slotkeeper, clock: SimulatedClock, saboteur: Saboteur) {
    this.keeper = keeper;
    this.clock = clock;
    this.saboteur = saboteur;
    this.callers = new Callers(this);
    this.ofSessions = new SessionSteps(this);
    this.ofRuns = new RunSteps(this);
    this.ofRaws = new RawSteps(this);
    this.works = new Works(this.model, keeper.limiter, () => this.now, {
      runAnother: (run) => this.ofRuns.runAnother(run),
      closeOwn: (run) => this.ofSessions.closeOwn(run),
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

  /** Without the time in which no timer could come. */
  get timedNow(): number {
    return this.now - this.stalledMs;
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
    this.ofSessions.settle();
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
    await this.callers.end();
  }

  /** Those that are open or closing. */
  get sessionsThere(): SessionModel[] {
    return [...this.sessions.keys()].filter((session) => session.isThere);
  }

  /** Those that were accepted and have no outcome. */
  get openRuns(): RunModel[] {
    return [...this.runs.keys()].filter((run) => run.isOpen);
  }

  nextId(sort: string): string {
    this.count += 1;
    return `${sort}${this.count}`;
  }

  // ── What is done to both ────────────────────────────────────────────────────────────────────────

  private perform(step: Step): Told | Promise<Told> {
    switch (step.do) {
      case 'open':
        return this.ofSessions.open(step);
      case 'run':
        return this.ofRuns.run(step);
      case 'crash':
        return this.crash(step);
      case 'settle_work':
        return this.ofRuns.settleWork(step.pick, 'succeeded');
      case 'fail_work':
        return this.ofRuns.settleWork(step.pick, 'failed');
      case 'cancel':
      case 'interrupt':
        return this.ofRuns.control(step.do, step.pick);
      case 'pause':
      case 'resume':
        return this.ofRuns.pauseOrResume(step.do, step.pick);
      case 'abort':
        return this.callers.abort(step.pick);
      case 'cancel_all':
        return this.ofRuns.endAll(step.pick, 'cancelled');
      case 'interrupt_all':
        return this.ofRuns.endAll(step.pick, 'interrupted');
      case 'close':
        return this.ofSessions.close(step.pick, step.timeoutMs);
      case 'plan':
        return this.ofSessions.plan(step.pick);
      case 'release_run':
        return this.ofRuns.release(step.pick);
      case 'release_session':
        return this.ofSessions.release(step.pick);
      case 'evict':
        return this.ofRuns.evict(step.pick);
      case 'renew':
        return this.ofRuns.renew(step.pick);
      case 'holder_down':
        return this.callers.holderDown(step.pick);
      case 'raw_run':
        return this.ofRaws.acquire(step.pick, step.waitMs);
      case 'raw_release':
        return this.ofRaws.release(step.pick);
      case 'take_run':
        return this.ofRaws.takeRun(step.pick);
      case 'give_back_session':
        return this.ofRaws.giveBackSession(step.pick);
      case 'limits':
        void this.keeper.limiter.setLimits(step.change);
        return `limits ${JSON.stringify(step.change)}`;
      case 'advance':
        return this.advance(step.ms);
      case 'to_limit':
        return this.toLimit(step.offsetMs);
      case 'stall':
        return this.stall(step.ms);
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
        return this.ofSessions.fell(step.pick);
      case 'fell_supervisor':
        return this.ofSessions.fellSupervisor();
    }
  }

  private crash({ moment, step, passes }: CrashStep): string {
    this.saboteur.arm(moment, step, 1, passes);
    return `a crash is planted ${moment} ${step}, after ${passes}`;
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

  private async toLimit(offsetMs: number): Promise<Told> {
    const ms = this.model.nextDue(this.now) + offsetMs - this.now;
    if (ms <= 0 || ms === Infinity) return undefined;
    return this.advance(ms);
  }

  private stall(ms: number): string {
    for (const session of this.model.sessions) session.stall(this.now);
    this.clock.stall(ms);
    this.stalledMs += ms;
    return `${ms} ms pass in which nothing happens`;
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
}
