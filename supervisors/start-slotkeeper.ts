/**
 * Starts the whole tree: the limiter, and what comes to stand on it.
 */
import type { DrainOptions } from '../src/limiter/drain.ts';
import type { DrainReport } from '../src/limiter/drains.ts';
import { ConcurrencyLimiter } from '../src/limiter/limiter.ts';
import type { LimiterOptions } from '../src/limiter/limiter-options.ts';
import type { Status } from '../src/limiter/status.ts';
import { startLimiterTree } from './start-limiter.ts';
import type { Tree } from './start-tree.ts';

/** A running keeper. */
export class Slotkeeper {
  readonly limiter: ConcurrencyLimiter;
  private readonly tree: Tree;

  /** Made by `startSlotkeeper`. */
  constructor(limiter: ConcurrencyLimiter, tree: Tree) {
    this.limiter = limiter;
    this.tree = tree;
  }

  /** The limiter's status. */
  getStatus(): Status {
    return this.limiter.getStatus();
  }

  /** Takes in nobody new and waits until no run is held; see `ConcurrencyLimiter.drain`. */
  drain(options?: DrainOptions): Promise<DrainReport> {
    return this.limiter.drain(options);
  }

  /** Stops the tree, last started first: every slot ends as `stopped`. Again is a no-op. */
  stop(): Promise<void> {
    return this.tree.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.tree.stop();
  }
}

/** Starts the tree and resolves when it accepts. Rejects as `startConcurrencyLimiter` does. */
export async function startSlotkeeper(options: LimiterOptions = {}): Promise<Slotkeeper> {
  const { survivors, tree } = await startLimiterTree(options);
  return new Slotkeeper(new ConcurrencyLimiter(survivors), tree);
}
