/**
 * The options of a run, and how they are checked.
 */
import type { AcquireRunOptions } from '../limiter/index.ts';
import {
  expectKnown,
  expectOption,
  isDuration,
  isFunction,
  isOptionalBoolean,
} from '../otp/options.ts';

/**
 * What `session.run` takes besides the work. `owner` is the session's where it is absent. `waitTimeoutMs`
 * bounds the wait for the slot, `deadlineMs` the work; neither counts towards the other.
 */
export interface RunOptions
  extends Pick<
    AcquireRunOptions,
    'kind' | 'owner' | 'priority' | 'labels' | 'waitTimeoutMs' | 'signal' | 'holder' | 'leaseMs'
  > {
  /** Made where it is absent. */
  readonly runId?: string;
  /**
   * The run is timed out when its work has taken so many milliseconds, from its start. Nothing ever sets
   * it back. Default `Infinity`.
   */
  readonly deadlineMs?: number;
  /** The function looks at `whenResumed()`, so the run can be paused. Default false. */
  readonly pausable?: boolean;
}

const NAMES = [
  'runId',
  'kind',
  'owner',
  'priority',
  'labels',
  'waitTimeoutMs',
  'signal',
  'holder',
  'leaseMs',
  'deadlineMs',
  'pausable',
];

/** Throws `invalid_option`. What the limiter takes is checked there. */
export function checkRunOptions(work: unknown, options: RunOptions): void {
  expectOption('work', work, isWork, 'a function, or a command: an object with cmd');
  expectOption('options', options, isObject, 'an object');
  expectKnown(options, NAMES);
  expectOption('deadlineMs', options.deadlineMs, isOptionalTerm, 'milliseconds above 0');
  expectOption('pausable', options.pausable, isOptionalBoolean, 'true or false');
}

function isWork(value: unknown): boolean {
  return isFunction(value) || isObject(value);
}

export function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

export function isOptionalTerm(value: unknown): boolean {
  return value === undefined || (isDuration(value) && (value as number) > 0);
}
