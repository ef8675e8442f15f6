/**
 * `slotkeeper serve [--config FILE] [flags] [--check]`: the daemon, until it is told to end (`serve-end.ts`).
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { startSlotkeeper } from '../../supervisors/start-slotkeeper.ts';
import type { Config, EffectiveConfig } from '../config/index.ts';
import type { ProcessLog } from '../http/index.ts';
import type { LimiterOptions } from '../limiter/index.ts';
import { checkServe, expectStart } from './check/serve-check.ts';
import { addConfigFlags, type ConfigOptions, configOf } from './config-flags.ts';
import { endOnSignals, type Started } from './serve-end.ts';
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
  const http = await import('../http/index.ts');
  const log = http.daemonLog();
  for (const note of notes) log.logger.warn({}, note);
  const started = start(http, config, version, log);
  endOnSignals(started, log);
  const { daemon } = await started;
  if (isTried) console.error(hintsOf(daemon.url, config));
}

/**
 * What a daemon before has left is taken up when it is sure that this one can serve it. Should it fail all the
 * same, it ends as if it was killed, and all of that is there for the next one.
 */
async function start(
  { keeperLimits, startDaemon }: typeof import('../http/index.ts'),
  config: Config,
  version: string,
  { logger }: ProcessLog,
): Promise<Started> {
  await expectStart(config);
  makeFolder(config);
  const options = { ...keeperOptions(config), limits: keeperLimits(config), logger };
  const keeper = await startSlotkeeper(options);
  const daemon = await startDaemon({ keeper, config, version, logger });
  logger.info({ url: daemon.url, pid: process.pid }, 'listening');
  return { keeper, daemon, config };
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
