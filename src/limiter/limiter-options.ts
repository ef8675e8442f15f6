/**
 * The options of a limiter, checked, with their defaults.
 */
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
  /** Where slots are kept. `'memory'` (default): they end with the process. */
  readonly journal?: 'memory';
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

/** OTP's: long enough for any healthy server. */
const DEFAULT_CALL_TIMEOUT_MS = 5_000;
/** Three crashes in five seconds are bad luck; more are a fault that a restart does not cure. */
const DEFAULT_RESTART_INTENSITY: RestartIntensity = { restarts: 3, withinMs: 5_000 };

const NAMES = [
  'limits',
  'fairness',
  'journal',
  'traceHandles',
  'clock',
  'logger',
  'callTimeoutMs',
  'restartIntensity',
  'faultPoints',
  'inspect',
];

/** The options with every default in them. */
export interface CheckedOptions {
  readonly limits: Limits;
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
  const { fairness = 'arrival', traceHandles = false } = options;
  expectOption('fairness', fairness, isFairness, "'arrival', 'session' or 'owner'");
  expectOption('traceHandles', traceHandles, isBoolean, 'true or false');
  expectOption('journal', journal, isMemory, "'memory'");
  expectOption('callTimeoutMs', callTimeoutMs, isTimeout, 'milliseconds above 0');
  expectOption('restartIntensity', restartIntensity, isObject, '{ restarts, withinMs }');
  const { clock = systemClock, logger = silentLogger } = options;
  expectOption('clock', clock, isClock, 'a Clock');
  expectOption('logger', logger, isLogger, 'debug, info, warn and error functions');
  expectOption('faultPoints', faultPoints, isOptionalFaultPoints, 'an object with reach');
  expectOption('inspect', inspect, isOptionalInspector, 'a function or an observer');
  return {
    limits: withLimits(DEFAULT_LIMITS, checkLimitChanges(limits)),
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

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isMemory(value: unknown): boolean {
  return value === 'memory';
}

function isTimeout(value: unknown): boolean {
  return isDuration(value) && (value as number) > 0;
}
