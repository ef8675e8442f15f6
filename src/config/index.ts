/**
 * The configuration, as the command line and the daemon take it. Re-exports only.
 */
export { type ConfigRow, configRows } from './config-rows.ts';
export type { ConfigCommand } from './defaults.ts';
export { type ConfigFlag, type Flags, flags } from './flags.ts';
export { type ConfigSources, type EffectiveConfig, loadConfig } from './load-config.ts';
export { type KeyEntry, type NewKey, newKey } from './new-key.ts';
export { isLoopback } from './relations.ts';
export type { ReservedValue } from './reserved.ts';
export type { Config } from './schema.ts';
