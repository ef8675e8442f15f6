/**
 * The daemon over HTTP, as the command line takes it. Re-exports only.
 */
export { type Daemon, startDaemon } from './daemon.ts';
export type { DaemonOptions } from './daemon-options.ts';
export type { Keeper } from './keeper.ts';
export { keeperLimits } from './keeper-limits.ts';
export { daemonLog, type ProcessLog } from './log.ts';
