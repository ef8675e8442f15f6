/**
 * What must be true of sessions and runs at rest, whatever has happened. What is not goes to `wrongs`.
 *
 * A look compares the keeper with the ledger: first the sessions, whose ends end their runs; then the runs;
 * then what the status says, and whether anybody waits while there is room.
 */
import {
  type ClosePlan,
  type CloseReport,
  type EventNamed,
  RefusalError,
  type Run,
  type RunOutcome,
  type Session,
  SlotkeeperError,
} from '../../src/index.ts';
import { type CloseCause, RunModel, SessionModel } from './sessions-model.ts';
import type { Refused, SessionsPlay } from './sessions-play.ts';

const RUN_STATES = ['queued', 'starting', 'running', 'stopping'];
const SESSION_STATES = ['opening', 'active', 'closing', 'closed'];

/** What the limiter refuses because of a number: it must be full. */
const FULL = /^max_\w+_exceeded$/;

export class SessionsLaws {
  readonly wrongs: string[] = [];
  /** Every state, reason and code that was seen. */
  readonly met: string[] = [];
  private readonly play: SessionsPlay;
  private readonly ranks = new Map<Run | Session, number>();
  private readonly startedEvents = new Map<string, number>();
  private readonly endedEvents: EventNamed<'run_ended'>[] = [];
  private readonly closedEvents: EventNamed<'session_closed'>[] = [];
  private crashesSeen = 0;

  constructor(play: SessionsPlay) {
    this.play = play;
  }

  wrong(what: string): void {
    this.wrongs.push(what);
  }

  look(timersCame: boolean): void {
    const { model, works, now } = this.play;
    model.expire(now, timersCame);
    for (const session of model.sessions) this.lookAtSession(session);
    for (const run of model.runs) this.lookAtRun(run);
    for (const session of model.sessions) session.look(now);
    for (const session of model.sessions) this.lookAtState(session);
    for (const refused of this.play.refused.splice(0)) this.lookAtRefusal(refused);
    this.lookAtStatus();
    this.lookAtWaiters();
    this.wrongs.push(...works.wrongs.splice(0));
  }

  // ── Sessions ────────────────────────────────────────────────────────────────────────────────────

  opened(session: SessionModel, handle: Session): void {
    const { sessionId, owner, state, idleTimeoutMs, maxLifetimeMs } = handle;
    this.met.push(`session ${state}`);
    if (session.isJoin) this.met.push('join alone');
    if (sessionId !== session.id || owner !== session.terms.owner)
      this.wrong(`${session.id} is opened as ${sessionId} of ${owner}`);
    if (idleTimeoutMs !== session.terms.idleMs || maxLifetimeMs !== session.terms.lifetimeMs)
      this.wrong(`${session.id} is opened with the times of another`);
  }

  /** Both were given one session. */
  joined(session: SessionModel, other: SessionModel): void {
    const { id, terms } = session;
    const { sessions } = this.play.model;
    const isFirst = sessions.indexOf(session) < sessions.indexOf(other);
    this.met.push(isFirst ? 'join with a later one' : 'join shared');
    if (other.id !== id || other.terms.owner !== terms.owner)
      this.wrong(`${id} of ${terms.owner} is given as ${other.id} of ${other.terms.owner}`);
  }

  openedAgain(known: SessionModel, owner: string | undefined, handle: Session): void {
    if (known.terms.owner !== owner) this.wrong(`${known.id} is opened for ${owner}`);
    if (this.play.sessions.get(known) !== handle)
      this.wrong(`${known.id} is another when opened again`);
  }

  refusedAgain(
    known: SessionModel,
    { owner, wasActive, fault }: { owner: string | undefined; wasActive: boolean; fault: unknown },
  ): void {
    const code = codeOf(fault);
    const isOther = known.terms.owner !== owner;
    if (isOther !== (code === 'session_id_conflict')) this.wrong(`${known.id} again: ${code}`);
    if (wasActive && !isOther) this.wrong(`${known.id} is open, and refused: ${code}`);
  }

  closed(event: EventNamed<'session_closed'>): void {
    this.closedEvents.push(event);
  }

  sessionOf(actor: unknown): SessionModel | undefined {
    const core = (
      actor as { getSnapshot?(): { context?: { core?: { id: string } } } } | undefined
    )?.getSnapshot?.().context?.core; // of a machine of sessions, which is not known by its type here
    const session = core && this.play.model.sessionOf(core.id);
    return session?.isActive ? session : undefined;
  }

  private lookAtSession(session: SessionModel): void {
    const { causes } = session;
    const reason = this.play.sessions.get(session)?.closeReason;
    if (session.closeReason !== undefined) {
      if (reason !== session.closeReason)
        this.wrong(`${session.id} was closed as ${session.closeReason}, now ${reason}`);
    } else if (reason !== undefined) {
      if (!causes.has(reason))
        this.wrong(`${session.id} is closed as ${reason}, not ${causes.names}`);
      this.met.push(`close ${reason}`);
      session.closed(reason);
    } else if (session.isActive && causes.certain.length > 0) {
      this.wrong(`${session.id} is not closed: ${causes.certain}`);
    }
    causes.clear();
  }

  /** Where it stands follows from what it was closed for, and from what is at work in it. */
  private lookAtState(session: SessionModel): void {
    const handle = this.play.sessions.get(session);
    if (!handle) {
      if (session.openedAt !== undefined) this.wrong(`${session.id} is open without a handle`);
      return;
    }
    const closed = session.isEmpty ? 'closed' : 'closing';
    const foreseen = session.isActive ? 'active' : closed;
    this.expectState(handle, session.id, foreseen);
    this.expectForward(handle, SESSION_STATES);
    this.met.push(`session ${handle.state}`);
    const there = new Set(
      session.runs.filter((run) => run.isAccepted && !run.isOver).map(({ id }) => id),
    );
    const shown = handle.runs().map(({ runId }) => runId);
    if (shown.length !== there.size || shown.some((id) => !there.has(id)))
      this.wrong(`${session.id} shows the runs ${shown}, not ${[...there]}`);
  }

  // ── The closing of a session ────────────────────────────────────────────────────────────────────

  planOf(session: SessionModel): string[] {
    const living = session.runs.filter((run) => run.isAccepted && !run.isOver);
    const waiting = living.filter((run) => run.isWaiting).map(({ id }) => `withdraw_run ${id}`);
    const working = living.filter((run) => !run.isWaiting).map(({ id }) => `stop_run ${id}`);
    const others = session.raws
      .filter(({ state }) => state !== 'over')
      .map(({ id }) => id)
      .sort();
    const release = others.length > 0 ? [`release_others ${others}`] : [];
    const own = session.hasSlot ? ['release_session'] : [];
    return [...waiting, ...working, ...release, ...own];
  }

  planned(session: SessionModel, foreseen: string[], { steps }: ClosePlan): void {
    const shown = steps.map((step) => {
      if (step.action === 'release_others') return `release_others ${[...step.runIds].sort()}`;
      return 'runId' in step ? `${step.action} ${step.runId}` : step.action;
    });
    if (shown.join() !== foreseen.join())
      this.wrong(`the plan of ${session.id} is ${shown}, not ${foreseen}`);
  }

  reported(session: SessionModel, report: CloseReport, afterMs: number, timeoutMs: number): void {
    const { sessionId, isComplete, steps } = report;
    if (sessionId !== session.id) this.wrong(`${session.id} reports ${sessionId}`);
    if (afterMs > timeoutMs) this.wrong(`${session.id} reports after ${afterMs} ms`);
    if (!isComplete && timeoutMs === Infinity)
      this.wrong(`${session.id} is not closed, but says so`);
    const isDone = steps.every(({ result }) => result === 'done');
    if (isComplete && !isDone) this.wrong(`${session.id} is closed with ${JSON.stringify(steps)}`);
    this.met.push(`report ${isComplete ? 'complete' : 'pending'}`);
  }

  // ── Runs ────────────────────────────────────────────────────────────────────────────────────────

  accepted(run: RunModel, handle: Run): void {
    this.met.push(`run ${placeOf(handle)}`);
    if (handle.runId !== run.id) this.wrong(`${run.id} is accepted as ${handle.runId}`);
  }

  /** Whoever asks is told the same. */
  told(run: RunModel, outcome: RunOutcome, isAgain = false): void {
    const told = endOf(outcome);
    if (!isAgain) run.told.push(told);
    else if (run.told[0] !== told)
      this.wrong(`${run.id} has ended ${run.told}, and is told ${told}`);
  }

  allEnded(runs: readonly RunModel[], outcomes: ReadonlyMap<string, RunOutcome>): void {
    for (const run of runs) {
      const outcome = outcomes.get(run.id);
      if (!outcome) this.wrong(`${run.id} has no outcome among ${[...outcomes.keys()]}`);
      else this.told(run, outcome, true);
    }
  }

  paused(run: RunModel, order: 'pause' | 'resume', before: string): void {
    this.met.push(`order ${order}`);
    run.isPaused = order === 'pause';
    const isPaused = this.play.runs.get(run)?.isPaused;
    if (before !== 'running' || isPaused !== (order === 'pause'))
      this.wrong(`${order} of ${run.id}, which was ${before}: paused is ${isPaused}`);
  }

  notPaused(run: RunModel, before: string, fault: unknown): void {
    const foreseen = before === 'running' ? 'pause_unsupported' : 'run_not_running';
    this.met.push(`fault ${foreseen}`);
    if (codeOf(fault) !== foreseen) this.wrong(`${run.id} cannot be paused: ${codeOf(fault)}`);
  }

  /** Somebody else asked for its slot. */
  notTaken(run: RunModel, fault: unknown): void {
    const code = codeOf(fault);
    this.met.push(`taking ${code}`);
    if (code !== 'run_id_conflict') this.wrong(`${run.id} is not for others: ${code}`);
  }

  started({ runId }: EventNamed<'run_started'>): void {
    const handle = this.play.keeper.getRun(runId);
    if (handle) this.met.push(`run ${placeOf(handle)}`);
    this.startedEvents.set(runId, (this.startedEvents.get(runId) ?? 0) + 1);
  }

  ended(event: EventNamed<'run_ended'>): void {
    this.endedEvents.push(event);
  }

  private lookAtRun(run: RunModel): void {
    const { causes, told } = run;
    if (run.answer === 'none') this.wrong(`${run.id} is neither accepted nor refused`);
    if (told.length > 1) this.wrong(`${run.id} has ended ${told.length} times`);
    if (run.isOpen) this.lookAtEnd(run, told[0]);
    causes.clear();
    const handle = this.play.runs.get(run);
    if (!handle) return;
    this.met.push(`run ${placeOf(handle)}`);
    this.expectState(handle, run.id, stateOf(run));
    this.expectForward(handle, RUN_STATES);
  }

  private lookAtEnd(run: RunModel, end: string | undefined): void {
    const { causes } = run;
    if (end === undefined) {
      if (causes.certain.length > 0) this.wrong(`${run.id} has not ended: ${causes.certain}`);
      return;
    }
    if (!causes.has(end) && !this.isCrash(run, end))
      this.wrong(`${run.id} has ended ${end}, not ${causes.names}`);
    this.met.push(`end ${end}`);
    run.settled = end;
    run.session.runSettled();
  }

  /** One that was to start, and whose actor crashed then, as ordered. */
  private isCrash(run: RunModel, end: string): boolean {
    if (end !== 'failed run_crashed' || run.begins > 0) return false;
    const crashes = this.play.saboteur.places.filter((place) => place === 'before run_starting');
    this.crashesSeen += 1;
    return this.crashesSeen <= crashes.length;
  }

  // ── All of it ───────────────────────────────────────────────────────────────────────────────────

  private lookAtRefusal({ what, fault }: Refused): void {
    const code = codeOf(fault);
    this.met.push(`refusal ${code}`);
    if (
      fault instanceof RefusalError &&
      FULL.test(code) &&
      !((fault.active ?? 0) >= (fault.limit ?? Infinity))
    )
      this.wrong(`${what.id} is refused: ${fault.message}`);
    if (what instanceof RunModel) this.lookAtRefusedRun(what, code);
    else if (what instanceof SessionModel) this.lookAtRefusedSession(what, code);
    else this.expectFair(what.id, code, RAW_REFUSALS);
  }

  private lookAtRefusedSession(session: SessionModel, code: string): void {
    const { id, terms, isJoin } = session;
    if (isJoin) this.met.push(`join ${FULL.test(code) ? 'full' : code}`);
    const others = this.play.model.sessions.filter((one) => one.id === id && one !== session);
    const isTaken = others.some((one) => one.isOpening && one.terms.owner !== terms.owner);
    if (code === 'session_id_conflict' && isTaken) this.met.push('join conflict');
    else this.expectFair(id, code, SESSION_REFUSALS);
  }

  private lookAtRefusedRun(run: RunModel, code: string): void {
    this.expectFair(run.id, code, RUN_REFUSALS);
    if (code === 'session_closed' && run.session.isActive)
      this.wrong(`${run.id} is refused: its session is active`);
    const same = this.play.model.runs.filter(({ id }) => id === run.id);
    if (code === 'run_id_conflict' && same.length < 2)
      this.wrong(`${run.id} conflicts with nobody`);
    const holder = run.terms.holder ?? -1;
    if (code === 'noproc' && !this.play.callers.down.has(holder))
      this.wrong(`${run.id}: its holder lives`);
    if (code === 'draining' && !this.play.isDraining) this.wrong(`${run.id}: nobody drains`);
    if (run.begins > 0) this.wrong(`${run.id} has begun, and was refused: ${code}`);
  }

  private expectFair(id: string, code: string, codes: readonly string[]): void {
    if (this.play.isEnding && ENDINGS.includes(code)) return;
    if (!FULL.test(code) && !codes.includes(code)) this.wrong(`${id} is refused: ${code}`);
  }

  private lookAtStatus(): void {
    const { model, keeper } = this.play;
    const status = keeper.getStatus();
    const held = model.raws.filter(({ state }) => state === 'held');
    const foreseen = {
      openSessions: model.sessions.filter((one) => one.isThere).length,
      activeSessions: model.sessions.filter(
        (one) => one.openedAt !== undefined && one.isThere && one.hasSlot,
      ).length,
      // Who joins another waits with him.
      waitingSessions: new Set(model.sessions.filter((one) => one.isOpening).map(({ id }) => id))
        .size,
      activeRuns: model.atWork.length + held.length,
      waitingRuns:
        model.waiting.length + model.raws.filter(({ state }) => state === 'waiting').length,
      stuckRuns: model.runs.filter((run) => run.isStuck).length,
    };
    for (const [name, count] of Object.entries(foreseen)) {
      const shown = status[name as keyof typeof foreseen]; // as its keys are
      if (shown !== count) this.wrong(`the status says ${name} ${shown}, not ${count}`);
    }
    const { activeRuns, maxParallelRuns, availableRunSlots } = status;
    if (availableRunSlots !== Math.max(0, maxParallelRuns - activeRuns))
      this.wrong('the status contradicts itself');
    const listed = [...keeper.sessions()].length;
    if (listed !== foreseen.openSessions) this.wrong(`${listed} sessions are listed`);
  }

  /** Nobody waits while there is room. */
  private lookAtWaiters(): void {
    const { model, keeper } = this.play;
    const limits = keeper.limiter.getLimits();
    const status = keeper.getStatus();
    for (const run of model.waiting) {
      const held = [...keeper.limiter.list({ state: 'held' })].filter((row) => row.type === 'run');
      const { owner, isTool } = run.terms;
      const ofSession = held.filter(({ sessionId }) => sessionId === run.session.id).length;
      const ofOwner = held.filter((row) => owner !== undefined && row.owner === owner).length;
      const tools = held.filter(({ kind }) => isTool && kind === 'tool').length;
      const isFull =
        held.length >= limits.maxParallelRuns ||
        ofSession >= limits.maxRunsPerSession ||
        ofOwner >= limits.maxRunsPerOwner ||
        tools >= (limits.maxRunsPerKind.tool ?? Infinity);
      if (!isFull) this.wrong(`${run.id} waits while there is room`);
    }
    const isOpening = model.sessions.some((one) => one.isOpening);
    if (isOpening && status.activeSessions < limits.maxParallelSessions)
      this.wrong('a session waits while there is room');
  }

  /** What the events say, when all is over: as often as it was, and as it was told. */
  lookAtEvents(): void {
    const { model } = this.play;
    const accepted = model.runs.filter((run) => run.isAccepted);
    const told = accepted
      .map((run) => `${run.id} ${run.settled?.replace(' run_crashed', '')}`)
      .sort();
    const published = this.endedEvents.map(({ runId, state, reason }) =>
      [runId, state, ...(reason === undefined ? [] : [reason])].join(' '),
    );
    if (published.sort().join() !== told.join())
      this.wrong(`ended ${told}, but published ${published}`);
    const begun = model.runs.filter(({ begins }) => begins > 0).length;
    const starts = [...this.startedEvents.values()].reduce((sum, count) => sum + count, 0);
    if (begun !== starts) this.wrong(`${begun} have begun, ${starts} were published`);
    const closings = model.sessions.flatMap(({ id, closeReason }) =>
      closeReason ? [`${id} ${closeReason}`] : [],
    );
    const closed = this.closedEvents.map(({ sessionId, reason }) => `${sessionId} ${reason}`);
    if (closed.sort().join() !== closings.sort().join())
      this.wrong(`closed ${closings}, but published ${closed}`);
  }

  private expectState(handle: Run | Session, id: string, foreseen: string): void {
    if (handle.state !== foreseen) this.wrong(`${id} is ${handle.state}, not ${foreseen}`);
  }

  private expectForward(handle: Run | Session, states: readonly string[]): void {
    const found = states.indexOf(handle.state);
    const rank = found < 0 ? states.length : found;
    if (rank < (this.ranks.get(handle) ?? 0)) this.wrong(`it is ${handle.state} again`);
    this.ranks.set(handle, rank);
  }
}

/** What who waits is told when the keeper ends. */
const ENDINGS = ['stopped', 'server_down'];
const ASKED = ['queue_full', 'wait_timeout', 'draining', 'noproc', 'withdrawn', 'caller'];
const SESSION_REFUSALS = [...ASKED, 'session_closed'];
const RAW_REFUSALS = [...ASKED, 'session_released', 'run_id_conflict'];
const RUN_REFUSALS = [...ASKED, 'session_closed', 'run_id_conflict', 'cancelled'];

function stateOf(run: RunModel): string {
  if (run.settled !== undefined && run.isOver) return run.settled.split(' ')[0] ?? '';
  if (run.settled !== undefined) return 'stopping';
  return run.begins === 0 ? 'queued' : 'running';
}

/** Where its machine stands: a run that is paused is running, for its users. */
function placeOf(handle: Run): string {
  return handle.isPaused ? 'paused' : handle.state;
}

function codeOf(fault: unknown): string {
  if (fault instanceof SlotkeeperError) return fault.code;
  return fault instanceof Error && fault.message.startsWith('the caller')
    ? 'caller'
    : String(fault);
}

function endOf(outcome: RunOutcome): string {
  if ('reason' in outcome) return `${outcome.state} ${outcome.reason}`;
  const isCrash = outcome.state === 'failed' && codeOf(outcome.error) === 'run_crashed';
  return isCrash ? 'failed run_crashed' : outcome.state;
}

export type { CloseCause };
