/**
 * Limits as they are answered and asked for: `"infinity"` where there is none, for JSON has no `Infinity`.
 *
 * `maxJobsPerOwner` is none of them until the daemon counts jobs: see `keeper-limits.ts`. A kind is there if it
 * has a limit.
 */
import { z } from 'zod';
import type { LimitChanges, Limits } from '../limiter/index.ts';
import { id } from './request-schemas.ts';

/** The status page of the limiter has signed 32-bit cells. */
const HIGHEST = 2 ** 31 - 1;

export const limit = z.union([z.int().min(1).max(HIGHEST), z.literal('infinity')], {
  error: `expected a positive integer up to ${HIGHEST} or "infinity"`,
});

/** By the limiter of a daemon. */
type HeldLimits = Omit<Limits, 'maxJobsPerOwner'>;

const shape = {
  maxParallelSessions: limit,
  maxParallelRuns: limit,
  maxRunsPerSession: limit,
  maxSessionsPerOwner: limit,
  maxRunsPerOwner: limit,
  maxRunsPerKind: z.record(id, limit),
  maxWaiters: limit,
} satisfies Record<keyof HeldLimits, z.ZodType>;

export const limitsAnswer = z.object(shape);
export const limitChanges = z.strictObject(shape).partial();

export function limitsAnswerOf({ maxJobsPerOwner: _elsewhere, ...limits }: Limits): object {
  return { ...written(limits), maxRunsPerKind: written(limited(limits.maxRunsPerKind)) };
}

/** What was asked for, as the limiter takes it. */
export function changesOf({
  maxRunsPerKind,
  ...rest
}: z.output<typeof limitChanges>): LimitChanges {
  const kinds = maxRunsPerKind && { maxRunsPerKind: read(maxRunsPerKind) };
  return { ...read(rest), ...kinds };
}

export function writtenLimit(value: unknown): unknown {
  return value === Infinity ? 'infinity' : value;
}

/** As the limiter has them once it was started. */
function limited(kinds: Limits['maxRunsPerKind']): Limits['maxRunsPerKind'] {
  return Object.fromEntries(Object.entries(kinds).filter(([, limit]) => limit !== Infinity));
}

function written(limits: object): object {
  return Object.fromEntries(Object.entries(limits).map(([name, one]) => [name, writtenLimit(one)]));
}

function read(limits: Readonly<Record<string, z.output<typeof limit> | undefined>>) {
  const given = Object.entries(limits).filter(([, one]) => one !== undefined);
  return Object.fromEntries(
    given.map(([name, one]) => [name, one === 'infinity' ? Infinity : Number(one)]),
  );
}
