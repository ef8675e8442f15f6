/**
 * The limits that the limiter of a daemon is started with.
 *
 * `maxJobsPerOwner` is about what is asked for at `/v1/runs`. The limiter would count the programs of `exec`,
 * too, which have the limit of their session, so it is not the limiter that holds it.
 */
import type { Config } from '../config/index.ts';
import type { Limits } from '../limiter/index.ts';

export function keeperLimits({ limits }: Config): Limits {
  return { ...limits, maxJobsPerOwner: Infinity };
}
