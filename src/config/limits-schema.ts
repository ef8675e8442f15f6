/**
 * The limits, under the names that the library gives them.
 */
import { z } from 'zod';
import type { Limits } from '../limiter/index.ts';
import { countOf, type Defaults, inWords } from './defaults.ts';
import { flags } from './flags.ts';
import { setting } from './setting.ts';
import { limit } from './value-kinds.ts';

export const limits = (standard: Defaults) =>
  z.strictObject({
    maxParallelSessions: setting(limit(), standard.maxParallelSessions, {
      meaning: flags.maxSessions.meaning,
      flag: 'maxSessions',
    }),
    maxParallelRuns: setting(limit(), countOf(standard.maxParallelRuns), {
      ...inWords(standard.maxParallelRuns),
      meaning: flags.maxRuns.meaning,
      flag: 'maxRuns',
    }),
    maxRunsPerSession: setting(limit(), standard.maxRunsPerSession, {
      meaning: flags.maxRunsPerSession.meaning,
      env: 'MAX_CONCURRENT_EXECS_PER_SESSION',
      flag: 'maxRunsPerSession',
    }),
    maxSessionsPerOwner: setting(limit(), Infinity, {
      meaning: 'Sessions of one owner that are open at a time',
    }),
    maxRunsPerOwner: setting(limit(), Infinity, {
      meaning: 'Runs of one owner that are at work at a time',
    }),
    maxJobsPerOwner: setting(limit(), standard.maxJobsPerOwner, {
      meaning: 'Runs of one owner that are at work or wait',
    }),
    maxRunsPerKind: kindLimits(standard.maxRunsPerKind).prefault({}),
    maxWaiters: setting(limit(), 10_000, { meaning: 'Sessions and runs that wait at a time' }),
  } satisfies Record<keyof Limits, z.ZodType>);

/** Other kinds have the limits that are given to them, and none otherwise. */
const kindLimits = ({ agent, tool }: Defaults['maxRunsPerKind']) =>
  z
    .object({
      exec: setting(limit(), Infinity, { meaning: 'Programs at work, asked for with `exec`' }),
      agent: setting(limit(), agent, {
        meaning: 'Agents at work',
        env: 'MAX_CONCURRENT_AGENTS',
      }),
      tool: setting(limit(), countOf(tool), { meaning: 'Tools at work', ...inWords(tool) }),
    })
    .catchall(limit());
