/**
 * What is wrong with a request, part by part, without what was sent: it may be a secret, and long.
 */
import type { z } from 'zod';
import { type FaultDetails, SlotkeeperError, withoutStack } from '../fault.ts';
import type { httpFaultCodes } from './fault-codes.ts';

export type RequestPart = 'params' | 'query' | 'body';

export interface RequestFault {
  /** `body.cmd[0]` */
  readonly at: string;
  readonly message: string;
}

/** What a client has done wrong, of whatever sort. Anybody may ask for as many as he likes, so it is cheap. */
export function requestFault<Code extends keyof typeof httpFaultCodes | 'session_closed'>(
  code: Code,
  message: string,
  details?: FaultDetails,
): SlotkeeperError<Code> {
  return withoutStack(() => new SlotkeeperError(code, message, details));
}

export function invalidRequest(
  part: RequestPart,
  issues: readonly z.core.$ZodIssue[],
): SlotkeeperError<'invalid_request'> {
  const faults = issues.map(({ path, message }) => ({ at: placeOf(part, path), message }));
  const text = faults.map(({ at, message }) => `${at}: ${message}`).join('; ');
  return requestFault('invalid_request', text, { faults });
}

function placeOf(part: RequestPart, path: readonly PropertyKey[]): string {
  return path.reduce<string>((place, step) => {
    return typeof step === 'number' ? `${place}[${step}]` : `${place}.${String(step)}`;
  }, part);
}
