/**
 * A real limiter on a simulated clock, with all that callers, listeners and readers of its status can tell,
 * as lines: what each call was answered, what the events say, which signals have aborted.
 *
 * What must never be, whatever is done to it, goes to `wrongs`: a promise function that throws at once, a
 * refusal with a wrong message, a status that contradicts itself, a reader that disagrees.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  type AcquireRunOptions,
  type DrainReport,
  type Fairness,
  openStatusReader,
  RefusalError,
  type ReleaseReport,
  type RunSlot,
  type SessionSlot,
  SlotkeeperError,
  SlotLostError,
  type StandaloneLimiter,
  type Status,
  startConcurrencyLimiter,
} from '../../src/index.ts';
import {
  type FaultPoints,
  type Moment,
  type RecordedEvent,
  recordEvents,
  SimulatedClock,
  type Step,
} from '../../src/testing.ts';
import type { BadRequest } from './bad-requests.ts';
import { HOLDERS, type Living } from './holders.ts';
import { type Ask, type Limits, showLimits, type Table } from './limits-model.ts';

export type AnySlot = RunSlot | SessionSlot;

/** A slot as one caller has it. */
export interface Handle {
  readonly ask: Ask;
  readonly slot: AnySlot;
  /** Whether `slot.signal` is first read when the slot has ended. */
  readonly isReadLate: boolean;
}

/** Work under `withRunSlot`. Its own end is the answer of call `outcome`. */
export interface Work {
  readonly outcome: number;
  readonly handle: Handle;
  readonly end: (isThrowing: boolean) => void;
}

/** Where a crash is to be, and how often that place is passed before. */
export interface CrashPlan {
  readonly moment: Moment;
  readonly step: Step;
  readonly passes: number;
  readonly isRepeated: boolean;
}

/** Shorter than some waits, longer than others, equal to none. */
export const CALL_TIMEOUT_MS = 1_000;
/** More crashes than any history has; one that is repeated exceeds it at once. */
const RESTART_INTENSITY = { restarts: 30, withinMs: 5_000 };
/** The reason of every signal that a caller aborts. */
export const UNWANTED = new Error('the caller wants it no more');

/** With these, the first three holders are a signal, a server and an actor. */
const FIRST_KIND = 7;
const KIND_STEP = 3;

const FAILED = new Error('the work has failed');

const FAULTS = [
  'stale_token',
  'invalid_option',
  'invalid_id',
  'call_timeout',
  'server_down',
  'noproc',
  'stopped',
];
const FINAL = ['run_id_conflict', 'session_id_conflict', 'session_released', 'withdrawn'];
const EVENTS = [
  'session_slot_granted',
  'session_slot_refused',
  'session_slot_ended',
  'run_slot_granted',
  'run_slot_refused',
  'run_slot_ended',
  'drain_started',
  'drain_ended',
  'resumed',
  'clock_jumped',
  'limiter_restarted',
] as const;

type LimiterEvent = Extract<RecordedEvent, { readonly type: (typeof EVENTS)[number] }>;
type SlotEvent = Extract<LimiterEvent, { readonly sessionId: string }>;
type Granted = Extract<SlotEvent, { readonly labels: unknown }>;
type Ended = Extract<SlotEvent, { readonly heldMs: number }>;

/** Throws where it is told to. */
class Saboteur implements FaultPoints {
  thrown = 0;
  /** Where it has thrown, but for what is repeated. */
  readonly places: string[] = [];
  private plan: CrashPlan | undefined;
  private passed = 0;

  arm(plan: CrashPlan | undefined): void {
    this.plan = plan;
    this.passed = 0;
  }

  reach(moment: string, step: string): void {
    const { plan } = this;
    if (plan?.moment !== moment || plan.step !== step || this.passed++ < plan.passes) return;
    if (!plan.isRepeated) {
      this.plan = undefined;
      this.places.push(`crash ${moment} ${step}`);
    }
    this.thrown += 1;
    throw new Error(`sabotaged ${moment} ${step}`);
  }
}

export class LimiterSubject {
  readonly clock: SimulatedClock;
  readonly limiter: StandaloneLimiter;
  readonly saboteur: Saboteur;
  /** By the number of the call, one line each. */
  readonly answers = new Map<number, string>();
  /** The token that a call was answered with. */
  readonly tokens = new Map<number, number>();
  readonly handles: Handle[] = [];
  readonly works: Work[] = [];
  readonly wrongs: string[] = [];
  /** Every code and reason that was given. */
  readonly met: string[] = [];
  /** What is held, and its token, as the events tell it. */
  readonly held = new Map<string, number>();
  /** By their numbers. */
  private readonly holders = new Map<number, Living>();
  private readonly living = new Set<number>();
  private readonly recorder = recordEvents(EVENTS);
  private eventsRead = 0;
  private readonly madeIds = new Map<string, string>();
  private readonly reader: { read(): Status };
  private lastStatus: Status;

  static async start(limits: Limits, fairness: Fairness): Promise<LimiterSubject> {
    const clock = new SimulatedClock();
    const faultPoints = new Saboteur();
    const limiter = await startConcurrencyLimiter({
      limits,
      fairness,
      clock,
      callTimeoutMs: CALL_TIMEOUT_MS,
      restartIntensity: RESTART_INTENSITY,
      faultPoints,
    });
    return new LimiterSubject(limiter, clock, faultPoints);
  }

  private constructor(limiter: StandaloneLimiter, clock: SimulatedClock, saboteur: Saboteur) {
    this.limiter = limiter;
    this.clock = clock;
    this.saboteur = saboteur;
    this.reader = openStatusReader(limiter.statusBuffer);
    this.lastStatus = limiter.getStatus();
  }

  /** Listens to events no more, and lets nobody live on. */
  async close(): Promise<void> {
    this.recorder.stop();
    for (const holder of [...this.living]) await this.endHolder(holder);
  }

  /** A holder of a new kind comes to life. */
  async addHolder(holder: number): Promise<void> {
    const kind = (FIRST_KIND + holder * KIND_STEP) % HOLDERS.length;
    for (const [, start] of HOLDERS.slice(kind, kind + 1)) this.holders.set(holder, await start());
    this.living.add(holder);
  }

  async endHolder(holder: number): Promise<void> {
    await this.holders.get(holder)?.end();
    this.living.delete(holder);
  }

  // ── What is asked of it ─────────────────────────────────────────────────────────────────────────

  acquire(ask: Ask, signal: AbortSignal | undefined, isReadLate: boolean): void {
    const { limiter } = this;
    const options = { ...this.termsOf(ask), ...waitOf(ask), ...(signal && { signal }) };
    const act = (): Promise<AnySlot> =>
      ask.table === 'session'
        ? limiter.acquireSessionSlot(ask.id, options)
        : limiter.acquireRunSlot(ask.session, ask.id, options);
    this.follow(ask.call, act, (slot) => this.take({ ask, slot, isReadLate }));
  }

  tryAcquire(ask: Ask, isReadLate: boolean): void {
    const { limiter } = this;
    const options = this.termsOf(ask);
    this.followThrowing(ask.call, () => {
      const answer =
        ask.table === 'session'
          ? limiter.tryAcquireSessionSlot(ask.id, options)
          : limiter.tryAcquireRunSlot(ask.session, ask.id, options);
      if (answer instanceof Error) return this.showError(answer);
      return this.take({ ask, slot: answer, isReadLate });
    });
  }

  /** `ask` is answered when the work begins, or is refused; `outcome` when it has ended. */
  wrap(ask: Ask, outcome: number, signal: AbortSignal | undefined): void {
    const options = { ...this.termsOf(ask), ...waitOf(ask), ...(signal && { signal }) };
    const work = (slot: RunSlot): Promise<string> => {
      this.madeIds.set(slot.runId, ask.id);
      const handle = { ask, slot, isReadLate: false };
      this.answer(ask.call, this.take(handle));
      return new Promise((resolve, reject) => {
        const end = (isThrowing: boolean) => (isThrowing ? reject(FAILED) : resolve('done'));
        this.works.push({ outcome, handle, end });
      });
    };
    const callNow = () => (this.answers.has(ask.call) ? outcome : ask.call);
    const act = () => this.limiter.withRunSlot(ask.session, work, options);
    this.follow(callNow, act, (value) => value);
  }

  release(call: number, table: Table, id: string, token: number | undefined): void {
    const { limiter } = this;
    const options = token === undefined ? undefined : { token };
    const act = () =>
      table === 'session'
        ? limiter.releaseSessionSlot(id, options)
        : limiter.releaseRunSlot(id, options);
    this.follow(call, act, showReport);
  }

  releaseHandle(call: number, { slot }: Handle, isDisposed: boolean): void {
    if (isDisposed)
      this.follow(
        call,
        () => slot[Symbol.asyncDispose](),
        () => 'disposed',
      );
    else this.follow(call, () => slot.release(), showReport);
  }

  badRequest(call: number, { act, isSynchronous }: BadRequest): void {
    const answered = () => 'accepted';
    // Those that do not throw return a promise, or are wrong.
    const work = () => act(this.limiter) as Promise<unknown>;
    if (!isSynchronous) this.follow(call, work, answered);
    else this.followThrowing(call, () => `accepted: ${act(this.limiter)}`);
  }

  setLimits(call: number, change: Partial<Limits>): void {
    this.follow(call, () => this.limiter.setLimits(change), showLimits);
  }

  renew(call: number, table: Table, id: string, token: number): void {
    const { limiter } = this;
    const act = () =>
      table === 'session' ? limiter.renewSessionSlot(id, token) : limiter.renewRunSlot(id, token);
    this.follow(call, act, () => 'renewed');
  }

  evict(call: number, runId: string, note: string): void {
    this.follow(call, () => this.limiter.evict(runId, note), showReport);
  }

  drain(call: number, timeoutMs: number): void {
    this.follow(call, () => this.limiter.drain({ timeoutMs }), showDrain);
  }

  endDraining(call: number): void {
    this.follow(
      call,
      () => this.limiter.resume(),
      () => 'resumed',
    );
  }

  stop(call: number): void {
    this.follow(
      call,
      () => this.limiter.stop(),
      () => 'ended',
    );
  }

  /** `act` must return a promise, whatever happens; what becomes of it is the answer of `call`. */
  follow<Value>(
    call: number | (() => number),
    act: () => PromiseLike<Value>,
    show: (value: Value) => string,
  ): void {
    const number = typeof call === 'number' ? () => call : call;
    try {
      act().then(
        (value) => this.answer(number(), show(value)),
        (error) => this.answer(number(), this.showError(error)),
      );
    } catch (error) {
      this.wrongs.push(`call ${number()} has thrown at once: ${error}`);
    }
  }

  /** `act` answers at once: returns the line, or throws a fault. */
  followThrowing(call: number, act: () => string): void {
    try {
      this.answer(call, act());
    } catch (error) {
      if (error instanceof RefusalError) this.wrongs.push(`call ${call} has thrown a refusal`);
      this.answer(call, this.showError(error));
    }
  }

  /** What an ask is on, but for how long it waits. Every other ask carries a label. */
  private termsOf({ call, table, owner, kind, priority, holder, leaseMs }: Ask): AcquireRunOptions {
    const living = holder === undefined ? undefined : this.holders.get(holder);
    return {
      ...(leaseMs !== Infinity && { leaseMs }),
      ...(living && { holder: living.holder }),
      ...(owner !== undefined && { owner }),
      ...(kind !== undefined && table === 'run' && { kind }),
      ...(priority !== 0 && { priority }),
      ...(call % 2 === 1 && { labels: { call: String(call) } }),
    };
  }

  // ── What is seen ────────────────────────────────────────────────────────────────────────────────

  /** The status but for its version, after a look at whether it can be trusted. */
  status(): Omit<Status, 'version'> {
    const { version, ...status } = this.limiter.getStatus();
    const { version: lastVersion, ...last } = this.lastStatus;
    const isSame = isDeepStrictEqual(status, last);
    if (version < lastVersion) this.wrongs.push(`version ${version} after ${lastVersion}`);
    if (version === lastVersion && !isSame) this.wrongs.push(`two statuses of version ${version}`);
    const read = this.reader.read();
    if (!isDeepStrictEqual(read, { ...status, version })) {
      this.wrongs.push(`the reader has ${JSON.stringify(read)}`);
    }
    if (!Object.isFrozen(this.limiter.getStatus())) this.wrongs.push('the status is not frozen');
    this.lastStatus = { ...status, version };
    return status;
  }

  /** The events since the last time, one line each. */
  events(): string[] {
    const news = this.recorder.events.slice(this.eventsRead);
    this.eventsRead += news.length;
    return news.flatMap((event) => this.showEvent(event as LimiterEvent));
  }

  /** What the limiter calls a run, if it has made the id itself. */
  realId(id: string): string {
    const [runId = id] = [...this.madeIds].find(([, known]) => known === id) ?? [];
    return runId;
  }

  /** How a slot's signal stands: `open`, or the code it was lost with. */
  showSignal({ slot: { signal } }: Handle): string {
    if (!signal.aborted) return 'open';
    const { reason } = signal;
    return reason instanceof SlotLostError ? reason.code : `lost for ${reason}`;
  }

  private showEvent(event: LimiterEvent): string[] {
    if (!('sessionId' in event)) this.met.push(`event ${event.type}`);
    switch (event.type) {
      case 'limiter_restarted':
        return [];
      case 'clock_jumped':
        return [`clock jumped, ${event.lateMs} ms late, ${event.driftMs} ms apart`];
      case 'drain_started':
        return [`drain begun, ${event.refusedWaiters} waits, ${event.heldRuns} runs`];
      case 'drain_ended':
        return [`drain ended ${event.drained}, ${event.heldRuns} runs`];
      case 'resumed':
        return [`draining no more, ${event.heldRuns} runs`];
      default:
        return 'code' in event && event.code === 'unavailable' ? [] : [this.showSlotEvent(event)];
    }
  }

  private showSlotEvent(event: SlotEvent): string {
    const table = event.type.startsWith('run') ? 'run' : 'session';
    const id = this.showId(event, table);
    const whose = `${table} ${id} of ${event.sessionId}, ${event.owner}`;
    const kind = 'kind' in event ? event.kind : undefined;
    if ('code' in event) return `${whose} refused ${showWhyOf(event)} after ${event.waitedMs}`;
    if ('labels' in event) return `${whose}, ${kind} granted ${this.seeGrant(event, table, id)}`;
    return `${whose}, ${kind} ended ${this.seeEnd(event, table, id)}`;
  }

  private seeGrant({ token, labels, waitedMs }: Granted, table: Table, id: string): string {
    if (this.held.has(`${table} ${id}`)) this.wrongs.push(`${id} was granted twice`);
    this.held.set(`${table} ${id}`, token);
    return `token ${token} label ${labels?.call} after ${waitedMs}`;
  }

  private seeEnd(event: Ended, table: Table, id: string): string {
    const { token, reason, heldMs } = event;
    const note = ('note' in event && event.note) || '';
    if (this.held.get(`${table} ${id}`) !== token) this.wrongs.push(`${id} ended unheld`);
    this.held.delete(`${table} ${id}`);
    this.met.push(`end ${reason}`);
    return `token ${token} ${reason} after ${heldMs} ${note}`;
  }

  /** An id that the limiter has made is not known before its work begins. */
  readonly showId = (
    {
      sessionId,
      runId = 'none',
    }: { readonly sessionId: string; readonly runId?: string | undefined },
    table: Table,
  ): string => {
    if (table === 'session') return sessionId;
    return this.madeIds.get(runId) ?? (/^r\d$/.test(runId) ? runId : 'made');
  };

  // ── What it answers ─────────────────────────────────────────────────────────────────────────────

  private take(handle: Handle): string {
    const { ask, slot, isReadLate } = handle;
    const { token } = slot;
    if (slot.sessionId !== ask.session) this.wrongs.push(`${slot.sessionId} for ${ask.session}`);
    if ('runId' in slot && slot.runId !== ask.id && !this.madeIds.has(slot.runId)) {
      this.wrongs.push(`${slot.runId} for ${ask.id}`);
    }
    if (!isReadLate) void slot.signal;
    this.tokens.set(ask.call, token);
    this.handles.push(handle);
    return `token ${token}`;
  }

  private answer(call: number, line: string): void {
    const known = this.answers.get(call);
    if (known !== undefined) this.wrongs.push(`call ${call} was answered twice: ${known}, ${line}`);
    this.answers.set(call, line);
  }

  private showError(error: unknown): string {
    if (error === UNWANTED) return 'aborted';
    if (error === FAILED) return 'failed';
    if (error instanceof RefusalError) return this.showRefusal(error);
    if (!(error instanceof SlotkeeperError)) return `no fault of ours: ${error}`;
    if (!FAULTS.includes(error.code)) this.wrongs.push(`the fault ${error.code}: ${error.message}`);
    this.met.push(`fault ${error.code}`);
    return error.code;
  }

  private showRefusal(error: RefusalError): string {
    const { code, limit, active, retryable, message } = error;
    this.met.push(`refusal ${code}`);
    if (FAULTS.includes(code)) this.wrongs.push(`the refusal ${code}: ${message}`);
    if (retryable === FINAL.includes(code)) this.wrongs.push(`${code} retryable ${retryable}`);
    const noun = NOUNS.get(code);
    const expected = `Maximum parallel ${noun} limit (${limit}) exceeded. Currently active: ${active}`;
    if (noun && message !== expected) this.wrongs.push(message);
    return showWhy(error);
  }
}

const NOUNS = new Map([
  ['max_runs_exceeded', 'runs'],
  ['max_sessions_exceeded', 'sessions'],
]);

/** A code, and what was full. */
function showWhy(why: {
  code: string;
  limit?: number | undefined;
  active?: number | undefined;
  scope?: string | undefined;
}): string {
  const { code, limit, active, scope } = why;
  const isBare = limit === undefined && active === undefined && scope === undefined;
  return isBare ? code : `${code} ${active}/${limit} ${scope}`;
}

/** What was full when somebody left is told or not. */
const showWhyOf = (refused: { readonly code: string }): string =>
  refused.code === 'withdrawn' ? refused.code : showWhy(refused);

const showReport = ({ sessions, runs, waiters }: ReleaseReport): string =>
  `report ${sessions} ${runs} ${waiters}`;

const showDrain = ({ drained, refusedWaiters, heldRuns, holders }: DrainReport): string =>
  `drained ${drained}, ${refusedWaiters} waits, ${heldRuns} runs: ${holders.map(({ token }) => `token ${token}`)}`;

/** Absent and 0 are the same. */
function waitOf({ call, waitMs }: Ask): AcquireRunOptions {
  return waitMs === 0 && call % 2 === 0 ? {} : { waitTimeoutMs: waitMs };
}
