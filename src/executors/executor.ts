/**
 * Executors: what a run runs. A port.
 *
 * An executor starts work and says when it is gone. The run's slot is held as long as the work is there,
 * so the one thing that an executor must never do is to say `gone` of work that goes on.
 *
 * - `complete` makes an order of what was asked for, checked and with its defaults, or throws.
 * - `start` begins the work and returns. It does not throw: work that cannot begin is gone, and failed.
 * - `gone` is called once, when nothing of the work is left; never inside of `start`, `adopt` or `stop`.
 * - `stop` asks the work to end. Again is a no-op. An executor that `endsWhenStopped` sees to it that the
 *   work is gone within a bounded time then, and the run's outcome is told when it is. Of any other the
 *   outcome is told at once, and the slot waits for the work.
 * - `pause` and `resume` are called only where `canPause` has said so, alternately, while the work runs.
 *
 * Work that `outlives` its process is taken up by the next one: its order is plain data, stands in the journal
 * with the slot, and is given to `adopt` with the same token. So is a stop: `adopt` tells of one that was ordered
 * before (`stopFound`), and whoever has called it stops the work again, for the same reason.
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

/** How work has ended by itself. `value`: what it has come to, also where that is no success. */
export type WorkEnd =
  | { readonly state: 'succeeded'; readonly value: unknown }
  | { readonly state: 'failed'; readonly error: Error; readonly value?: unknown }
  /** It is gone, and nobody saw how it ended, or it was killed by who has taken it up. */
  | { readonly state: 'interrupted'; readonly value?: unknown };

/** Why work was to end, as plain data: what its executor had written down of the reason that `stop` was given. */
export interface StopNote {
  /** The code of the reason. */
  readonly state: string;
  readonly reason: string;
  /** What whoever ordered it has said, for people. */
  readonly note?: string | undefined;
}

/** Work that was started. */
export interface Work {
  /** Of work that is taken up: it was to end already. */
  readonly stopFound?: StopNote | undefined;
  /** `reason` is what the signal of the work aborts with, where it has one. */
  stop(reason: Error): void;
  pause(): void;
  resume(): void;
}

export interface Executor<Asked = unknown, Order = unknown> {
  readonly endsWhenStopped: boolean;
  /** Whether its work goes on when this process ends. */
  readonly outlives: boolean;
  complete(asked: Asked): Order;
  canPause(order: Order): boolean;
  start(order: Order, place: WorkPlace): Work;
  /** Takes up what was begun for this slot by a process that has ended, or begins it. */
  adopt(order: Order, place: WorkPlace): Work;
  /** What the work of this slot has printed. Throws `no_output` where there is none. */
  output(token: number, options: OutputOptions): AsyncIterableIterator<OutputRecord>;
  /** Nobody will ask for what the work of this slot has left behind. */
  forget(token: number): void;
}

/** A failure as it was written down. */
export interface WrittenFailure {
  /** Of a coded fault. */
  readonly code?: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An executor of whose work something is found after its process, also of work that had ended with that. */
export interface KeepingExecutor<Asked = unknown, Order = unknown> extends Executor<Asked, Order> {
  /** Where is kept what the work of this slot has left behind, for `keepAt` of the next process. */
  keptAt(token: number): string;
  keepAt(token: number, place: string): void;
  /** A failure of its work, as it was. `value`: what the work had come to. */
  failureOf(written: WrittenFailure, value: unknown): Error;
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

/** A function, and what is said of it. */
export interface FunctionOrder {
  readonly fn: RunFunction;
  readonly pausable: boolean;
}

/** A program as work: plain data, which can be written down. */
export interface CommandOrder {
  /** The program and its arguments, each as it is: no shell sees them. */
  readonly cmd: readonly string[];
  /** Where it runs. Default the working directory of this process. */
  readonly cwd?: string;
  /** What its environment has besides what it may inherit. */
  readonly env?: Readonly<Record<string, string>>;
  /** What its standard input is: nothing (default), this text, or this file, which is no pipe. */
  readonly stdin?: string | { readonly file: string };
  /** From SIGTERM to SIGKILL, also for what it leaves behind. Milliseconds, default 5,000. */
  readonly killGraceMs?: number;
  /** Bytes of its output that are kept, of standard output and error each. Default 16 MiB. */
  readonly maxOutputBytes?: number;
  /** Lines of its output that are kept, of standard output and error each. Default 100,000. */
  readonly maxOutputLines?: number;
}

export type OutputStream = 'stdout' | 'stderr';

/** What is known of one stream of a command's output. */
export interface StreamReport {
  /** Bytes that were kept. */
  readonly bytes: number;
  /** Bytes that came. */
  readonly bytesSeen: number;
  readonly lines: number;
  /** Whether some of what came was not kept. */
  readonly isTruncated: boolean;
}

/** One stream of the output, as it was kept. */
export interface KeptOutput extends StreamReport {
  /** The file that holds it; it is there when `bytes` is above 0. */
  readonly path: string;
}

/** What a command has come to. */
export interface CommandResult {
  /** `null` if it did not exit by itself. */
  readonly exitCode: number | null;
  /** The signal that it died of; `null` if it exited. */
  readonly signal: string | null;
  readonly stdout: KeptOutput;
  readonly stderr: KeptOutput;
  /** What the disk said when it took no more of the output; `null` if it took all. */
  readonly outputFault: string | null;
  /** Processes that it had left behind, and that were killed. */
  readonly killed: number;
  /** UTC epoch milliseconds. */
  readonly startedAt: number;
  readonly endedAt: number;
}

/** A piece of the output, as it came. */
export interface OutputRecord {
  /** Counts from 0, over both streams. */
  readonly number: number;
  readonly stream: OutputStream;
  /** UTC epoch milliseconds. */
  readonly at: number;
  readonly bytes: Buffer;
  /** The same as text. What is no UTF-8 is replaced. */
  readonly text: string;
}

export interface OutputOptions {
  /** The first record that is wanted. Default 0. */
  readonly from?: number;
  /** Waits for what is still to come, until the work has ended. Default false. */
  readonly follow?: boolean;
  /** Ends the reading. */
  readonly signal?: AbortSignal;
}
