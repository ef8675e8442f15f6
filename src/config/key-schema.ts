/**
 * An API key, as the configuration has it: its hash, never the key.
 */
import { z } from 'zod';
import { kind, required } from './setting.ts';
import { keyHash, name } from './value-kinds.ts';

/** What a key may do besides what every key may. */
export const SCOPES = ['exec', 'admin'] as const;

const scopes = () => kind(z.array(z.enum(SCOPES)), { expected: 'an array of "exec" and "admin"' });

export const key = () =>
  z.strictObject({
    id: required(name(), { meaning: 'By what logs and `slotkeeper keys` call it' }),
    hash: required(keyHash(), {
      meaning: 'What is kept of the key, as `slotkeeper keys new` prints it',
      isSecret: true,
    }),
    owner: required(name(), { meaning: 'On whose account its sessions and runs are' }),
    scopes: required(scopes(), {
      meaning: '`exec`: may run any program; `admin`: sees all owners, changes limits',
    }),
  });
