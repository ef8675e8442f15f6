/**
 * The options of a session, and how they are checked.
 */
import type { AcquireSessionOptions } from '../limiter/index.ts';
import { expectKnown, expectOption } from '../otp/options.ts';
import { isObject, isOptionalTerm } from './run-options.ts';

/** What `openSession` takes. */
export interface SessionOptions
  extends Pick<
    AcquireSessionOptions,
    'owner' | 'priority' | 'labels' | 'holder' | 'durable' | 'waitTimeoutMs' | 'signal'
  > {
  /** Made where it is absent. */
  readonly sessionId?: string;
  /**
   * The session is closed when none of its runs has waited or run for so many milliseconds. Default
   * `Infinity`.
   */
  readonly idleTimeoutMs?: number;
  /** The session is closed so many milliseconds after it was opened, whatever it does. Default `Infinity`. */
  readonly maxLifetimeMs?: number;
}

const NAMES = [
  'sessionId',
  'owner',
  'priority',
  'labels',
  'holder',
  'durable',
  'waitTimeoutMs',
  'signal',
  'idleTimeoutMs',
  'maxLifetimeMs',
];

/** Throws `invalid_option`. What the limiter takes is checked there. */
export function checkSessionOptions(options: SessionOptions): void {
  expectOption('options', options, isObject, 'an object');
  expectKnown(options, NAMES);
  const { idleTimeoutMs, maxLifetimeMs } = options;
  expectOption('idleTimeoutMs', idleTimeoutMs, isOptionalTerm, 'milliseconds above 0');
  expectOption('maxLifetimeMs', maxLifetimeMs, isOptionalTerm, 'milliseconds above 0');
}
