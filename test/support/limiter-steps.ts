/**
 * What may happen in a random history of a limiter, as data that fast-check makes smaller. Pools of ids,
 * owners and kinds are small, as are the limits, so that everything meets.
 *
 * A step names its target by a number (`pick`), which is taken modulo those that are there.
 */
import fc from 'fast-check';
import { type Moment, STEPS, type Step as WritePathStep } from '../../src/testing.ts';
import type { Limits, Table } from './limits-model.ts';
import type { Fairness } from './turns-model.ts';

export const SESSIONS = ['s0', 's1', 's2', 's3'] as const;
/** Of the sessions, in this order, when nobody strays. */
export const SESSION_OWNERS = [undefined, 'alice', 'alice', 'bob'] as const;
export const RUNS = ['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7'] as const;
export const OWNERS = [undefined, 'alice', 'bob'] as const;
export const KINDS = [undefined, 'tool', 'agent'] as const;
/** So many holders live at any time. */
export const LIVING_HOLDERS = 3;

export interface AskStep {
  readonly do: 'ask';
  /** An awaited acquire, `tryAcquire…`, or `withRunSlot`. */
  readonly how: 'wait' | 'try' | 'with';
  readonly table: Table;
  readonly pick: number;
  /** An id mostly comes with the same session and owner; a stray one conflicts. */
  readonly stray: 'none' | 'session' | 'owner';
  readonly kind: number;
  readonly priority: number;
  readonly waitMs: number | undefined;
  /** `at_once`: it aborts as soon as the call is made; `aborted`: even before. */
  readonly signal: 'none' | 'own' | 'shared' | 'at_once' | 'aborted';
  /** One of those that live, or one that is down. */
  readonly holder: 'none' | 'down' | number;
  readonly leaseMs: number;
  /** Whether `slot.signal` is read at the grant, or only after the end. */
  readonly isReadLate: boolean;
}

export interface ReleaseStep {
  readonly do: 'release';
  readonly table: Table;
  readonly pick: number;
  readonly token: 'none' | 'current' | 'stale' | 'of_another' | 'unknown';
}

export interface RenewStep {
  readonly do: 'renew';
  readonly pick: number;
  /** Of a slot that is held; `stale`: but with the token of another. */
  readonly token: 'current' | 'stale';
}

export interface CrashStep {
  readonly do: 'crash';
  readonly moment: Moment;
  readonly step: WritePathStep;
  /** How often that place is passed before the crash. */
  readonly passes: number;
}

export type Step =
  | AskStep
  | ReleaseStep
  | RenewStep
  | CrashStep
  | { readonly do: 'release_handle'; readonly pick: number; readonly isDisposed: boolean }
  | { readonly do: 'finish_work'; readonly pick: number; readonly isThrowing: boolean }
  | { readonly do: 'abort' | 'bad_request' | 'holder_down'; readonly pick: number }
  | { readonly do: 'evict'; readonly pick: number; readonly isAtWork: boolean }
  | { readonly do: 'drain'; readonly timeoutMs: number }
  | { readonly do: 'listen'; readonly pick: number; readonly run: number }
  | { readonly do: 'advance' | 'stall' | 'jump_wall'; readonly ms: number }
  | { readonly do: 'limits'; readonly change: Partial<Limits> }
  | { readonly do: 'end_draining' | 'suspend' | 'resume' | 'stop' | 'give_up' };

const upTo = (most: number) =>
  fc.oneof(
    { arbitrary: fc.integer({ min: 1, max: most }), weight: 3 },
    { arbitrary: fc.constant(Infinity), weight: 1 },
  );

const limitValues = {
  maxParallelSessions: upTo(4),
  maxParallelRuns: upTo(4),
  maxRunsPerSession: upTo(3),
  maxSessionsPerOwner: upTo(2),
  maxRunsPerOwner: upTo(2),
  maxJobsPerOwner: upTo(4),
  maxRunsPerKind: fc.record({ tool: upTo(2), agent: upTo(2) }, { requiredKeys: [] }),
  maxWaiters: fc.integer({ min: 1, max: 8 }),
};

export const fairness: fc.Arbitrary<Fairness> = fc.constantFrom('arrival', 'session', 'owner');

export const limits: fc.Arbitrary<Limits> = fc.record(limitValues);

const RENEWALS = ['current', 'current', 'current', 'stale'] as const;

const pick = fc.nat({ max: 119 });

/**
 * In milliseconds. No wait ends when a lease does, as clocks may tell either first: time goes by in
 * hundreds, a wait ends at some fifty, a lease at some seven.
 */
const WAITS = [undefined, 0, 350, 750, 1_550, Infinity, Infinity] as const;
const LEASES = [Infinity, Infinity, Infinity, 307, 1_507] as const;
const DRAINS = [0, 650, 2_150, Infinity] as const;
const ADVANCES = [100, 400, 900, 2_000] as const;
const STALLS = [403, 2_003] as const;
const WALL_JUMPS = [-3_600_000, -600, 600, 3_600_000] as const;

const ask: fc.Arbitrary<AskStep> = fc.record({
  do: fc.constant('ask'),
  how: fc.constantFrom('wait', 'wait', 'wait', 'wait', 'try', 'with'),
  table: fc.constantFrom('run', 'run', 'session'),
  pick,
  stray: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'none', 'session', 'owner'),
  kind: fc.nat({ max: KINDS.length - 1 }),
  priority: fc.constantFrom(0, 0, 0, 5, -1),
  waitMs: fc.constantFrom(...WAITS),
  signal: fc.constantFrom('none', 'none', 'none', 'own', 'own', 'shared', 'at_once', 'aborted'),
  holder: fc.oneof(
    { arbitrary: fc.constant('none' as const), weight: 8 },
    { arbitrary: fc.nat({ max: LIVING_HOLDERS - 1 }), weight: 5 },
    { arbitrary: fc.constant('down' as const), weight: 1 },
  ),
  leaseMs: fc.constantFrom(...LEASES),
  isReadLate: fc.boolean(),
});

/** What makes an ask one that waits its turn. */
const STANDING = {
  how: 'wait',
  table: 'run',
  stray: 'none',
  waitMs: Infinity,
  signal: 'none',
} as const;

const release: fc.Arbitrary<ReleaseStep> = fc.record({
  do: fc.constant('release'),
  table: fc.constantFrom('run', 'run', 'session'),
  pick,
  token: fc.constantFrom('none', 'none', 'current', 'stale', 'of_another', 'unknown'),
});

const crash: fc.Arbitrary<CrashStep> = fc.record({
  do: fc.constant('crash'),
  moment: fc.constantFrom('before', 'after'),
  step: fc.constantFrom(...STEPS),
  passes: fc.nat({ max: 2 }),
});

const releaseHandle = fc.record({
  do: fc.constant('release_handle' as const),
  pick,
  isDisposed: fc.boolean(),
});

const finishWork = fc.record({
  do: fc.constant('finish_work' as const),
  pick,
  isThrowing: fc.boolean(),
});

const evict = fc.record({ do: fc.constant('evict' as const), pick, isAtWork: fc.boolean() });

const drain = fc.record({
  do: fc.constant('drain' as const),
  timeoutMs: fc.constantFrom(...DRAINS),
});

const jumpWall = fc.record({
  do: fc.constant('jump_wall' as const),
  ms: fc.constantFrom(...WALL_JUMPS),
});

const changeLimits = fc.record({
  do: fc.constant('limits' as const),
  change: fc.record(limitValues, { requiredKeys: [] }),
});

const others = [
  evict,
  fc.record({ do: fc.constant('holder_down' as const), pick }),
  fc.record({ do: fc.constant('abort' as const), pick }),
  fc.record({ do: fc.constant('bad_request' as const), pick }),
  fc.record({ do: fc.constant('listen' as const), pick, run: pick }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(...ADVANCES) }),
  fc.record({ do: fc.constant('renew' as const), pick, token: fc.constantFrom(...RENEWALS) }),
  fc.record({ do: fc.constant('stall' as const), ms: fc.constantFrom(...STALLS) }),
  fc.record({ do: fc.constantFrom('suspend' as const, 'resume' as const, 'resume' as const) }),
];

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: ask, weight: 32 },
  { arbitrary: release, weight: 8 },
  { arbitrary: releaseHandle, weight: 8 },
  { arbitrary: finishWork, weight: 4 },
  { arbitrary: changeLimits, weight: 2 },
  { arbitrary: crash, weight: 4 },
  { arbitrary: drain, weight: 1 },
  { arbitrary: jumpWall, weight: 2 },
  { arbitrary: fc.constant({ do: 'end_draining' as const }), weight: 5 },
  ...others.map((arbitrary: fc.Arbitrary<Step>) => ({ arbitrary, weight: 4 })),
);

/** Runs that wait as long as it takes, and then room for some of them: only a crowd shows its order. */
const crowd: fc.Arbitrary<Step[]> = fc
  .tuple(
    fc.array(
      ask.map((one) => ({ ...one, ...STANDING })),
      { minLength: 3, maxLength: 8 },
    ),
    fc.array(fc.oneof(releaseHandle, releaseHandle, finishWork, crash), {
      minLength: 3,
      maxLength: 9,
    }),
  )
  .map(([asks, ends]) => [...asks, ...ends]);

const stretch: fc.Arbitrary<Step[]> = fc.oneof(
  { arbitrary: step.map((one) => [one]), weight: 30 },
  { arbitrary: crowd, weight: 1 },
);

/** Some sixty on average. */
export const steps: fc.Arbitrary<Step[]> = fc
  .array(stretch, { maxLength: 120, size: 'max' })
  .map((stretches) => stretches.flat());

/** How the limiter ends, and what is still asked of it afterwards. */
export type Ending = { readonly how: 'stop' | 'give_up'; readonly afterwards: readonly Step[] };

export const ending: fc.Arbitrary<Ending> = fc.record({
  how: fc.constantFrom('stop', 'stop', 'give_up'),
  afterwards: fc.array(
    fc.oneof(ask, release, releaseHandle, finishWork, changeLimits, evict, drain),
    {
      maxLength: 5,
    },
  ),
});
