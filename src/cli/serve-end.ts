/**
 * How the daemon ends on SIGTERM and SIGINT: nobody new is taken in, what runs has `drainTimeoutMs`, then it
 * is killed with all that it has started, and the exit status is 0. Durable sessions and what waits stay in the
 * journal, for the next one.
 *
 * Requests are answered meanwhile, so that whoever waits hears how his run has ended, and whoever comes that
 * there is no more room (503). A second signal ends the waiting.
 */
import type { Slotkeeper } from '../../supervisors/start-slotkeeper.ts';
import type { Config } from '../config/index.ts';
import type { Daemon, DaemonOptions } from '../http/index.ts';

interface Ending {
  readonly keeper: Slotkeeper;
  readonly daemon: Daemon;
  readonly config: Config;
  readonly logger: DaemonOptions['logger'];
}

/** From SIGTERM to SIGKILL, and a second: so long may a command take that is killed. */
const KILL_MS = 6_000;

/** Every run has ended, so every request is answered; who does not read his answer is not waited for. */
const CLOSE_MS = 5_000;

export function endOnSignals(ending: Ending): void {
  const hurry = new AbortController();
  let isEnding = false;
  const end = (signal: NodeJS.Signals): void => {
    ending.logger.info({ signal }, isEnding ? 'told to end at once' : 'told to end');
    if (isEnding) hurry.abort();
    else endAll(ending, hurry.signal).then(gone, (fault) => failed(ending, fault));
    isEnding = true;
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

async function endAll({ keeper, daemon, config, logger }: Ending, hurry: AbortSignal) {
  const drained = keeper.drain({ timeoutMs: config.drainTimeoutMs, waiting: 'keep' });
  await Promise.race([drained, aborted(hurry)]);
  const timeoutMs = hurry.aborted ? 0 : KILL_MS;
  const report = await keeper.stop({ timeoutMs, waiting: 'keep' });
  const late = AbortSignal.timeout(CLOSE_MS);
  await Promise.race([daemon.close(), aborted(hurry), aborted(late)]);
  logger.info({ report }, 'ended');
}

function gone(): never {
  process.exit(0);
}

function failed({ logger }: Ending, error: unknown): never {
  logger.error({ error }, 'could not end in order');
  process.exit(1);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}
