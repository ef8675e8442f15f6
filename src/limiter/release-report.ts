/**
 * What a release has ended: how many slots, and how many ids that waited.
 */
export interface ReleaseReport {
  /** Session slots ended: 0 or 1. */
  readonly sessions: number;
  /** Run slots ended. */
  readonly runs: number;
  /** Ids that waited and were refused. */
  readonly waiters: number;
}

export const NOTHING_RELEASED: ReleaseReport = Object.freeze({ sessions: 0, runs: 0, waiters: 0 });
export const ONE_RUN_RELEASED: ReleaseReport = Object.freeze({ sessions: 0, runs: 1, waiters: 0 });
