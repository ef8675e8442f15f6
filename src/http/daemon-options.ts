/**
 * What the daemon is made of.
 */
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config/index.ts';
import type { Keeper } from './keeper.ts';

export interface DaemonOptions {
  readonly keeper: Keeper;
  readonly config: Config;
  readonly logger: FastifyBaseLogger;
}
