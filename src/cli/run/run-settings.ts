/**
 * What one call of `run` has to go by, and what its keeper is started with.
 */
import type { EffectiveConfig } from '../../config/index.ts';
import type { LimiterOptions } from '../../limiter/index.ts';

/** What is said on the command line and stands in no configuration. */
export interface WorkOptions {
  readonly cmd?: string | undefined;
  readonly results?: string | undefined;
  readonly rerun: boolean;
  readonly progress: boolean;
}

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
  /** The file of the journal; `undefined` is none. */
  readonly journal: string | undefined;
  readonly keeper: LimiterOptions;
}

/** Where output is kept that belongs to no journal. */
const DEFAULT_SPOOL = 'slotkeeper-data/spool';
/** Nothing is refused for want of room: it waits. */
const ALL_MAY_WAIT = { maxWaiters: Infinity, maxJobsPerOwner: Infinity };
/** A result is kept as long as the journal is. */
const FOR_EVER = { maxAgeMs: Infinity, maxCount: Infinity };
/** Its results are told, its output stays, and nobody asks for it again. */
const WITHOUT_JOURNAL = { keepsOutput: true, retention: { maxCount: 0 } };

export function settingsOf(
  work: string,
  options: WorkOptions,
  config: EffectiveConfig,
): RunSettings {
  const { cmd: template, results, rerun: isRerunning, progress } = options;
  const journal = config.values.journal.path ?? undefined;
  const keeper = keeperOptionsOf(config, journal);
  return { work, template, results, isRerunning, isQuiet: !progress, journal, keeper };
}

function keeperOptionsOf(
  { values, origins }: EffectiveConfig,
  path: string | undefined,
): LimiterOptions {
  const { limits, fairness, orphans, journal } = values;
  const common = { limits: { ...limits, ...ALL_MAY_WAIT }, fairness, orphans };
  // Of a journal the keeper knows the place itself.
  const { spoolDir: origin } = origins;
  const spoolDir = origin === 'default' ? undefined : (values.spoolDir ?? undefined);
  if (path === undefined) {
    return { ...common, ...WITHOUT_JOURNAL, spoolDir: spoolDir ?? DEFAULT_SPOOL };
  }
  const kept = { journal: { path, durability: journal.durability }, retention: FOR_EVER };
  return { ...common, ...kept, ...(spoolDir !== undefined && { spoolDir }) };
}
