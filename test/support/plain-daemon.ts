/**
 * A daemon in this process, with a keeper of its own and without a journal, as long as the test lasts. What it
 * logs is kept.
 */
import { type Daemon, keeperLimits, startDaemon } from '../../src/http/index.ts';
import { startSlotkeeper } from '../../src/index.ts';
import { loadedFrom } from './config-files.ts';
import { keptLog } from './kept-log.ts';

/** `content`: what its file says besides. */
export async function plainDaemon(content: object = {}) {
  const { values: config } = loadedFrom({
    listen: { port: 0 },
    journal: { path: null },
    ...content,
  });
  const keeper = await startSlotkeeper({ limits: keeperLimits(config) });
  const { logger, lines } = keptLog();
  const daemon = await startDaemon({ keeper, config, version: '0.0.0', logger });
  return { url: daemon.url, keeper, lines, [Symbol.asyncDispose]: () => end(daemon, keeper) };
}

async function end(daemon: Daemon, keeper: { stop(): Promise<unknown> }): Promise<void> {
  await daemon.close();
  await keeper.stop();
}
