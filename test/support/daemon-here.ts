/**
 * A daemon in this process, asked over a real socket, whose time is the test's own. Its programs are real; nothing
 * of it outlives its test.
 */
import { onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import { type Daemon, keeperLimits, startDaemon } from '../../src/http/index.ts';
import { type Slotkeeper, startSlotkeeper } from '../../src/index.ts';
import { SimulatedClock } from '../../src/testing.ts';
import { fileWith } from './config-files.ts';
import { type Asked, ask, type Reply } from './daemon-process.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

export class DaemonHere implements Asked {
  readonly clock: SimulatedClock;
  readonly keeper: Slotkeeper;
  private readonly daemon: Daemon;

  private constructor(clock: SimulatedClock, keeper: Slotkeeper, daemon: Daemon) {
    this.clock = clock;
    this.keeper = keeper;
    this.daemon = daemon;
  }

  /** `content`: of its file, besides where it listens. It keeps no journal. */
  static async start(content: object): Promise<DaemonHere> {
    const base = { listen: { port: 0 }, exec: { enabled: true } };
    const file = fileWith(JSON.stringify({ ...base, ...content, journal: { path: null } }));
    const { values: config } = loadConfig({ file, env: {}, flags: {}, command: 'serve' });
    const clock = new SimulatedClock();
    const keeper = await startSlotkeeper({ clock, limits: keeperLimits(config) });
    const daemon = await startDaemon({ keeper, config, version: '0.0.0', logger: quiet });
    onTestFinished(async () => {
      await keeper.stop();
      await daemon.close();
    });
    return new DaemonHere(clock, keeper, daemon);
  }

  ask(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<Reply> {
    return ask(this.daemon.url, method, path, body, init);
  }
}
