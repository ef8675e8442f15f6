/**
 * How the daemon ends on SIGTERM, SIGINT and SIGHUP: nobody new is taken in, what runs has `drainTimeoutMs`, then
 * it is killed with all that it has started, and the exit status is 0. Durable sessions and what waits stay in
 * the journal, for the next one.
 *
 * Requests are answered meanwhile, so that whoever waits hears how his run has ended, and whoever comes that
 * there is no more room (503). A second signal ends the waiting, and what runs is killed at once; a third ends
 * the daemon as it is, and what runs is left to the next one. One that comes while the daemon starts is obeyed
 * as soon as it has.
 */
import type { Slotkeeper } from '../../supervisors/start-slotkeeper.ts';
import type { Config } from '../config/index.ts';
import type { Daemon, ProcessLog } from '../http/index.ts';

export interface Started {
  readonly keeper: Slotkeeper;
  readonly daemon: Daemon;
  readonly config: Config;
}

/** From SIGTERM to SIGKILL, and a second: so long may a command take that is killed. */
const KILL_MS = 6_000;

/** Every run has ended, so every request is answered; who does not read his answer is not waited for. */
const CLOSE_MS = 5_000;

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** From now on; `started` rejects where there will be nothing to end. */
export function endOnSignals(started: Promise<Started>, log: ProcessLog): void {
  const second = new AbortController();
  let count = 0;
  const end = (signal: NodeJS.Signals): void => {
    count += 1;
    log.logger.info({ signal, count }, 'told to end');
    if (count === 1) endWith(started, second.signal, log);
    if (count === 2) second.abort();
    if (count === 3) log.exit(0);
  };
  for (const signal of SIGNALS) process.on(signal, end);
}

function endWith(started: Promise<Started>, hurry: AbortSignal, log: ProcessLog): void {
  const failed = (error: unknown): void => {
    log.logger.error({ error }, 'could not end in order');
    log.exit(1);
  };
  started.then((all) => endAll(all, hurry, log)).then(() => log.exit(0), failed);
}

async function endAll(
  { keeper, daemon, config }: Started,
  hurry: AbortSignal,
  { logger }: ProcessLog,
): Promise<void> {
  const drained = keeper.drain({ timeoutMs: config.drainTimeoutMs, waiting: 'keep' });
  await Promise.race([drained, aborted(hurry)]);
  const report = await keeper.stop({ timeoutMs: KILL_MS, waiting: 'keep' });
  await Promise.race([daemon.close(), aborted(hurry), aborted(AbortSignal.timeout(CLOSE_MS))]);
  logger.info({ report }, 'ended');
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}
