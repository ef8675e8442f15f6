/**
 * The `Idempotency-Key` of a request: a client that does not know whether he was answered sends both again, and
 * what he asks for is done once.
 *
 * A key is its owner's, for one route. What the request makes has an id that is made from it, so it is found
 * again by whichever process gets the request next: a run that was begun before the daemon was killed is
 * answered for, not begun twice.
 */
import { createHash } from 'node:crypto';
import type { SlotkeeperError } from '../fault.ts';
import type { Run } from '../sessions/index.ts';
import type { Keeper } from './keeper.ts';
import { requestFault } from './request-faults.ts';

export interface RequestKey {
  /** As it was sent. */
  readonly text: string;
  /** Of what is made under it: the same for the same key in every process. */
  readonly id: string;
  /** Of what is asked for. */
  readonly fingerprint: string;
}

const LONGEST_KEY = 256;
/** The label of a run that was asked for under a key. */
const FINGERPRINT = 'idempotency_fingerprint';

/** `scope`: of whom, and for what, the key is. Throws `invalid_request`. */
export function requestKey(text: string, scope: readonly string[], request: unknown): RequestKey {
  if (text.length === 0 || text.length > LONGEST_KEY) throw invalidKey();
  return { text, id: `key-${hashOf([...scope, text])}`, fingerprint: hashOf(request) };
}

/** What marks a run as asked for under this key. */
export function underKey(key: RequestKey | undefined) {
  return key && { runId: key.id, labels: { [FINGERPRINT]: key.fingerprint } };
}

/** The run that was asked for under this key before. Throws `idempotency_key_reused`. */
export function runUnder(keeper: Keeper, key: RequestKey | undefined): Run | undefined {
  const run = key && keeper.getRun(key.id);
  if (run && run.labels[FINGERPRINT] !== key.fingerprint) throw keyReused(key);
  return run;
}

export function keyReused({ text }: RequestKey): SlotkeeperError<'idempotency_key_reused'> {
  const message = `Idempotency-Key ${JSON.stringify(text)} was there with another request`;
  return requestFault('idempotency_key_reused', message);
}

function invalidKey(): SlotkeeperError<'invalid_request'> {
  const message = `expected 1 to ${LONGEST_KEY} characters`;
  const faults = [{ at: 'headers.idempotency-key', message }];
  return requestFault('invalid_request', `Idempotency-Key: ${message}`, { faults });
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}
