/**
 * The limiter's status: its counts at one moment, always consistent with themselves.
 */
export interface Status {
  readonly state: LimiterState;
  readonly storage: StorageState;
  readonly activeSessions: number;
  readonly activeRuns: number;
  /** Held runs whose session holds no slot. */
  readonly sessionlessRuns: number;
  readonly waitingSessions: number;
  readonly waitingRuns: number;
  readonly maxParallelSessions: number;
  readonly maxParallelRuns: number;
  /** `max - active`, never below 0. */
  readonly availableSessionSlots: number;
  readonly availableRunSlots: number;
  /** Rises with every change that was published. */
  readonly version: number;
  /** How often the limiter's actor was restarted, after whatever end. */
  readonly restarts: number;
}

export const LIMITER_STATES = ['recovering', 'accepting', 'draining', 'stopped'] as const;
export const STORAGE_STATES = ['ok', 'degraded'] as const;

export type LimiterState = (typeof LIMITER_STATES)[number];
export type StorageState = (typeof STORAGE_STATES)[number];

/** What a status is made of; the rest follows from it. */
export type Counts = Omit<Status, 'availableSessionSlots' | 'availableRunSlots'>;

export function statusOf(counts: Counts): Status {
  const { activeSessions, activeRuns, maxParallelSessions, maxParallelRuns } = counts;
  return Object.freeze({
    state: counts.state,
    storage: counts.storage,
    activeSessions,
    activeRuns,
    sessionlessRuns: counts.sessionlessRuns,
    waitingSessions: counts.waitingSessions,
    waitingRuns: counts.waitingRuns,
    maxParallelSessions,
    maxParallelRuns,
    availableSessionSlots: Math.max(0, maxParallelSessions - activeSessions),
    availableRunSlots: Math.max(0, maxParallelRuns - activeRuns),
    version: counts.version,
    restarts: counts.restarts,
  });
}
