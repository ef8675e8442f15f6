/**
 * The auditor: follows the limiter's events and counts what is held, so that each grant is held against
 * the limits of its own moment, and not only at the end of a step.
 */
import {
  type EventName,
  type EventNamed,
  type Limits,
  onEvent,
  type RunSlotEnded,
  type RunSlotGranted,
  type RunSlotRefused,
  type SessionSlotEnded,
  type SessionSlotGranted,
  type SessionSlotRefused,
} from 'slotkeeper';
import type { Terms } from './ask.ts';
import type { Complaints, Tally } from './tally.ts';

type Granted = SessionSlotGranted & Partial<RunSlotGranted>;

type Ended = SessionSlotEnded & Partial<RunSlotEnded>;

type Refused = SessionSlotRefused & Partial<RunSlotRefused>;

/** What renewals get after a jump of the clock, in milliseconds. */
const GRACE_MS = 1_000;

export type Table = 'session' | 'run';

/** Whose slots a count is of. */
type Scope = 'global' | 'session' | 'owner' | 'kind';

/** A limit, and whose slots count against it. */
type Gate = readonly [name: string, limit: number, scope: Scope, key: string | undefined];

/** Whom limits concern. */
type Concerned = Pick<Terms, 'sessionId' | 'owner' | 'kind'>;

export class Auditor {
  limits: Limits;
  isDraining = false;
  /** Until then leases that have run out may be held: the clock has jumped. */
  graceUntil = 0;
  /** Held, by token. */
  readonly held = new Map<number, Granted>();
  /** Why slots have ended, by token, until somebody has looked. */
  readonly ends = new Map<number, Ended>();
  /** The most that was held at a time, and the highest limit. */
  readonly most = { sessions: 0, runs: 0, maxParallelSessions: 0, maxParallelRuns: 0 };
  /** The most that may be held: by a limit since it was last looked at, or as what was held then. */
  private ceiling = { sessions: 0, runs: 0 };
  restarts = 0;
  private readonly counts = new Map<string, number>();
  private readonly complaints: Complaints;
  private readonly tally: Tally;
  private readonly monotonicNow: () => number;
  private readonly unlisten: (() => void)[] = [];
  private readonly watchers = new Set<() => void>();
  private lastToken = 0;

  constructor(limits: Limits, complaints: Complaints, tally: Tally, monotonicNow: () => number) {
    this.limits = limits;
    this.complaints = complaints;
    this.tally = tally;
    this.monotonicNow = monotonicNow;
    this.changeLimits(limits);
    this.listen();
  }

  /** Told of each slot that ends so. */
  onExpired: (token: number) => void = () => {};
  /** Told of each slot that is granted or ends, and each wait that is refused. */
  onNews: (id: string) => void = () => {};

  /** How much is held: in all, of one session, owner or kind. */
  count(table: Table, scope: Scope, key = ''): number {
    return this.counts.get(`${table} ${scope} ${key}`) ?? 0;
  }

  /** The limits that are full for who asks on such terms. */
  fullFor(table: Table, terms: Concerned): string[] {
    return this.gatesOf(table, terms)
      .filter(
        ([, limit, scope, key]) => key !== undefined && this.count(table, scope, key) >= limit,
      )
      .map(([name]) => name);
  }

  /** Complains of more than may be held. True when it is more than the limits, which were lowered. */
  look(): boolean {
    const { ceiling, limits } = this;
    const sessions = this.count('session', 'global');
    const runs = this.count('run', 'global');
    const isSo = sessions <= ceiling.sessions && runs <= ceiling.runs;
    this.complaints.expect(isSo, () => `${sessions} sessions and ${runs} runs are too much`);
    this.ceiling = { sessions, runs };
    this.raiseCeiling();
    return sessions > limits.maxParallelSessions || runs > limits.maxParallelRuns;
  }

  /** Resolves when it is so; looks after each end and each refusal. */
  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isSo()) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
  }

  /** Hears no more. */
  close(): void {
    for (const end of this.unlisten.splice(0)) end();
  }

  private listen(): void {
    this.on('session_slot_granted', (event) => this.grant('session', event));
    this.on('run_slot_granted', (event) => this.grant('run', event));
    this.on('session_slot_ended', (event) => this.end('session', event));
    this.on('run_slot_ended', (event) => this.end('run', event));
    this.on('session_slot_refused', (event) => this.refuse(event));
    this.on('run_slot_refused', (event) => this.refuse(event));
    this.on('limits_changed', ({ limits }) => this.changeLimits(limits));
    this.on('clock_jumped', () => this.jump());
    this.on('drain_started', () => this.drain(true));
    this.on('resumed', () => this.drain(false));
    this.on('limiter_restarted', ({ restarts }) => {
      this.restarts = restarts;
    });
  }

  private on<Name extends EventName>(name: Name, listener: (event: EventNamed<Name>) => void) {
    this.unlisten.push(
      onEvent(name, (event) => {
        listener(event);
        for (const look of this.watchers) look();
      }),
    );
  }

  private grant(table: Table, event: Granted): void {
    const { token, sessionId, runId } = event;
    const name = `${table} ${sessionId}/${runId} (token ${token})`;
    this.complaints.expect(token > this.lastToken, () => `${name} has no higher token`);
    this.complaints.expect(!this.isDraining, () => `${name} was granted during a drain`);
    const full = this.fullFor(table, event);
    this.complaints.expect(full.length === 0, () => `${name} was granted beyond ${full}`);
    this.lastToken = token;
    this.held.set(token, event);
    this.add(table, event, 1);
    this.noteMost();
    this.onNews(runId ?? sessionId);
    this.tally.count('grants', table);
  }

  private end(table: Table, ended: Ended): void {
    const { token, reason, sessionId, runId } = ended;
    const event = this.held.get(token);
    this.complaints.expect(event !== undefined, () => `token ${token} ended, but was not held`);
    if (reason === 'expired') this.onExpired(token);
    if (event) this.add(table, event, -1);
    this.held.delete(token);
    this.ends.set(token, ended);
    this.onNews(runId ?? sessionId);
    this.tally.count('ends', reason);
  }

  private refuse({ sessionId, runId, code }: Refused): void {
    this.onNews(runId ?? sessionId);
    this.tally.count('refusals', code);
  }

  private changeLimits(limits: Limits): void {
    const { most } = this;
    this.limits = limits;
    this.raiseCeiling();
    most.maxParallelSessions = Math.max(most.maxParallelSessions, limits.maxParallelSessions);
    most.maxParallelRuns = Math.max(most.maxParallelRuns, limits.maxParallelRuns);
  }

  private raiseCeiling(): void {
    const { ceiling, limits } = this;
    ceiling.sessions = Math.max(ceiling.sessions, limits.maxParallelSessions);
    ceiling.runs = Math.max(ceiling.runs, limits.maxParallelRuns);
  }

  private jump(): void {
    this.graceUntil = this.monotonicNow() + GRACE_MS;
    this.tally.count('clock', 'jumps that were noticed');
  }

  private drain(isDraining: boolean): void {
    this.isDraining = isDraining;
    this.tally.count('drains', isDraining ? 'begun' : 'ended');
  }

  private noteMost(): void {
    const { most } = this;
    most.sessions = Math.max(most.sessions, this.count('session', 'global'));
    most.runs = Math.max(most.runs, this.count('run', 'global'));
  }

  private gatesOf(table: Table, { sessionId, owner, kind }: Concerned): Gate[] {
    const { limits } = this;
    if (table === 'session') {
      return [
        ['maxParallelSessions', limits.maxParallelSessions, 'global', ''],
        ['maxSessionsPerOwner', limits.maxSessionsPerOwner, 'owner', owner],
      ];
    }
    const ofKind = limits.maxRunsPerKind[kind ?? ''] ?? Infinity;
    return [
      ['maxParallelRuns', limits.maxParallelRuns, 'global', ''],
      ['maxRunsPerSession', limits.maxRunsPerSession, 'session', sessionId],
      ['maxRunsPerOwner', limits.maxRunsPerOwner, 'owner', owner],
      ['maxRunsPerKind', ofKind, 'kind', kind],
    ];
  }

  private add(table: Table, { sessionId, owner, kind }: Granted, by: number): void {
    const keys = { global: '', session: sessionId, owner, kind };
    for (const [scope, key] of Object.entries(keys)) {
      if (key === undefined) continue;
      const place = `${table} ${scope} ${key}`;
      this.counts.set(place, (this.counts.get(place) ?? 0) + by);
    }
  }
}
