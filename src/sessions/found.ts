/**
 * What is found in a journal of sessions and runs, as far as they outlive the process that had them.
 */
import type { Labels } from '../limiter/index.ts';

/** A session slot that outlives a process. */
export interface FoundSession {
  readonly sessionId: string;
  readonly life: string;
  readonly owner: string | undefined;
  readonly labels: Labels | undefined;
  readonly terms: string | undefined;
  readonly grantedAt: number;
  readonly lastActiveAt: number;
}

/** A run slot that outlives a process. */
export interface FoundRun {
  readonly sessionId: string;
  readonly runId: string;
  readonly owner: string | undefined;
  readonly kind: string | undefined;
  readonly labels: Labels | undefined;
  readonly leaseMs: number | undefined;
  readonly order: string | undefined;
  readonly grantedAt: number;
}

/** A session slot whose end was noted. */
export interface ClosedSession {
  readonly token: number;
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly labels: Labels | undefined;
  readonly grantedAt: number;
  readonly endedAt: number;
  readonly note: string;
}

/** A run that waited for its slot when its process ended. */
export interface FoundWaiter {
  readonly sessionId: string;
  readonly runId: string;
  readonly owner: string | undefined;
  readonly kind: string | undefined;
  readonly labels: Labels | undefined;
  readonly priority: number;
  readonly leaseMs: number | undefined;
  readonly order: string;
  readonly queuedAt: number;
  readonly expiresAt: number | undefined;
}

/** A run slot that outlived its process, and has ended; token 0 for one that was never granted. */
export interface FoundEnd {
  readonly token: number;
  readonly sessionId: string;
  readonly runId: string;
  readonly owner: string | undefined;
  readonly kind: string | undefined;
  readonly labels: Labels | undefined;
  readonly grantedAt: number;
  readonly endedAt: number;
  readonly reason: string;
  readonly note: string | undefined;
}

export interface Found {
  readonly sessions: readonly FoundSession[];
  readonly runs: readonly FoundRun[];
  /** In the order in which they came. */
  readonly waiting: readonly FoundWaiter[];
  readonly closed: readonly ClosedSession[];
  readonly endedRuns: readonly FoundEnd[];
}
