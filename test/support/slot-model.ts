/**
 * The contract of the limiter as a naive model: two lists, searched from end to end. It knows nothing of
 * groups, tokens or time; it says who is told what.
 */
import type { Limits } from '../../src/index.ts';

/** What a caller wants, and what the model has told so far. */
export interface ModelCaller {
  outcome: string;
}

export interface Wish {
  readonly sessionId: string;
  /** Absent: the session itself. */
  readonly runId?: string | undefined;
  readonly owner?: string | undefined;
  readonly kind?: string | undefined;
  readonly priority: number;
  readonly waits: boolean;
}

interface Entry extends Wish {
  readonly arrival: number;
  readonly callers: Set<ModelCaller>;
}

interface Report {
  sessions: number;
  runs: number;
  waiters: number;
}

export class SlotModel {
  private readonly limits: Limits;
  private held: Entry[] = [];
  private waiting: Entry[] = [];
  private arrivals = 0;

  constructor(limits: Limits) {
    this.limits = { ...limits };
  }

  ask(wish: Wish): ModelCaller {
    const caller: ModelCaller = { outcome: 'granted' };
    const entry = { ...wish, arrival: this.arrivals++, callers: new Set([caller]) };
    const held = this.held.find((other) => isSameId(other, wish));
    const waiting = this.waiting.find((other) => isSameId(other, wish));
    if (held) caller.outcome = isSameHolder(held, wish) ? 'granted' : conflict(wish);
    else if (waiting) caller.outcome = this.join(waiting, wish, caller);
    else caller.outcome = this.admit(entry);
    return caller;
  }

  /** A caller who waits gives up. */
  giveUp(caller: ModelCaller): void {
    const entry = this.waiting.find(({ callers }) => callers.has(caller));
    if (!entry) return;
    caller.outcome = 'gave up';
    entry.callers.delete(caller);
    if (entry.callers.size === 0) this.waiting = this.waiting.filter((other) => other !== entry);
  }

  releaseRun(runId: string): Report {
    const report = this.end((entry) => entry.runId === runId, 'withdrawn');
    this.grant();
    return report;
  }

  releaseSession(sessionId: string): Report {
    const own = this.end((e) => e.runId === undefined && e.sessionId === sessionId, 'withdrawn');
    const runs = this.end((entry) => entry.sessionId === sessionId, 'session_released');
    this.grant();
    return {
      sessions: own.sessions,
      runs: runs.runs,
      waiters: own.waiters + runs.waiters,
    };
  }

  setLimits(limits: Partial<Limits>): void {
    const maxRunsPerKind = { ...this.limits.maxRunsPerKind, ...limits.maxRunsPerKind };
    Object.assign(this.limits, limits, { maxRunsPerKind });
    this.grant();
  }

  counts() {
    const of = (list: Entry[], isRun: boolean): number =>
      list.filter(({ runId }) => (runId !== undefined) === isRun).length;
    return {
      activeSessions: of(this.held, false),
      activeRuns: of(this.held, true),
      waitingSessions: of(this.waiting, false),
      waitingRuns: of(this.waiting, true),
      sessionlessRuns: this.held.filter((entry) => entry.runId && !this.holdsSession(entry)).length,
    };
  }

  private join(entry: Entry, wish: Wish, caller: ModelCaller): string {
    if (!isSameHolder(entry, wish)) return conflict(wish);
    if (!wish.waits) return this.blocker(entry) ?? 'a waiter that nothing blocks';
    entry.callers.add(caller);
    return 'waiting';
  }

  private admit(entry: Entry): string {
    const jobs = this.isJobsFull(entry) ? 'max_jobs_per_owner_exceeded' : undefined;
    const blocker = this.blocker(entry, jobs);
    if (blocker === undefined) {
      this.held.push(entry);
      return 'granted';
    }
    if (!entry.waits) return blocker;
    if (jobs) return jobs;
    if (this.waiting.length >= this.limits.maxWaiters) return 'queue_full';
    this.waiting.push(entry);
    return 'waiting';
  }

  private end(isMeant: (entry: Entry) => boolean, outcome: string): Report {
    const ended = this.held.filter(isMeant);
    const withdrawn = this.waiting.filter(isMeant);
    this.held = this.held.filter((entry) => !isMeant(entry));
    this.waiting = this.waiting.filter((entry) => !isMeant(entry));
    for (const { callers } of withdrawn) for (const caller of callers) caller.outcome = outcome;
    const runs = ended.filter(({ runId }) => runId !== undefined).length;
    return { sessions: ended.length - runs, runs, waiters: withdrawn.length };
  }

  private grant(): void {
    const inOrder = [...this.waiting].sort(
      (one, other) => other.priority - one.priority || one.arrival - other.arrival,
    );
    for (const entry of inOrder) {
      if (this.blocker(entry) !== undefined) continue;
      this.waiting = this.waiting.filter((other) => other !== entry);
      this.held.push(entry);
      for (const caller of entry.callers) caller.outcome = 'granted';
    }
  }

  /** The narrowest limit that is full for this entry. */
  private blocker(entry: Entry, jobs?: string): string | undefined {
    const full =
      entry.runId === undefined ? this.fullForSession(entry) : this.fullForRun(entry, jobs);
    return full.find((code) => code !== undefined);
  }

  private fullForSession({ owner }: Entry): (string | undefined)[] {
    const sessions = this.held.filter(({ runId }) => runId === undefined);
    const { maxSessionsPerOwner, maxParallelSessions } = this.limits;
    const owned = owner === undefined ? 0 : sessions.filter((one) => one.owner === owner).length;
    return [
      owned >= maxSessionsPerOwner ? 'max_sessions_per_owner_exceeded' : undefined,
      sessions.length >= maxParallelSessions ? 'max_sessions_exceeded' : undefined,
    ];
  }

  private fullForRun(entry: Entry, jobs: string | undefined): (string | undefined)[] {
    const runs = this.held.filter(({ runId }) => runId !== undefined);
    const { maxRunsPerSession, maxRunsPerOwner, maxRunsPerKind, maxParallelRuns } = this.limits;
    const count = (key: 'sessionId' | 'owner' | 'kind'): number =>
      entry[key] === undefined ? 0 : runs.filter((run) => run[key] === entry[key]).length;
    const perKind = maxRunsPerKind[entry.kind ?? ''] ?? Infinity;
    return [
      count('sessionId') >= maxRunsPerSession ? 'max_runs_per_session_exceeded' : undefined,
      count('owner') >= maxRunsPerOwner ? 'max_runs_per_owner_exceeded' : undefined,
      jobs,
      count('kind') >= perKind ? 'max_runs_per_kind_exceeded' : undefined,
      runs.length >= maxParallelRuns ? 'max_runs_exceeded' : undefined,
    ];
  }

  private isJobsFull({ runId, owner }: Entry): boolean {
    if (runId === undefined || owner === undefined) return false;
    const jobs = [...this.held, ...this.waiting].filter((one) => one.runId && one.owner === owner);
    return jobs.length >= this.limits.maxJobsPerOwner;
  }

  private holdsSession({ sessionId }: Entry): boolean {
    return this.held.some((one) => one.runId === undefined && one.sessionId === sessionId);
  }
}

function isSameId(one: Wish, other: Wish): boolean {
  if (one.runId !== undefined || other.runId !== undefined) return one.runId === other.runId;
  return one.sessionId === other.sessionId;
}

function isSameHolder(one: Wish, other: Wish): boolean {
  return one.sessionId === other.sessionId && one.owner === other.owner;
}

function conflict({ runId }: Wish): string {
  return runId === undefined ? 'session_id_conflict' : 'run_id_conflict';
}
