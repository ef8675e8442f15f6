/**
 * Why a server ended, in OTP's vocabulary.
 *
 * `normal`, `shutdown` and `{ shutdown: … }` are orderly ends: nobody restarts a transient child for
 * them. Everything else is abnormal: an `Error` (a crash), `killed` (nothing of its own ran any more),
 * `noproc` (it was not there in the first place).
 */
import { SlotkeeperError } from '../fault.ts';

export type ExitReason =
  | 'normal'
  | 'shutdown'
  | { readonly shutdown: unknown }
  | 'killed'
  | 'noproc'
  | Error;

/** What may be sent to a server with `exit`: a reason, or `kill`, which cannot be trapped. */
export type ExitSignal = ExitReason | 'kill';

export function isAbnormal(reason: ExitReason): boolean {
  if (typeof reason === 'string') return reason === 'killed' || reason === 'noproc';
  return reason instanceof Error;
}

/** The reason of a crash. JavaScript can throw anything; a reason is always an `Error`. */
export function crashReason(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new SlotkeeperError(
    'thrown_value',
    `Expected an Error to be thrown, got ${describeValue(thrown)}`,
    {},
    thrown,
  );
}

/**
 * The error that XState is told of, or `undefined` for an end that XState calls done.
 * A supervisor that gives up ends with `{ shutdown: error }`: orderly for OTP, a failure for a machine.
 */
export function failureOf(reason: ExitReason): Error | undefined {
  if (reason instanceof Error) return reason;
  if (reason === 'killed' || reason === 'noproc') {
    return new SlotkeeperError('server_down', `The server was ended: ${reason}`, { reason });
  }
  if (typeof reason === 'object' && reason.shutdown instanceof Error) return reason.shutdown;
  return undefined;
}

/** One line for messages and logs. */
export function describeReason(reason: ExitReason): string {
  if (typeof reason === 'string') return reason;
  if (reason instanceof Error) return `${reason.name}: ${reason.message}`;
  return `shutdown (${describeValue(reason.shutdown)})`;
}

/** A short text for any value, safe for what cannot be converted. */
export function describeValue(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `a function${value.name ? ` (${value.name})` : ''}`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
