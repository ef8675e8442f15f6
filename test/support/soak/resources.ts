/**
 * What of Node's the process has open: ports, threads, timers.
 */
import { createHook } from 'node:async_hooks';

/** Far more turns of the loop than it takes to close what has ended. */
const MOST_TURNS = 1_000;

const WATCHED = ['MESSAGEPORT', 'WORKER', 'Timeout'];

export class Resources {
  private readonly open = new Map<number, string>();
  /** What was there before. */
  private readonly own: readonly string[];

  /** Watches from now on. */
  constructor() {
    // A thread opens these, if they are not open yet, and they stay.
    if (process.stdout.closed || process.stderr.closed) throw new Error('Nobody listens');
    this.own = process.getActiveResourcesInfo();
    createHook({
      init: (id, type) => {
        if (WATCHED.includes(type)) this.open.set(id, type);
      },
      destroy: (id) => this.open.delete(id),
    }).enable();
  }

  /** Lets the loop turn until what was opened is closed. */
  async close(): Promise<void> {
    for (let turn = 0; turn < MOST_TURNS && this.open.size > 0; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What is open still, by its names. */
  get names(): string[] {
    const before = [...this.own];
    const later = process.getActiveResourcesInfo().filter((name) => {
      const at = before.indexOf(name);
      if (at >= 0) before.splice(at, 1);
      return at < 0;
    });
    return [...this.open.values(), ...later];
  }
}
