/**
 * `slotkeeper config [--config FILE] [flags] [--json]`: every effective value of the daemon, and where it is from.
 */
import type { Command } from 'commander';
import type { ConfigRow, EffectiveConfig } from '../config/index.ts';
import { addConfigFlags, type ConfigOptions, configOf } from './config-flags.ts';
import { aligned } from './table.ts';

interface ShownOptions extends ConfigOptions {
  readonly json?: boolean;
}

export function addConfigCommand(program: Command): void {
  const command = program
    .command('config')
    .description('Show every value that serve would have, and where it is from')
    .option('--json', 'as one JSON object');
  addConfigFlags(command).action(async ({ json = false, ...options }: ShownOptions) => {
    const config = await configOf(options, 'serve');
    const { configRows } = await import('../config/index.ts');
    const rows = configRows(config);
    console.log(json ? jsonOf(rows, config) : textOf(rows, config));
  });
}

function jsonOf(rows: readonly ConfigRow[], { reserved, notes }: EffectiveConfig): string {
  const entries = rows.map(({ key, value, origin }) => [key, { value, origin }]);
  return JSON.stringify({ values: Object.fromEntries(entries), reserved, notes }, undefined, 2);
}

/** For people. */
function textOf(rows: readonly ConfigRow[], { reserved, notes }: EffectiveConfig): string {
  const now = rows.map(({ key, value, origin }) => [key, written(value), origin]);
  const later = reserved.map(({ name, value, origin }) => [name, value, `${origin}, reserved`]);
  const told = notes.map((note) => `note: ${note}`);
  return [...aligned([...now, ...later]), ...told].join('\n');
}

function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
