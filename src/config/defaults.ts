/**
 * The defaults that depend on the machine, and on who asks: the daemon, or `slotkeeper run`.
 *
 * The daemon's limits are those of the systems that it stands for. `run` is somebody's command line: as many
 * runs as there are CPUs, and no journal unless it is asked for.
 */
import { availableParallelism } from 'node:os';

export type ConfigCommand = 'run' | 'serve';

export interface Defaults {
  readonly maxParallelSessions: number;
  readonly maxParallelRuns: number | 'cpus';
  readonly maxRunsPerSession: number;
  readonly maxJobsPerOwner: number;
  readonly maxRunsPerKind: { readonly agent: number; readonly tool: number | 'cpus' };
  readonly journalPath: string | null;
}

const DATA = './slotkeeper-data';
const JOURNAL = `${DATA}/journal.db`;
/** What a spool is called that stands in the daemon's own folder. */
const SPOOL = `${DATA}/spool`;

export const defaults: Readonly<Record<ConfigCommand, Defaults>> = {
  serve: {
    maxParallelSessions: 100,
    maxParallelRuns: 50,
    maxRunsPerSession: 2,
    maxJobsPerOwner: 5,
    maxRunsPerKind: { agent: 1, tool: 'cpus' },
    journalPath: JOURNAL,
  },
  run: {
    maxParallelSessions: Infinity,
    maxParallelRuns: 'cpus',
    maxRunsPerSession: Infinity,
    maxJobsPerOwner: Infinity,
    maxRunsPerKind: { agent: Infinity, tool: Infinity },
    journalPath: null,
  },
};

/**
 * A journal of somebody's own choice has its spool beside it, as in the library, so that whoever opens that
 * journal next finds it; the daemon's own folder has both.
 */
export function defaultSpool(journalPath: string | null): string | null {
  if (journalPath === null) return null;
  return journalPath === JOURNAL ? SPOOL : `${journalPath}.spool`;
}

export function countOf(limit: number | 'cpus'): number {
  return limit === 'cpus' ? availableParallelism() : limit;
}

/** How a default is called that each machine has another of. */
export function inWords(limit: number | 'cpus'): { readonly standard?: string } {
  return limit === 'cpus' ? { standard: 'the number of CPUs' } : {};
}
