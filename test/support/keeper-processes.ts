/**
 * Processes that keep a journal, or try to, with the built package. None outlives its test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach } from 'vitest';

const PROGRAM = join(import.meta.dirname, 'keeper.mjs');
const living = new Set<KeeperProcess>();

afterEach(async () => {
  for (const keeper of living) await keeper.kill();
});

export class KeeperProcess {
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;

  constructor(child: ChildProcess) {
    this.child = child;
    this.closed = once(child, 'close');
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** It dies as by `kill -9`, and is gone when this resolves. */
  async kill(): Promise<void> {
    living.delete(this);
    this.child.kill('SIGKILL');
    await this.closed;
  }
}

/** Another process tries to keep the journal. `says`: `keeps`, or why it cannot. */
export async function tryToKeep(path: string): Promise<{ says: string; keeper: KeeperProcess }> {
  const child = spawn(process.execPath, [PROGRAM, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const keeper = new KeeperProcess(child);
  living.add(keeper);
  const [line] = await once(child.stdout, 'data');
  return { says: String(line).trim(), keeper };
}
