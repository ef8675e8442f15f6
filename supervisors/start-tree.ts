/**
 * Starts a whole tree and gives the handle to stop it.
 */
import {
  type AnyChildren,
  type Clock,
  type ExitReason,
  type Inspector,
  type Logger,
  monitor,
  type Registry,
  type RestartIntensity,
  type Strategy,
  type SupervisorRef,
  startServer,
  stopServer,
} from '../src/otp/index.ts';
import { root } from './root.ts';

export interface TreeOptions {
  /** Time for the whole tree. Default the machine's. */
  readonly clock?: Clock;
  /** Where crashes and restarts are reported. Default nowhere. */
  readonly logger?: Logger;
  /** Where names are kept. Default the thread's own registry. */
  readonly registry?: Registry;
  /** XState's inspection of every actor of the tree. */
  readonly inspect?: Inspector;
  /** Crashes within a time before the root gives up. Default 3 in 5,000 ms. */
  readonly restartIntensity?: RestartIntensity;
  /** Who is restarted with a child. Default `rest_for_one`. */
  readonly strategy?: Strategy;
}

/** A running tree. */
export interface Tree {
  /** The root, for `startChild`, `whichChildren` and their like. */
  readonly supervisor: SupervisorRef;
  /** Resolves with the reason when the root has ended, by `stop` or because it gave up. */
  readonly ended: Promise<ExitReason>;
  /** Stops all, last started first. Again is a no-op. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts the root supervisor over `children` and resolves when all of them run. Rejects with
 * `start_failed` when one of them cannot be started; nothing is left running then.
 */
export async function startTree(
  children: AnyChildren,
  { restartIntensity, strategy, ...options }: TreeOptions = {},
): Promise<Tree> {
  const supervisor = await startServer(root(children, restartIntensity, strategy), options);
  const ended = new Promise<ExitReason>((resolve) => {
    monitor(supervisor, (down) => resolve(down.reason));
  });
  const stop = async (): Promise<void> => {
    // It may be ending already, for another reason: `ended` tells which.
    await stopServer(supervisor, 'shutdown').catch(() => {});
    await ended;
  };
  return { supervisor, ended, stop, [Symbol.asyncDispose]: stop };
}
