/**
 * A limiter and its model, played in step. Each step is done to both and comes to rest; then `seen` and
 * `foreseen` are all that callers, listeners and readers of the status can tell, and must be equal.
 *
 * A grant has a number in the model and a token in the limiter. The first call that both answer with a
 * slot ties them together; from then on each stands for the other.
 */
import { inspect } from 'node:util';
import { sys } from '../../src/index.ts';
import { settle } from '../../src/testing.ts';
import { BAD_REQUESTS } from './bad-requests.ts';
import { LimiterModel } from './limiter-model.ts';
import {
  type AskStep,
  KINDS,
  LIVING_HOLDERS,
  OWNERS,
  type ReleaseStep,
  type RenewStep,
  RUNS,
  SESSION_OWNERS,
  SESSIONS,
  type Step,
} from './limiter-steps.ts';
import {
  CALL_TIMEOUT_MS,
  type Handle,
  LimiterSubject,
  UNWANTED,
  type Work,
} from './limiter-subject.ts';
import { LimiterViews } from './limiter-views.ts';
import { type Ask, type Limits, showLimits } from './limits-model.ts';
import type { Fairness } from './turns-model.ts';

/** A signal, and the calls that carry it. */
interface Cancellation {
  readonly controller: AbortController;
  readonly calls: number[];
}

/** No model has it. */
const UNKNOWN_GRANT = -1;
const PLAIN_ASK: AskStep = {
  do: 'ask',
  how: 'wait',
  table: 'run',
  pick: 0,
  stray: 'none',
  kind: 0,
  priority: 0,
  waitMs: 0,
  signal: 'none',
  holder: 'none',
  leaseMs: Infinity,
  isReadLate: false,
};

export class LimiterPlay {
  readonly model: LimiterModel;
  readonly subject: LimiterSubject;
  readonly views: LimiterViews;
  /** What was done so far, for whoever reads a counterexample. */
  readonly story: string[] = [];
  private calls = 0;
  private readonly finished = new Set<number>();
  private cancellations: Cancellation[] = [];
  /** Those that live, and the last one that does not. */
  private readonly living: number[] = [];
  private downHolder: number | undefined;
  private holders = 0;
  private shared: Cancellation = { controller: new AbortController(), calls: [] };
  /** What listeners on signals have asked, in the midst of the limiter's turn. */
  private nested: (() => void)[] = [];

  static async start(limits: Limits, fairness: Fairness): Promise<LimiterPlay> {
    const play = new LimiterPlay(limits, fairness, await LimiterSubject.start(limits, fairness));
    for (let place = 0; place < LIVING_HOLDERS; place += 1) await play.addHolder(place);
    return play;
  }

  private constructor(limits: Limits, fairness: Fairness, subject: LimiterSubject) {
    this.model = new LimiterModel(limits, CALL_TIMEOUT_MS, fairness);
    this.subject = subject;
    this.views = new LimiterViews(this.model, subject);
    this.story.push(`${showLimits(limits)}; fairness ${fairness}`);
  }

  /** Does it to both and lets it come to rest. False when there was nothing to do it to. */
  async play(step: Step): Promise<boolean> {
    const told = await this.perform(step);
    if (told === undefined) return false;
    this.story.push(told);
    await this.rest();
    this.views.tieTokens();
    return true;
  }

  private async rest(): Promise<void> {
    await settle();
    for (const ask of this.nested.splice(0)) ask();
  }

  // ── What is done to both ────────────────────────────────────────────────────────────────────────

  /** Tells what it did; nothing when there was nothing to do it to. */
  private perform(step: Step): string | undefined | Promise<string> {
    switch (step.do) {
      case 'ask':
        return this.ask(step);
      case 'release':
        return this.release(step);
      case 'release_handle':
        return this.releaseHandle(step.pick, step.isDisposed);
      case 'finish_work':
        return this.finishWork(step.pick, step.isThrowing);
      case 'abort':
        return this.abort(step.pick);
      case 'holder_down':
        return this.holderDown(step.pick);
      case 'evict':
        return this.evict(step.pick, step.isAtWork);
      case 'drain':
        return this.drain(step.timeoutMs);
      case 'end_draining':
        return this.endDraining();
      case 'bad_request':
        return this.badRequest(step.pick);
      case 'listen':
        return this.listen(step.pick, step.run);
      case 'advance':
        return this.advance(step.ms);
      case 'renew':
        return this.renew(step);
      case 'stall':
        return this.stall(step.ms);
      case 'jump_wall':
        return this.jumpWall(step.ms);
      case 'limits':
        return this.changeLimits(step.change);
      case 'crash':
        this.subject.saboteur.arm({ ...step, isRepeated: false });
        return `a crash is planted ${step.moment} ${step.step}, after ${step.passes}`;
      case 'suspend':
        return this.suspend();
      case 'resume':
        return this.resume();
      case 'stop':
        return this.stop();
      case 'give_up':
        return this.giveUp();
    }
  }

  private ask(step: AskStep): string {
    const ask = this.askOf(step);
    if (step.how === 'try') this.askAtOnce(ask, step.isReadLate);
    else this.askAndAwait(ask, step);
    const { call, table, id, session, owner, kind, priority, waitMs, holder, leaseMs } = ask;
    const how = step.how === 'wait' ? 'asks for' : `asks (${step.how}) for`;
    const terms = `of ${owner ?? 'nobody'} as ${kind}, priority ${priority}, for ${waitMs} ms`;
    const bonds = `signal ${step.signal}, holder ${holder}, lease ${leaseMs}`;
    return `${call} ${how} ${table} ${id} in ${session} ${terms}, ${bonds}`;
  }

  /** A crash in its own turn may be told as a restart, and then it has changed nothing. */
  private askAtOnce(ask: Ask, isReadLate: boolean): void {
    const { model, subject, views } = this;
    const crashes = subject.saboteur.thrown;
    subject.tryAcquire(ask, isReadLate);
    const hasMetCrash = subject.saboteur.thrown > crashes;
    if (hasMetCrash && subject.answers.get(ask.call) === 'unavailable') {
      views.voided = ask;
      model.answers.set(ask.call, 'unavailable');
    } else {
      model.tryAcquire(ask);
    }
  }

  private askAndAwait(ask: Ask, step: AskStep): void {
    const { model, subject } = this;
    const signal = this.signalOf(step, ask.call);
    const crashes = subject.saboteur.thrown;
    if (step.how === 'wait') subject.acquire(ask, signal, step.isReadLate);
    else subject.wrap(ask, this.nextCall(), signal);
    if (signal?.aborted && !model.isInVain(ask)) {
      model.answers.set(ask.call, 'aborted');
      return;
    }
    if (model.isSuspended) this.views.undecided.push(ask);
    if (step.signal === 'at_once') this.abortAtOnce(ask, crashes);
    else model.acquire(ask);
  }

  /** Who is not answered yet because of a crash has left in time, and then it has changed nothing. */
  private abortAtOnce(ask: Ask, crashes: number): void {
    const { model, subject } = this;
    const cancellation = this.cancellations.find(({ calls }) => calls.includes(ask.call));
    cancellation?.controller.abort(UNWANTED);
    this.nested.push(() => {
      const hasMetCrash = subject.saboteur.thrown > crashes;
      if (hasMetCrash && subject.answers.get(ask.call) === 'aborted') {
        this.views.voided = ask;
        model.answers.set(ask.call, 'aborted');
      } else {
        model.acquire(ask);
        model.abort(ask.call);
      }
    });
  }

  private askOf(step: AskStep): Ask {
    const { how, table, pick, stray, kind, priority, waitMs = 0, holder, leaseMs } = step;
    const call = this.nextCall();
    const isWrapped = how === 'with';
    const isRun = isWrapped || table === 'run';
    const session = at(SESSIONS, pick + (isRun && stray === 'session' ? 1 : 0));
    const runId = isWrapped ? `w${call}` : at(RUNS, pick);
    const ownerOfRun = at(OWNERS, (pick % RUNS.length) >> 1);
    const owner = isRun ? ownerOfRun : at(SESSION_OWNERS, pick);
    return {
      call,
      table: isRun ? 'run' : 'session',
      id: isRun ? runId : session,
      session,
      owner: stray === 'owner' ? 'carol' : owner,
      kind: isRun ? KINDS[kind] : undefined,
      priority,
      waitMs: how === 'try' ? 0 : waitMs,
      askedAt: this.model.now,
      holder: this.holderOf(holder),
      leaseMs,
    };
  }

  private holderOf(holder: AskStep['holder']): number | undefined {
    if (holder === 'none') return undefined;
    return holder === 'down' ? this.downHolder : this.living[holder];
  }

  private signalOf({ how, signal }: AskStep, call: number): AbortSignal | undefined {
    if (how === 'try' || signal === 'none') return undefined;
    if (signal === 'aborted') return this.model.end ? undefined : AbortSignal.abort(UNWANTED);
    const own = { controller: new AbortController(), calls: [] };
    const cancellation = signal === 'shared' ? this.shared : own;
    cancellation.calls.push(call);
    if (!this.cancellations.includes(cancellation)) this.cancellations.push(cancellation);
    return cancellation.controller.signal;
  }

  private release({ table, pick, token }: ReleaseStep): string {
    const { model, subject } = this;
    const id = table === 'run' ? at(RUNS, pick) : at(SESSIONS, pick);
    const call = this.nextCall();
    const grant = this.grantFor(token, table, id);
    subject.release(call, table, id, grant === undefined ? undefined : this.views.tokenOf(grant));
    model.release(call, table, id, grant);
    return `${call} releases ${table} ${id}, token ${token} (grant ${grant})`;
  }

  private renew({ pick, token }: RenewStep): string | undefined {
    const slot = at(this.model.held, pick);
    const other = at(this.model.grants, pick);
    if (!slot || !other) return undefined;
    const call = this.nextCall();
    const { table, id } = slot;
    const { grant } = token === 'current' ? slot : other;
    const runId = this.subject.realId(id);
    this.subject.renew(call, table, runId, this.views.tokenOf(grant));
    this.model.renew(call, table, id, grant);
    return `${call} renews ${table} ${id} (grant ${grant})`;
  }

  private grantFor(token: ReleaseStep['token'], table: string, id: string): number | undefined {
    const { held, ends } = this.model;
    const isSame = (one: Ask) => one.table === table && one.id === id;
    const ended = ends.map(({ slot }) => slot).filter(isSame);
    switch (token) {
      case 'none':
        return undefined;
      case 'current':
        return held.find(isSame)?.grant ?? UNKNOWN_GRANT;
      case 'stale':
        return ended.at(-1)?.grant ?? UNKNOWN_GRANT;
      case 'of_another':
        return held.find((one) => !isSame(one))?.grant ?? UNKNOWN_GRANT;
      case 'unknown':
        return UNKNOWN_GRANT;
    }
  }

  /** Three times in four, that of a slot which is held. */
  private releaseHandle(pick: number, isDisposed: boolean): string | undefined {
    const { model, subject } = this;
    const live = subject.handles.filter((handle) => this.isHeld(handle));
    const handle = at(pick % 4 > 0 && live.length > 0 ? live : subject.handles, pick);
    if (!handle) return undefined;
    const { table, id } = handle.ask;
    const call = this.nextCall();
    if (isDisposed) this.views.guises.set(call, 'disposed');
    subject.releaseHandle(call, handle, isDisposed);
    model.release(call, table, id, this.views.grantOf(handle.slot.token), true);
    return `${call} gives back ${table} ${id} of call ${handle.ask.call}`;
  }

  private finishWork(pick: number, isThrowing: boolean): string | undefined {
    const work = at(this.worksGoingOn(), pick);
    if (!work) return undefined;
    const { outcome, handle } = work;
    this.finished.add(outcome);
    this.views.works.add(outcome);
    this.views.guises.set(outcome, isThrowing ? 'failed' : 'done');
    work.end(isThrowing);
    const grant = this.views.grantOf(handle.slot.token);
    this.model.release(outcome, 'run', handle.ask.id, grant, true);
    return `the work of call ${handle.ask.call} ends, ${isThrowing ? 'failed' : 'done'}`;
  }

  /** One that somebody waits with, if there is one. */
  private abort(pick: number): string | undefined {
    const { answers } = this.model;
    const isPending = ({ calls }: Cancellation) => calls.some((call) => !answers.has(call));
    const pending = this.cancellations.filter(isPending);
    const cancellation = at(pending.length > 0 ? pending : this.cancellations, pick);
    if (!cancellation) return undefined;
    const { controller, calls } = cancellation;
    if (cancellation === this.shared) {
      this.shared = { controller: new AbortController(), calls: [] };
    }
    this.cancellations = this.cancellations.filter((one) => one !== cancellation);
    controller.abort(UNWANTED);
    for (const call of calls) this.model.abort(call);
    return `the signal of ${calls} aborts`;
  }

  /** Another one takes its place. */
  private async holderDown(pick: number): Promise<string> {
    const place = pick % LIVING_HOLDERS;
    const holder = at(this.living, place) ?? 0;
    await this.subject.endHolder(holder);
    this.model.holderDown(holder);
    this.downHolder = holder;
    await this.addHolder(place);
    return `holder ${holder} goes down`;
  }

  private async addHolder(place: number): Promise<void> {
    this.living[place] = this.holders;
    await this.subject.addHolder(this.holders);
    this.holders += 1;
  }

  /** Work that is going on, if it is meant and there is any. */
  private evict(pick: number, isAtWork: boolean): string {
    const call = this.nextCall();
    const work = isAtWork ? at(this.worksGoingOn(), pick) : undefined;
    const id = work?.handle.ask.id ?? at(RUNS, pick);
    const note = `because of ${call}`;
    this.subject.evict(call, this.subject.realId(id), note);
    this.model.evict(call, id, note);
    return `${call} evicts run ${id}`;
  }

  /** Not while suspended: when much is served in one turn, a drain that begins is looked at after it. */
  private drain(timeoutMs: number): string | undefined {
    if (this.model.isSuspended) return undefined;
    const call = this.nextCall();
    this.subject.drain(call, timeoutMs);
    this.model.drain(call, timeoutMs);
    return `${call} drains it, for ${timeoutMs} ms`;
  }

  private endDraining(): string | undefined {
    const call = this.nextCall();
    this.subject.endDraining(call);
    this.model.endDraining(call);
    return `${call} ends draining`;
  }

  private badRequest(pick: number): string | undefined {
    const { subject, model } = this;
    const request = at(BAD_REQUESTS, pick);
    if (!request || model.end) return undefined;
    const call = this.nextCall();
    subject.badRequest(call, request);
    model.answers.set(call, request.code);
    return `${call} is a bad request: ${request.act}`;
  }

  /** A listener on the signal of a slot that is held asks for a run when it is lost. */
  private listen(pick: number, run: number): string | undefined {
    const { subject } = this;
    const live = subject.handles.filter((one) => !one.isReadLate && this.isHeld(one));
    const handle = at(live, pick);
    handle?.slot.signal.addEventListener('abort', () => this.askWithin(run));
    return handle && `a listener on the signal of call ${handle.ask.call} asks for a run`;
  }

  /** Within a turn of the limiter: it answers nothing at once, and serves afterwards what it is asked. */
  private askWithin(run: number): void {
    if (this.model.end || this.views.hasGivenUp) return;
    const step = { ...PLAIN_ASK, pick: run };
    const now = this.askOf({ ...step, how: 'try' });
    this.subject.tryAcquire(now, false);
    this.nested.push(() => this.model.answers.set(now.call, 'unavailable'));
    // When much is served in one turn, the contract does not say what is served first.
    if (this.views.wasSuspended) return;
    const later = this.askOf(step);
    this.subject.acquire(later, undefined, false);
    this.nested.push(() => this.model.acquire({ ...later, askedAt: this.model.now }));
  }

  /** From one moment at which something is due to the next. */
  private async advance(ms: number): Promise<string> {
    const { model, subject } = this;
    const until = model.now + ms;
    while (model.now < until || model.nextDue() <= until) {
      const next = Math.max(model.now, Math.min(model.nextDue(), until));
      await subject.clock.advance(next - model.now);
      model.advance(next - model.now);
      await this.rest();
    }
    return `${ms} ms pass`;
  }

  /** But not past the time of anybody who waits: who is told first when all is late, nobody says. */
  private stall(ms: number): string | undefined {
    if (this.model.nextCallerDue() <= this.model.now + ms) return undefined;
    this.subject.clock.stall(ms);
    this.model.stall(ms);
    return `${ms} ms pass in which nothing happens`;
  }

  private jumpWall(ms: number): string {
    this.subject.clock.jumpWall(ms);
    this.model.jumpWall(ms);
    return `the wall clock jumps by ${ms} ms`;
  }

  private changeLimits(change: Partial<Limits>): string {
    const call = this.nextCall();
    this.subject.setLimits(call, change);
    this.model.setLimits(call, change);
    return `${call} sets limits ${inspect(change, { breakLength: Infinity })}`;
  }

  private suspend(): string | undefined {
    if (this.model.isSuspended) return undefined;
    this.views.wasSuspended = true;
    this.model.isSuspended = true;
    void sys.suspend(this.subject.limiter.ref);
    return 'suspended';
  }

  private resume(): string | undefined {
    if (!this.model.isSuspended) return undefined;
    void sys.resume(this.subject.limiter.ref);
    this.model.resume();
    return 'resumed';
  }

  private stop(): string {
    const call = this.nextCall();
    this.views.restartsAtEnd = this.subject.saboteur.thrown;
    this.model.finish('stopped', 'stopped');
    this.model.answers.set(call, 'ended');
    this.model.isSuspended = false;
    this.subject.stop(call);
    return `${call} stops it`;
  }

  /** It crashes again at each try to serve an ask, until its supervisor has had enough. */
  private giveUp(): string | undefined {
    if (this.model.isSuspended) return undefined;
    this.views.hasGivenUp = true;
    const plan = { moment: 'before', step: 'decide', passes: 0, isRepeated: true } as const;
    this.subject.saboteur.arm(plan);
    const ask = this.askOf(PLAIN_ASK);
    this.subject.acquire(ask, undefined, false);
    this.model.finish('server_down', 'noproc');
    this.model.answers.set(ask.call, 'server_down');
    return `${ask.call} makes it crash until it gives up`;
  }

  private worksGoingOn(): Work[] {
    return this.subject.works.filter(({ outcome }) => !this.finished.has(outcome));
  }

  /** What an ended limiter may not leave behind. */
  leftovers(): object {
    const { clock } = this.subject;
    const goingOn = this.worksGoingOn().length;
    return { timers: clock.allTimers, pendingTimers: clock.pendingTimers, goingOn };
  }

  async close(): Promise<void> {
    await this.subject.close();
  }

  private nextCall(): number {
    this.calls += 1;
    return this.calls;
  }

  private isHeld({ slot }: Handle): boolean {
    const grant = this.views.grantOf(slot.token);
    return this.model.held.some((one) => one.grant === grant);
  }
}

/** One of them, whatever the number; none only when there is none. */
function at<One>(all: readonly [One, ...One[]], pick: number): One;
function at<One>(all: readonly One[], pick: number): One | undefined;
function at<One>(all: readonly One[], pick: number): One | undefined {
  return all[pick % all.length];
}
