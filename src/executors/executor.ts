/**
 * Executors: what a run runs. A port.
 *
 * An executor starts work and says when it is gone. The run's slot is held as long as the work is there,
 * so the one thing that an executor must never do is to say `gone` of work that goes on.
 *
 * - `start` begins the work and returns. It does not throw: work that cannot begin is gone, and failed.
 * - `gone` is called once, when nothing of the work is left; never inside of `start` or `stop`.
 * - `stop` asks the work to end. Again is a no-op. An executor that `endsWhenStopped` sees to it that the
 *   work is gone within a bounded time then, and the run's outcome is told when it is. Of any other the
 *   outcome is told at once, and the slot waits for the work.
 * - `pause` and `resume` are called only where `canPause` has said so, alternately, while the work runs.
 */

/** What an executor gets besides the order. */
export interface WorkPlace {
  readonly sessionId: string;
  readonly runId: string;
  /** The fencing token of the run's slot: whoever writes somewhere on its behalf says it there. */
  readonly token: number;
  /** UTC epoch milliseconds at which the run will be timed out; `undefined` without a deadline. */
  readonly deadlineAt: number | undefined;
  /** Nothing of the work is left. */
  gone(end: WorkEnd): void;
}

/** How work has ended by itself. */
export type WorkEnd =
  | { readonly state: 'succeeded'; readonly value: unknown }
  | { readonly state: 'failed'; readonly error: Error };

/** Work that was started. */
export interface Work {
  /** `reason` is what the signal of the work aborts with, where it has one. */
  stop(reason: Error): void;
  pause(): void;
  resume(): void;
}

export interface Executor<Order = unknown> {
  readonly endsWhenStopped: boolean;
  canPause(order: Order): boolean;
  start(order: Order, place: WorkPlace): Work;
}

/** What a function that is run gets. */
export interface RunContext {
  readonly sessionId: string;
  readonly runId: string;
  readonly token: number;
  readonly deadlineAt: number | undefined;
  /** Aborts when the run is to end, with the reason. A function that does not look at it goes on. */
  readonly signal: AbortSignal;
  /**
   * Resolves at once, or, while the run is paused, when it is resumed. Rejects with `signal.reason` once
   * the run is to end. For functions that are run with `pausable`, between two steps.
   */
  whenResumed(): Promise<void>;
}

/** A function as work. What it returns, or what that resolves with, is the run's value. */
export type RunFunction<Value = unknown> = (context: RunContext) => Value | PromiseLike<Value>;

/** The order of a function. */
export interface FunctionOrder {
  readonly fn: RunFunction;
  readonly pausable: boolean;
}
