/**
 * Limits as they are answered and asked for: `"infinity"` where there is none, for JSON has no `Infinity`.
 */
import { z } from 'zod';
import type { LimitChanges, Limits } from '../limiter/index.ts';
import { id } from './request-schemas.ts';

/** The status page of the limiter has signed 32-bit cells. */
const HIGHEST = 2 ** 31 - 1;

export const limit = z.union([z.int().min(1).max(HIGHEST), z.literal('infinity')], {
  error: `expected a positive integer up to ${HIGHEST} or "infinity"`,
});

const shape = {
  maxParallelSessions: limit,
  maxParallelRuns: limit,
  maxRunsPerSession: limit,
  maxSessionsPerOwner: limit,
  maxRunsPerOwner: limit,
  maxJobsPerOwner: limit,
  maxRunsPerKind: z.record(id, limit),
  maxWaiters: limit,
} satisfies Record<keyof Limits, z.ZodType>;

export const limitsAnswer = z.object(shape);
export const limitChanges = z.strictObject(shape).partial();

export function limitsAnswerOf(limits: Limits): object {
  return { ...written(limits), maxRunsPerKind: written(limits.maxRunsPerKind) };
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

function written(limits: object): object {
  return Object.fromEntries(Object.entries(limits).map(([name, one]) => [name, writtenLimit(one)]));
}

function read(limits: Readonly<Record<string, z.output<typeof limit> | undefined>>) {
  const given = Object.entries(limits).filter(([, one]) => one !== undefined);
  return Object.fromEntries(
    given.map(([name, one]) => [name, one === 'infinity' ? Infinity : Number(one)]),
  );
}
