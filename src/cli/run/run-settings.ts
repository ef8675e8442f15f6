/**
 * What one call of `run` has to go by, and what its keeper is started with.
 */
import type { JournalPlace, LimitChanges, LimiterOptions } from '../../limiter/index.ts';

export interface RunSettings {
  /** The file with the work; `-` is standard input. */
  readonly work: string;
  /** Of `--cmd`: what each line is an argument of. */
  readonly template: string | undefined;
  /** The file for the results; `undefined` is standard output. */
  readonly results: string | undefined;
  /** Whether what was interrupted is run again. */
  readonly isRerunning: boolean;
  /** No display, whatever the terminal. */
  readonly isQuiet: boolean;
  readonly limits: LimitChanges;
  readonly journal: JournalPlace | undefined;
  readonly spoolDir: string | undefined;
}

/** Where output is kept that belongs to no journal. */
const DEFAULT_SPOOL = 'slotkeeper-data/spool';
/** Nothing is refused for want of room: it waits. */
const ALL_MAY_WAIT = { maxWaiters: Infinity, maxJobsPerOwner: Infinity };
/** Its results are told, its output stays, and nobody asks for it again. */
const WITHOUT_JOURNAL = { keepsOutput: true, retention: { maxCount: 0 } };

export function keeperOptionsOf({ limits, journal, spoolDir }: RunSettings): LimiterOptions {
  const open = { limits: { ...limits, ...ALL_MAY_WAIT } };
  if (!journal) return { ...open, ...WITHOUT_JOURNAL, spoolDir: spoolDir ?? DEFAULT_SPOOL };
  return {
    ...open,
    journal,
    ...(spoolDir !== undefined && { spoolDir }),
    // A result is kept as long as the journal is.
    retention: { maxAgeMs: Infinity, maxCount: Infinity },
  };
}
