/**
 * `slotkeeper keys new --id NAME --owner OWNER [--scope exec] [--scope admin] [--json]`: makes an API key.
 *
 * Nothing is written anywhere: the key is printed once, and its entry is to be put into the configuration.
 */
import { type Command, Option } from 'commander';
import type { KeyEntry, NewKey } from '../config/index.ts';

const SCOPES = ['exec', 'admin'] as const satisfies KeyEntry['scopes'];

interface NewOptions {
  readonly id: string;
  readonly owner: string;
  readonly scope?: KeyEntry['scopes'];
  readonly json?: boolean;
}

export function addKeysCommand(program: Command): void {
  program
    .command('keys')
    .description('API keys of the daemon')
    .command('new')
    .description('Make a key: it is printed once, with what the configuration has of it')
    .requiredOption('--id <name>', 'by what logs call it')
    .requiredOption('--owner <owner>', 'on whose account its sessions and runs are')
    .addOption(new Option('--scope <scope...>', 'what it may do besides').choices(SCOPES))
    .option('--json', 'as one JSON object')
    .action(async ({ id, owner, scope: scopes = [], json = false }: NewOptions) => {
      const { newKey } = await import('../config/index.ts');
      const made = newKey({ id, owner, scopes });
      console.log(json ? JSON.stringify(made, undefined, 2) : textOf(made));
    });
}

/** For people. */
function textOf({ secret, entry }: NewKey): string {
  return [
    'The key, which nobody can show you again:',
    '',
    `  ${secret}`,
    '',
    'What stands for it under "keys" in the configuration of the daemon:',
    '',
    `  ${JSON.stringify(entry)}`,
  ].join('\n');
}
