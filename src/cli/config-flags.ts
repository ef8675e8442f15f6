/**
 * The flags of the configuration, on every command that takes one, and what they make together.
 */
import type { Command } from 'commander';
import { type Flags, flags } from '../config/flags.ts';
import type { ConfigCommand, EffectiveConfig } from '../config/index.ts';

/** As commander gives them. */
export interface ConfigOptions extends Flags {
  readonly config?: string;
}

export function addConfigFlags(command: Command): Command {
  command.option('--config <file>', 'the configuration, a JSON file');
  for (const { option, argument, meaning } of Object.values(flags)) {
    command.option(`${option} ${argument}`, meaning);
  }
  return command;
}

/** The schema is loaded where a configuration is asked for, and only there. Rejects with `invalid_config`. */
export async function configOf(
  options: ConfigOptions,
  command: ConfigCommand,
): Promise<EffectiveConfig> {
  const { loadConfig } = await import('../config/index.ts');
  const { config: file, ...given } = options;
  return loadConfig({ file, env: process.env, flags: given, command });
}
