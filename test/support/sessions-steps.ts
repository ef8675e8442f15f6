/**
 * What may happen in a random history of sessions and their runs, as data that fast-check makes smaller.
 * There are few ids, and the limits are low, so that everything meets.
 *
 * A step names its target by a number (`pick`), which is taken modulo those that are there.
 */
import fc from 'fast-check';
import type { Step as FaultStep, Moment } from '../../src/limiter/fault-points.ts';
import { LIFE_STEPS, STEPS } from '../../src/limiter/fault-points.ts';

export const SESSION_IDS: readonly [string, ...string[]] = ['s0', 's1', 's2', 's3'];
/** Some runs are asked for under these, the others under ids of their own. */
export const RUN_IDS = ['r0', 'r1', 'r2'] as const;
export const OWNERS = [undefined, 'alice', 'bob'] as const;
export const LIVING_HOLDERS = 3;

/** What a function does that is run. */
export const WORK_KINDS = [
  'value',
  'throws',
  'rejects',
  'later',
  'obeys',
  'ignores',
  'never',
  'nests',
  'closes',
  'pausable',
] as const;
export type WorkKind = (typeof WORK_KINDS)[number];

/** A limit of the keeper that a history sets. */
export interface FewLimits {
  readonly maxParallelSessions: number;
  readonly maxParallelRuns: number;
  readonly maxRunsPerSession: number;
  readonly maxRunsPerOwner: number;
  readonly maxWaiters: number;
  readonly maxRunsPerKind: { readonly tool?: number };
}

export interface OpenStep {
  readonly do: 'open';
  readonly pick: number;
  /** For somebody else than whose the id is. */
  readonly isStray: boolean;
  /** An id that somebody waits for, if there is one. */
  readonly isJoin: boolean;
  readonly waitMs: number;
  readonly idleMs: number;
  readonly lifetimeMs: number;
  readonly holder: number | undefined;
  readonly signal: SignalUse;
}

export type SignalUse = 'none' | 'own' | 'shared';

export interface RunStep {
  readonly do: 'run';
  readonly pick: number;
  /** Of `RUN_IDS`; none: an id that nobody else has. */
  readonly id: number | undefined;
  readonly work: WorkKind;
  readonly isTool: boolean;
  readonly waitMs: number;
  readonly deadlineMs: number;
  readonly leaseMs: number;
  readonly holder: number | undefined;
  readonly signal: SignalUse;
}

export interface CrashStep {
  readonly do: 'crash';
  readonly moment: Moment;
  readonly step: FaultStep;
  /** How often that place is passed before the crash. */
  readonly passes: number;
}

type Picking =
  | 'settle_work'
  | 'fail_work'
  | 'cancel'
  | 'interrupt'
  | 'pause'
  | 'resume'
  | 'abort'
  | 'cancel_all'
  | 'interrupt_all'
  | 'release_run'
  | 'release_session'
  | 'evict'
  | 'renew'
  | 'holder_down'
  | 'raw_release'
  | 'take_run'
  | 'give_back_session'
  | 'fell_session'
  | 'plan';

export type Step =
  | OpenStep
  | RunStep
  | CrashStep
  | { readonly do: Picking; readonly pick: number }
  | { readonly do: 'close'; readonly pick: number; readonly timeoutMs: number }
  | { readonly do: 'raw_run'; readonly pick: number; readonly waitMs: number }
  | { readonly do: 'limits'; readonly change: Partial<FewLimits> }
  | { readonly do: 'advance' | 'stall' | 'jump_wall'; readonly ms: number }
  /** To the next time at which anything is due, and so many milliseconds. */
  | { readonly do: 'to_limit'; readonly offsetMs: number }
  | { readonly do: 'drain'; readonly timeoutMs: number }
  | { readonly do: 'end_draining' | 'fell_limiter' | 'fell_supervisor' };

const upTo = (most: number) =>
  fc.oneof(
    { arbitrary: fc.integer({ min: 1, max: most }), weight: 3 },
    { arbitrary: fc.constant(Infinity), weight: 1 },
  );

const limitValues = {
  maxParallelSessions: upTo(2),
  maxParallelRuns: upTo(4),
  maxRunsPerSession: upTo(3),
  maxRunsPerOwner: upTo(3),
  maxWaiters: fc.integer({ min: 2, max: 8 }),
  maxRunsPerKind: fc.record({ tool: upTo(2) }, { requiredKeys: [] }),
};

export const fewLimits: fc.Arbitrary<FewLimits> = fc.record(limitValues);

/** In milliseconds. Whatever is due at its own time has an end of its own, so few come together. */
const WAITS = [0, 0, 350, 1_550, Infinity, Infinity, Infinity] as const;
const DEADLINES = [Infinity, Infinity, Infinity, 211, 1_811] as const;
const LEASES = [Infinity, Infinity, Infinity, 307, 1_507] as const;
const IDLES = [Infinity, 613, 2_413] as const;
const LIFETIMES = [Infinity, Infinity, 1_919, 5_319] as const;
const ADVANCES = [100, 400, 900, 3_000] as const;
const STALLS = [403, 2_003, 6_003] as const;
const WALL_JUMPS = [-3_600_000, -600, 600, 3_600_000] as const;
const CLOSINGS = [0, 450, Infinity, Infinity] as const;

const pick = fc.nat({ max: 119 });
const signal = fc.constantFrom<SignalUse>('none', 'none', 'none', 'own', 'shared');
const holder = fc.oneof(
  { arbitrary: fc.constant(undefined), weight: 3 },
  { arbitrary: fc.nat({ max: LIVING_HOLDERS - 1 }), weight: 1 },
);

const open: fc.Arbitrary<OpenStep> = fc.record({
  do: fc.constant('open'),
  pick,
  isStray: fc.nat({ max: 9 }).map((chance) => chance === 0),
  isJoin: fc.boolean(),
  waitMs: fc.constantFrom(...WAITS),
  idleMs: fc.constantFrom(...IDLES),
  lifetimeMs: fc.constantFrom(...LIFETIMES),
  holder,
  signal,
});

const run: fc.Arbitrary<RunStep> = fc.record({
  do: fc.constant('run'),
  pick,
  id: fc.oneof(
    { arbitrary: fc.constant(undefined), weight: 3 },
    { arbitrary: fc.nat({ max: RUN_IDS.length - 1 }), weight: 1 },
  ),
  work: fc.constantFrom<WorkKind>(...WORK_KINDS, 'later', 'later', 'obeys', 'obeys', 'ignores'),
  isTool: fc.boolean(),
  waitMs: fc.constantFrom(...WAITS),
  deadlineMs: fc.constantFrom(...DEADLINES),
  leaseMs: fc.constantFrom(...LEASES),
  holder,
  signal,
});

const lifeCrash: fc.Arbitrary<CrashStep> = fc.record({
  do: fc.constant('crash'),
  moment: fc.constant('before'),
  step: fc.constantFrom<FaultStep>(...LIFE_STEPS),
  passes: fc.nat({ max: 1 }),
});

const limiterCrash: fc.Arbitrary<CrashStep> = fc.record({
  do: fc.constant('crash'),
  moment: fc.constantFrom<Moment>('before', 'after'),
  step: fc.constantFrom<FaultStep>(...STEPS),
  passes: fc.nat({ max: 2 }),
});

const picking = (...names: Picking[]): fc.Arbitrary<Step> =>
  fc.record({ do: fc.constantFrom(...names), pick });

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: open, weight: 18 },
  { arbitrary: run, weight: 34 },
  { arbitrary: picking('settle_work', 'settle_work', 'fail_work'), weight: 14 },
  { arbitrary: picking('cancel', 'interrupt', 'abort'), weight: 8 },
  { arbitrary: picking('pause', 'pause', 'resume'), weight: 4 },
  { arbitrary: picking('release_run', 'renew', 'evict', 'holder_down', 'plan'), weight: 9 },
  {
    arbitrary: picking('cancel_all', 'interrupt_all', 'release_session', 'fell_session'),
    weight: 3,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('close' as const),
      pick,
      timeoutMs: fc.constantFrom(...CLOSINGS),
    }),
    weight: 4,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('raw_run' as const),
      pick,
      waitMs: fc.constantFrom(...WAITS),
    }),
    weight: 3,
  },
  { arbitrary: picking('raw_release'), weight: 3 },
  { arbitrary: picking('take_run'), weight: 2 },
  { arbitrary: picking('give_back_session'), weight: 1 },
  {
    arbitrary: fc.record({
      do: fc.constant('limits' as const),
      change: fc.record(limitValues, { requiredKeys: [] }),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(...ADVANCES),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('to_limit' as const),
      offsetMs: fc.constantFrom(-1, 0, 999, 1_000),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({ do: fc.constant('stall' as const), ms: fc.constantFrom(...STALLS) }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('jump_wall' as const),
      ms: fc.constantFrom(...WALL_JUMPS),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      do: fc.constant('drain' as const),
      timeoutMs: fc.constantFrom(650, Infinity),
    }),
    weight: 1,
  },
  { arbitrary: fc.constant({ do: 'end_draining' as const }), weight: 3 },
  { arbitrary: lifeCrash, weight: 5 },
  { arbitrary: limiterCrash, weight: 4 },
  { arbitrary: fc.constant({ do: 'fell_limiter' as const }), weight: 2 },
  { arbitrary: fc.constant({ do: 'fell_supervisor' as const }), weight: 1 },
);

export const steps: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 120, size: 'max' });

/** How the keeper ends: when all has ended, in the midst of it, or because its limiter crashes too often. */
export interface Ending {
  readonly how: 'rest' | 'stop' | 'give_up';
  readonly timeoutMs: number;
}

export const ending: fc.Arbitrary<Ending> = fc.record({
  how: fc.constantFrom<Ending['how']>('rest', 'stop', 'stop', 'give_up'),
  timeoutMs: fc.constantFrom(0, 700, 10_000),
});

/** One of them, whatever the number; none only when there is none. */
export function at<One>(all: readonly [One, ...One[]], pick: number): One;
export function at<One>(all: readonly One[], pick: number): One | undefined;
export function at<One>(all: readonly One[], pick: number): One | undefined {
  return all[pick % all.length];
}
