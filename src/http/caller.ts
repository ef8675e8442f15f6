/**
 * Who asks: an owner, and what he may do.
 *
 * With keys in the configuration a request has one, as `Authorization: Bearer KEY`. Without any, everyone who
 * reaches the daemon is the owner `local` and may do all; it listens on loopback alone then.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Config } from '../config/index.ts';
import { requestFault } from './request-faults.ts';

export type Scope = Config['keys'][number]['scopes'][number];

export interface Caller {
  readonly owner: string;
  /** Of the key; none without keys. */
  readonly keyId: string | undefined;
  readonly scopes: readonly Scope[];
}

const LOCAL: Caller = { owner: 'local', keyId: undefined, scopes: ['exec', 'admin'] };
/** Who asks what everyone may know. */
export const NOBODY: Caller = { owner: '', keyId: undefined, scopes: [] };

const BEARER = /^Bearer +(?<key>\S+)$/i;

/** `authorization`: the header. Throws `key_required`. */
export function callerOf(keys: Config['keys'], authorization: string | undefined): Caller {
  if (keys.length === 0) return LOCAL;
  const { key = '' } = BEARER.exec(authorization ?? '')?.groups ?? {};
  const hash = createHash('sha256').update(key).digest();
  // All are looked at, so that the time tells nothing of which fits.
  const [known] = keys.filter((one) => timingSafeEqual(digestOf(one.hash), hash));
  if (!known) throw requestFault('key_required', 'Expected Authorization: Bearer KEY');
  return { owner: known.owner, keyId: known.id, scopes: known.scopes };
}

/** Throws `scope_required`. */
export function expectScope({ scopes }: Caller, scope: Scope | undefined): void {
  if (scope === undefined || scopes.includes(scope)) return;
  const text = `The API key needs the scope ${scope}`;
  throw requestFault('scope_required', text, { scope });
}

/** Whether he may see what is this owner's. */
export function maySee({ owner, scopes }: Caller, other: string | undefined): boolean {
  return owner === other || scopes.includes('admin');
}

/** `sha256:…`, as the configuration has it. */
function digestOf(hash: string): Buffer {
  return Buffer.from(hash.slice('sha256:'.length), 'hex');
}
