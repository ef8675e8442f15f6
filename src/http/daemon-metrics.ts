/**
 * The metrics of the daemon: what its keeper, its events and its process say. Requests are counted by
 * `request-metrics.ts`.
 */
import type { Limits } from '../limiter/index.ts';
import { countEvents } from '../telemetry/event-metrics.ts';
import { kindLabel } from '../telemetry/kind-label.ts';
import { MetricBook } from '../telemetry/metric-book.ts';
import { readProcess } from '../telemetry/process-metrics.ts';
import { type HeldLimits, readStatus } from '../telemetry/status-metrics.ts';
import type { DaemonOptions } from './daemon-options.ts';

/** The daemon's own, which have a limit or none. */
const KINDS = ['exec', 'agent', 'tool'];

/** They listen until they are closed. */
export function daemonMetrics({ keeper, config, version }: DaemonOptions): MetricBook {
  const book = new MetricBook();
  const limits = () => keeper.limiter.getLimits();
  readStatus(book, { status: () => keeper.getStatus(), limits: () => heldLimits(limits()) });
  const kinds = [...KINDS, ...Object.keys(config.limits.maxRunsPerKind)];
  const kindOf = kindLabel(kinds, () => limits().maxRunsPerKind);
  countEvents(book, kindOf);
  readProcess(book, version);
  return book;
}

/** What the limiter does not hold in a daemon is not told as its limit: see `keeperLimits`. */
function heldLimits({ maxJobsPerOwner: _elsewhere, ...limits }: Limits): HeldLimits {
  return limits;
}
