/**
 * The limits as rules: one object for each ceiling, shared by the gates that stand for it, so that a
 * changed limit is one assignment whatever is held.
 */
import { Rule } from './gate.ts';
import type { Limits } from './limits.ts';

export class Rules {
  readonly parallelSessions: Rule;
  readonly parallelRuns: Rule;
  readonly runsPerSession: Rule;
  readonly sessionsPerOwner: Rule;
  readonly runsPerOwner: Rule;
  readonly jobsPerOwner: Rule;
  readonly waiters: Rule;

  constructor(limits: Limits) {
    this.parallelSessions = new Rule('max_sessions_exceeded', 'global', limits.maxParallelSessions);
    this.parallelRuns = new Rule('max_runs_exceeded', 'global', limits.maxParallelRuns);
    this.runsPerSession = new Rule(
      'max_runs_per_session_exceeded',
      'session',
      limits.maxRunsPerSession,
    );
    this.sessionsPerOwner = new Rule(
      'max_sessions_per_owner_exceeded',
      'owner',
      limits.maxSessionsPerOwner,
    );
    this.runsPerOwner = new Rule('max_runs_per_owner_exceeded', 'owner', limits.maxRunsPerOwner);
    this.jobsPerOwner = new Rule('max_jobs_per_owner_exceeded', 'owner', limits.maxJobsPerOwner);
    this.waiters = new Rule('queue_full', 'global', limits.maxWaiters);
  }

  change(limits: Limits): void {
    this.parallelSessions.max = limits.maxParallelSessions;
    this.parallelRuns.max = limits.maxParallelRuns;
    this.runsPerSession.max = limits.maxRunsPerSession;
    this.sessionsPerOwner.max = limits.maxSessionsPerOwner;
    this.runsPerOwner.max = limits.maxRunsPerOwner;
    this.jobsPerOwner.max = limits.maxJobsPerOwner;
    this.waiters.max = limits.maxWaiters;
  }
}
