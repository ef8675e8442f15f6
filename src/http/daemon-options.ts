/**
 * What the daemon is made of.
 */
import type { Config } from '../config/index.ts';
import type { Keeper } from './keeper.ts';
import type { DaemonLog } from './log.ts';

export interface DaemonOptions {
  readonly keeper: Keeper;
  readonly config: Config;
  /** Of the package. */
  readonly version: string;
  readonly logger: DaemonLog;
}
