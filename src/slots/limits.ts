/**
 * The configured ceilings, as data. Each is a positive integer up to 2^31 - 1, or `Infinity`.
 */

export interface Limits {
  /** Session slots held at a time. Default 100. */
  readonly maxParallelSessions: number;
  /** Run slots held at a time. Default 50. */
  readonly maxParallelRuns: number;
  /** Run slots held at a time under one session id. */
  readonly maxRunsPerSession: number;
  /** Session slots held at a time on account of one owner. */
  readonly maxSessionsPerOwner: number;
  /** Run slots held at a time on account of one owner. */
  readonly maxRunsPerOwner: number;
  /** Runs of one owner that hold a slot or wait for one. */
  readonly maxJobsPerOwner: number;
  /** Run slots held at a time by runs of a kind. A kind that is not named has no limit. */
  readonly maxRunsPerKind: Readonly<Record<string, number>>;
  /** Sessions and runs that wait at a time. Default 10,000. */
  readonly maxWaiters: number;
}

/** Some of the limits; those that are left out stay as they are. Kinds are merged one by one. */
export type LimitChanges = Partial<Limits>;

/** Sessions and runs as the session manager had them; a queue that holds minutes of work, not days. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  maxParallelSessions: 100,
  maxParallelRuns: 50,
  maxRunsPerSession: Infinity,
  maxSessionsPerOwner: Infinity,
  maxRunsPerOwner: Infinity,
  maxJobsPerOwner: Infinity,
  maxRunsPerKind: Object.freeze({}),
  maxWaiters: 10_000,
});

/** The status page has signed 32-bit cells. */
const HIGHEST_LIMIT = 2 ** 31 - 1;

export function isLimit(value: unknown): value is number {
  if (value === Infinity) return true;
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= HIGHEST_LIMIT;
}

/** Both, the later above the earlier. */
export function mergeLimitChanges(earlier: LimitChanges, later: LimitChanges): LimitChanges {
  const maxRunsPerKind = { ...earlier.maxRunsPerKind, ...later.maxRunsPerKind };
  return Object.freeze({ ...earlier, ...later, maxRunsPerKind: Object.freeze(maxRunsPerKind) });
}

/** `limits` with `changes`, frozen. A kind that is given `Infinity` has no limit any more. */
export function withLimits(limits: Limits, changes: LimitChanges): Limits {
  const kinds = new Map(Object.entries(limits.maxRunsPerKind));
  for (const [kind, limit] of Object.entries(changes.maxRunsPerKind ?? {})) {
    if (limit === Infinity) kinds.delete(kind);
    else kinds.set(kind, limit);
  }
  const maxRunsPerKind = Object.freeze(Object.fromEntries(kinds));
  return Object.freeze({ ...limits, ...changes, maxRunsPerKind });
}
