/**
 * What the contract says of limits: which of them are full for someone who asks. Plain data, scanned; it
 * knows nothing of the code under test.
 */
export type Table = 'session' | 'run';
export interface Limits {
  readonly maxParallelSessions: number;
  readonly maxParallelRuns: number;
  readonly maxRunsPerSession: number;
  readonly maxSessionsPerOwner: number;
  readonly maxRunsPerOwner: number;
  readonly maxJobsPerOwner: number;
  readonly maxRunsPerKind: Readonly<Record<string, number>>;
  readonly maxWaiters: number;
}

/** As one line, so that equal limits are equal lines; a kind without a limit is not there. */
export function showLimits({ maxRunsPerKind, ...limits }: Limits): string {
  const kinds = Object.entries(maxRunsPerKind).filter(([, limit]) => limit !== Infinity);
  const lines = [...Object.entries(limits), ...kinds].map(([name, limit]) => `${name} ${limit}`);
  return `limits: ${lines.sort().join(', ')}`;
}

/** One call for a slot. `session` of a session is its own id; `waitMs` 0 does not wait. */
export interface Ask {
  readonly call: number;
  readonly table: Table;
  readonly id: string;
  readonly session: string;
  readonly owner: string | undefined;
  readonly kind: string | undefined;
  readonly priority: number;
  readonly waitMs: number;
  readonly askedAt: number;
  /** The number of whoever the slot is to hang on, if on anybody. */
  readonly holder: number | undefined;
  /** How long the slot is held without a renewal. */
  readonly leaseMs: number;
  /** When it was decided whether it waits. */
  readonly servedAt?: number;
}

/** A limit that is full for someone. */
export type Full = { code: string; active: number; limit: number; scope: string };

/** Narrowest first: the refusal's code, the limit, what all have in common whom it counts. */
const RULES = {
  session: [
    ['max_sessions_per_owner_exceeded', 'maxSessionsPerOwner', 'owner'],
    ['max_sessions_exceeded', 'maxParallelSessions', 'table'],
  ],
  run: [
    ['max_runs_per_session_exceeded', 'maxRunsPerSession', 'session'],
    ['max_runs_per_owner_exceeded', 'maxRunsPerOwner', 'owner'],
    ['max_jobs_per_owner_exceeded', 'maxJobsPerOwner', 'owner'],
    ['max_runs_per_kind_exceeded', 'maxRunsPerKind', 'kind'],
    ['max_runs_exceeded', 'maxParallelRuns', 'table'],
  ],
} as const;

/** Who holds and who waits, and what is allowed. */
export interface Claims {
  readonly limits: Limits;
  readonly held: readonly Ask[];
  readonly waits: readonly { readonly terms: Ask }[];
}

/**
 * Narrowest first. Whoever has no owner or no kind is bound by no limit of theirs, and the limit on jobs
 * holds newcomers back, not those who are jobs already.
 */
export function fullLimits(of: Ask, { limits, held, waits }: Claims): Full[] {
  const waiting = waits.map(({ terms }) => terms);
  const rows = RULES[of.table].map(([code, name, by]) => {
    const isJobs = name === 'maxJobsPerOwner';
    const counted = isJobs ? [...held, ...waiting] : held;
    const alike = counted.filter((one) => one.table === of.table && one[by] === of[by]);
    const limit = name === 'maxRunsPerKind' ? limits[name][of.kind ?? ''] : limits[name];
    const isBound = of[by] !== undefined && !(isJobs && waiting.includes(of));
    const scope = by === 'table' ? 'global' : by;
    return { code, active: alike.length, limit: (isBound && limit) || Infinity, scope };
  });
  return rows.filter(({ active, limit }) => active >= limit);
}
