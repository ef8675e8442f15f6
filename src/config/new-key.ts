/**
 * A new API key: a secret that is told once, and what the configuration has of it.
 *
 * The secret is 32 random bytes, so its hash needs no salt and no slow function: it cannot be guessed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { SlotkeeperError } from '../fault.ts';
import { key } from './key-schema.ts';
import type { Config } from './schema.ts';
import { faultsOf } from './schema-faults.ts';

/** One of `keys` in the configuration. */
export type KeyEntry = Config['keys'][number];

export interface NewKey {
  readonly secret: string;
  readonly entry: KeyEntry;
}

/** By which it is known for what it is, where it has come by mistake. */
const PREFIX = 'slotkeeper_';
const SECRET_BYTES = 32;

/** Throws `invalid_key`. */
export function newKey({ id, owner, scopes }: Omit<KeyEntry, 'hash'>): NewKey {
  const secret = `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64url')}`;
  const entry = { id, hash: hashOf(secret), owner, scopes: [...new Set(scopes)] };
  expectRight(entry);
  return { secret, entry };
}

function hashOf(secret: string): string {
  return `sha256:${createHash('sha256').update(secret).digest('hex')}`;
}

function expectRight(entry: KeyEntry): void {
  const [fault] = faultsOf(key(), entry, 'key');
  if (!fault) return;
  const { key: name, expected, got } = fault;
  const text = `Expected as ${name} of a key ${expected}, got ${got}`;
  throw new SlotkeeperError('invalid_key', text, { ...fault });
}
