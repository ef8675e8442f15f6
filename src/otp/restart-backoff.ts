/**
 * Restart backoff, beyond OTP and off by default: a wait before a restart that grows with each restart
 * in the intensity's window, with jitter, so that what fails together does not come back together.
 */
import { expectOption, isDuration } from './options.ts';

export interface RestartBackoff {
  /** Before the first restart of a window. */
  readonly initialMs: number;
  /** The wait doubles up to this. Default 30 times `initialMs`. */
  readonly maxMs?: number;
  /** The part of a wait that is left to chance, 0 to 1. Default 0.5. */
  readonly jitter?: number;
  /** Gives numbers from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}

/** Milliseconds to wait before the `restarts`-th restart in the window. Zero without a backoff. */
export function backoffMs(backoff: RestartBackoff | undefined, restarts: number): number {
  if (!backoff) return 0;
  const { initialMs, maxMs = 30 * initialMs, jitter = 0.5, random = Math.random } = backoff;
  const full = Math.min(maxMs, initialMs * 2 ** (restarts - 1));
  return full * (1 - jitter * random());
}

/** Throws `invalid_option` for a backoff that cannot be. */
export function checkBackoff(backoff: RestartBackoff | undefined): void {
  if (!backoff) return;
  const { initialMs, maxMs = initialMs, jitter = 0 } = backoff;
  expectOption('restartBackoff.initialMs', initialMs, isDuration, 'milliseconds, 0 or more');
  expectOption('restartBackoff.maxMs', maxMs, isDuration, 'milliseconds, 0 or more');
  expectOption('restartBackoff.jitter', jitter, isFraction, 'a number from 0 to 1');
}

function isFraction(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= 1;
}
