/**
 * `slotkeeper serve [--config FILE] [flags] [--check]`: the daemon, until it is told to end (`serve-end.ts`).
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { type Slotkeeper, startSlotkeeper } from '../../supervisors/start-slotkeeper.ts';
import type { Config, EffectiveConfig } from '../config/index.ts';
import type { LimiterOptions } from '../limiter/index.ts';
import { checkServe } from './check/serve-check.ts';
import { addConfigFlags, type ConfigOptions, configOf } from './config-flags.ts';
import { endOnSignals } from './serve-end.ts';
import { hintsOf } from './serve-hints.ts';

interface ServeOptions extends ConfigOptions {
  readonly check?: boolean;
  readonly try?: boolean;
}

export function addServeCommand(program: Command): void {
  const command = program
    .command('serve')
    .description('Serve sessions, runs and limits over HTTP')
    .option('--try', 'print requests to try')
    .option('--check', 'say what would be done, or why it cannot be, and do nothing');
  addConfigFlags(command).action(
    async ({ check = false, try: isTried = false, ...options }: ServeOptions) => {
      const config = await configOf(options, 'serve');
      if (check) await checkServe(config);
      else await serve(config, program.version() ?? '', isTried);
    },
  );
}

async function serve(
  { values: config, notes }: EffectiveConfig,
  version: string,
  isTried: boolean,
): Promise<void> {
  // Loaded where they are used: no other command needs a server.
  const { daemonLog, keeperLimits, startDaemon } = await import('../http/index.ts');
  const logger = daemonLog();
  for (const note of notes) logger.warn({}, note);
  makeFolder(config);
  const keeper = await startSlotkeeper({
    ...keeperOptions(config),
    limits: keeperLimits(config),
    logger,
  });
  const options = { keeper, config, version, logger };
  const daemon = await startDaemon(options).catch((fault) => ended(keeper, fault));
  logger.info({ url: daemon.url, pid: process.pid }, 'listening');
  if (isTried) console.error(hintsOf(daemon.url, config));
  endOnSignals({ keeper, daemon, config, logger });
}

function makeFolder({ journal: { path } }: Config): void {
  // For its owner alone: what is in it names sessions, owners and labels.
  if (path !== null) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
}

function keeperOptions({ journal, spoolDir, ...config }: Config): LimiterOptions {
  const { fairness, orphans, retention } = config;
  const { path, durability } = journal;
  return {
    fairness,
    orphans,
    retention,
    ...(path !== null && { journal: { path, durability } }),
    ...(spoolDir !== null && { spoolDir }),
  };
}

async function ended(keeper: Slotkeeper, fault: unknown): Promise<never> {
  await keeper.stop({ timeoutMs: 0 });
  throw fault;
}
