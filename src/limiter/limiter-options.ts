/**
 * The options of a limiter, checked, with their defaults.
 */

import type { DurableJournal, Journal } from '../journal/journal.ts';
import {
  type Clock,
  type Inspector,
  type Logger,
  type RestartIntensity,
  silentLogger,
  systemClock,
} from '../otp/index.ts';
import { expectKnown, expectOption, isDuration } from '../otp/options.ts';
import {
  DEFAULT_LIMITS,
  type Fairness,
  type LimitChanges,
  type Limits,
  withLimits,
} from '../slots/index.ts';
import type { FaultPoints } from './fault-points.ts';
import { checkLimitChanges } from './limit-options.ts';

export interface LimiterOptions {
  /** Those that are left out have their defaults. */
  readonly limits?: LimitChanges;
  /**
   * Where slots are kept. `'memory'` (default): they end with the process. A file: durable sessions and
   * limits that were set are there again in the next process, and no token comes twice. Or an adapter
   * of your own, which the limiter closes at its end.
   */
  readonly journal?: 'memory' | JournalPlace | Journal | DurableJournal;
  /**
   * For how long, and how many, ended sessions and runs are found, and ended slots stay in a journal on disk.
   * Default an hour, 10,000; `Infinity`: as long as the process, or the journal, is there.
   */
  readonly retention?: { readonly maxAgeMs?: number; readonly maxCount?: number };
  /**
   * In which folder commands have their output, as long as they are kept. Default beside the journal, its path
   * with `.spool` behind it; without a journal on disk the folder for temporary files, and nothing of it is left
   * when the keeper has stopped, see `keepsOutput`.
   */
  readonly spoolDir?: string;
  /**
   * Without a journal on disk: whether all output stays, also of what is forgotten and when the keeper has
   * stopped, in a folder of its own in `spoolDir`, which must be given; whoever has started the keeper removes it.
   * With a journal on disk output stays as long as its run is kept. Default false.
   */
  readonly keepsOutput?: boolean;
  /**
   * What is done with commands that were at work when the last process ended: `'adopt'` (default), they go on;
   * `'kill'`.
   */
  readonly orphans?: 'adopt' | 'kill';
  /**
   * Between what free run slots go round: `'arrival'` (default), first come first served; `'session'`,
   * `'owner'`, one slot for each in turn. Priority and arrival order inside a session or owner then.
   */
  readonly fairness?: Fairness;
  /**
   * Notes where each slot is acquired, and tells (`slot_lost_track`) when its last handle was collected
   * while it is held. For finding leaks; an acquire costs microseconds more. Default false.
   */
  readonly traceHandles?: boolean;
  /** Time for everything. Default the machine's. */
  readonly clock?: Clock;
  /** Where crashes and restarts are reported. Default nowhere. */
  readonly logger?: Logger;
  /** How long an acquire may take until it is granted, refused or queued. Default 5,000 ms. */
  readonly callTimeoutMs?: number;
  /** Crashes of the limiter within a time before its supervisor gives up. Default 3 in 5,000 ms. */
  readonly restartIntensity?: RestartIntensity;
  /** For tests: where the limiter is to crash. */
  readonly faultPoints?: FaultPoints;
  /** XState's inspection of every actor. A call costs ten times as much with it. */
  readonly inspect?: Inspector;
}

/** A journal in a SQLite file. */
export interface JournalPlace {
  /** Made if it is not there; its folder must be. */
  readonly path: string;
  /**
   * What an answer has survived once it is given: `'process'` (default), the end of the process, `kill
   * -9` included; `'power'`, also the loss of power, at the price of a synchronization with each turn.
   */
  readonly durability?: 'process' | 'power';
}

/** OTP's: long enough for any healthy server. */
const DEFAULT_CALL_TIMEOUT_MS = 5_000;
/** Three crashes in five seconds are bad luck; more are a fault that a restart does not cure. */
const DEFAULT_RESTART_INTENSITY: RestartIntensity = { restarts: 3, withinMs: 5_000 };

const NAMES = [
  'limits',
  'fairness',
  'journal',
  'retention',
  'spoolDir',
  'keepsOutput',
  'orphans',
  'traceHandles',
  'clock',
  'logger',
  'callTimeoutMs',
  'restartIntensity',
  'faultPoints',
  'inspect',
];

type Retention = NonNullable<LimiterOptions['retention']>;

/** The options with every default in them. */
export interface CheckedOptions {
  readonly limits: Limits;
  readonly journal: 'memory' | JournalPlace | Journal;
  readonly retention: Retention;
  readonly spoolDir: string | undefined;
  readonly keepsOutput: boolean;
  readonly orphans: 'adopt' | 'kill';
  readonly fairness: Fairness;
  readonly traceHandles: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly callTimeoutMs: number;
  readonly restartIntensity: RestartIntensity;
  readonly faultPoints: FaultPoints | undefined;
  readonly inspect: Inspector | undefined;
}

/** Throws `invalid_option`. */
export function checkedOptions(options: LimiterOptions): CheckedOptions {
  expectOption('options', options, isObject, 'an object');
  expectKnown(options, NAMES);
  const { limits = {}, journal = 'memory', callTimeoutMs = DEFAULT_CALL_TIMEOUT_MS } = options;
  const { restartIntensity = DEFAULT_RESTART_INTENSITY, faultPoints, inspect } = options;
  const { fairness = 'arrival', traceHandles = false, retention = {} } = options;
  const { spoolDir, orphans = 'adopt', keepsOutput = false } = options;
  expectOption('fairness', fairness, isFairness, "'arrival', 'session' or 'owner'");
  expectOption('traceHandles', traceHandles, isBoolean, 'true or false');
  checkJournal(journal);
  checkRetention(retention);
  expectOption('spoolDir', spoolDir, isOptionalPath, 'the path of a folder');
  const isBooleanHere = spoolDir === undefined ? isFalse : isBoolean;
  expectOption('keepsOutput', keepsOutput, isBooleanHere, 'false, or true together with spoolDir');
  expectOption('orphans', orphans, isOrphans, "'adopt' or 'kill'");
  expectOption('callTimeoutMs', callTimeoutMs, isTimeout, 'milliseconds above 0');
  expectOption('restartIntensity', restartIntensity, isObject, '{ restarts, withinMs }');
  const { clock = systemClock, logger = silentLogger } = options;
  expectOption('clock', clock, isClock, 'a Clock');
  expectOption('logger', logger, isLogger, 'debug, info, warn and error functions');
  expectOption('faultPoints', faultPoints, isOptionalFaultPoints, 'an object with reach');
  expectOption('inspect', inspect, isOptionalInspector, 'a function or an observer');
  return {
    limits: withLimits(DEFAULT_LIMITS, checkLimitChanges(limits)),
    journal,
    retention,
    spoolDir,
    keepsOutput,
    orphans,
    fairness,
    traceHandles,
    clock,
    logger,
    callTimeoutMs,
    restartIntensity,
    faultPoints,
    inspect,
  };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function has(value: unknown, functions: readonly string[]): boolean {
  if (!isObject(value)) return false;
  return functions.every((name) => typeof Reflect.get(value as object, name) === 'function');
}

function isClock(value: unknown): boolean {
  return has(value, ['now', 'monotonicNow', 'setTimeout', 'clearTimeout']);
}

function isLogger(value: unknown): boolean {
  return has(value, ['debug', 'info', 'warn', 'error']);
}

function isOptionalFaultPoints(value: unknown): boolean {
  return value === undefined || has(value, ['reach']);
}

function isOptionalInspector(value: unknown): boolean {
  return value === undefined || typeof value === 'function' || isObject(value);
}

function isFairness(value: unknown): boolean {
  return value === 'arrival' || value === 'session' || value === 'owner';
}

function isFalse(value: unknown): boolean {
  return value === false;
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function checkJournal(journal: unknown): void {
  if (journal === 'memory' || has(journal, ['commit'])) return;
  expectOption('journal', journal, isObject, "'memory', { path, durability } or a Journal");
  const place = journal as Partial<JournalPlace>; // whatever it has
  expectKnown(place, ['path', 'durability']);
  expectOption('journal.path', place.path, isPath, 'the path of a file');
  expectOption('journal.durability', place.durability, isDurability, "'process' or 'power'");
}

function checkRetention(retention: unknown): void {
  expectOption('retention', retention, isObject, '{ maxAgeMs, maxCount }');
  const { maxAgeMs, maxCount } = retention as Retention; // whatever it has
  expectKnown(retention as object, ['maxAgeMs', 'maxCount']);
  expectOption('retention.maxAgeMs', maxAgeMs, isOptionalDuration, 'milliseconds, 0 or more');
  expectOption(
    'retention.maxCount',
    maxCount,
    isOptionalCount,
    'an integer, 0 or more, or Infinity',
  );
}

/** SQLite gives the empty name and `:memory:` a meaning of their own: nothing would be kept. */
function isPath(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value !== ':memory:' && !value.includes('\0');
}

function isOptionalPath(value: unknown): boolean {
  return value === undefined || isPath(value);
}

function isOrphans(value: unknown): boolean {
  return value === 'adopt' || value === 'kill';
}

function isDurability(value: unknown): boolean {
  return value === undefined || value === 'process' || value === 'power';
}

function isOptionalDuration(value: unknown): boolean {
  return value === undefined || isDuration(value);
}

function isOptionalCount(value: unknown): boolean {
  if (value === undefined || value === Infinity) return true;
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTimeout(value: unknown): boolean {
  return isDuration(value) && (value as number) > 0;
}
