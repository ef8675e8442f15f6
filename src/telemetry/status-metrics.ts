/**
 * Metrics that are read from the status whenever somebody asks for them. Nothing is remembered here.
 */
import type { LimitsChanged } from '../limiter/channels.ts';
import type { MetricBook } from './metric-book.ts';

type Limits = LimitsChanged['limits'];

/** What a keeper says of itself. */
export interface StatusSource {
  status(): KeeperCounts;
  limits(): HeldLimits;
}

/** All, or some of them. */
export type HeldLimits = Partial<Limits> & Pick<Limits, 'maxRunsPerKind'>;

export interface KeeperCounts {
  readonly state: string;
  readonly storage: 'ok' | 'degraded';
  readonly activeSessions: number;
  readonly waitingSessions: number;
  readonly openSessions: number;
  readonly activeRuns: number;
  readonly waitingRuns: number;
  readonly sessionlessRuns: number;
  readonly stuckRuns: number;
  readonly restarts: number;
}

const STATES = ['recovering', 'accepting', 'draining', 'stopped'] as const;

export function readStatus(book: MetricBook, source: StatusSource): void {
  book.onScrape(() => {
    const counts = source.status();
    setSessions(book, counts);
    setRuns(book, counts);
    setStates(book, counts);
    setLimits(book, source.limits());
  });
}

function setSessions(book: MetricBook, counts: KeeperCounts): void {
  book.set('sessions_active', {}, counts.activeSessions);
  book.set('sessions_waiting', {}, counts.waitingSessions);
  book.set('sessions_open', {}, counts.openSessions);
}

function setRuns(book: MetricBook, counts: KeeperCounts): void {
  book.set('runs_active', {}, counts.activeRuns);
  book.set('runs_waiting', {}, counts.waitingRuns);
  book.set('runs_sessionless', {}, counts.sessionlessRuns);
  book.set('runs_stuck', {}, counts.stuckRuns);
}

function setStates(book: MetricBook, { state, storage, restarts }: KeeperCounts): void {
  for (const one of STATES) book.set('state', { state: one }, one === state ? 1 : 0);
  book.set('storage_degraded', {}, storage === 'degraded' ? 1 : 0);
  book.total('limiter_restarts_total', restarts);
}

function setLimits(book: MetricBook, { maxRunsPerKind, ...limits }: HeldLimits): void {
  for (const [name, value] of Object.entries(limits)) {
    book.set('limit', { limit: snakeCased(name) }, value);
  }
  // A kind whose limit was taken away has none.
  book.forget('kind_limit');
  for (const [kind, value] of Object.entries(maxRunsPerKind)) {
    book.set('kind_limit', { kind }, value);
  }
}

/** `maxParallelRuns` as `max_parallel_runs`. */
function snakeCased(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
