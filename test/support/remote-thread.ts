/**
 * A worker thread that is connected to a limiter: `remote-caller.mjs`, and how it is told what to do.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Limiter } from './callers.ts';

const PROGRAM = join(import.meta.dirname, 'remote-caller.mjs');

/** A slot, as the thread tells of it. */
export interface ToldSlot {
  readonly sessionId: string;
  readonly runId: string | undefined;
  readonly token: number;
  readonly isLost: boolean;
}

/** An error, as the thread has caught it; the classes are those of the thread. */
export interface ToldError {
  /** What was thrown, if it was no error. */
  readonly reason?: unknown;
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly limit?: number;
  readonly active?: number;
  readonly scope?: string;
  readonly retryable?: boolean;
  readonly isRefusal?: boolean;
  readonly isFault?: boolean;
  readonly isLoss?: boolean;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: ToldError;
}

/** What an act of the thread was rejected with. */
export class RemoteFailure extends Error {
  readonly told: ToldError;

  constructor(told: ToldError) {
    super(`In the thread: ${told.message ?? String(told.reason)}`);
    this.told = told;
  }
}

export class RemoteThread {
  /** Resolves when the thread has ended, in whatever way. */
  readonly ended: Promise<unknown>;
  private readonly worker: Worker;
  private readonly open = new Map<number, (answer: Answer) => void>();
  private orders = 0;

  private constructor(worker: Worker) {
    this.worker = worker;
    this.ended = new Promise((resolve) => worker.once('exit', resolve));
    // A thread that crashes is what some tests are about.
    worker.on('error', () => {});
    worker.on('message', (answer: Answer) => this.open.get(answer.id)?.(answer));
  }

  /** A thread that has connected itself to this limiter. */
  static async connect(limiter: Limiter): Promise<RemoteThread> {
    const port = limiter.openPort();
    const worker = new Worker(PROGRAM, {
      workerData: { port },
      transferList: [port],
      execArgv: [],
    });
    await once(worker, 'message');
    return new RemoteThread(worker);
  }

  /** Lets the thread act, and gives what came of it. Rejects with a `RemoteFailure`. */
  do<Value = unknown>(act: string, ...args: unknown[]): Promise<Value> {
    const id = this.post(act, ...args);
    return new Promise((resolve, reject) => {
      this.open.set(id, ({ value, error }) => {
        this.open.delete(id);
        if (error) reject(new RemoteFailure(error));
        else resolve(value as Value); // as the act gives it
      });
    });
  }

  /** What an act is rejected with. */
  async failure(act: string, ...args: unknown[]): Promise<ToldError> {
    const outcome = await this.do(act, ...args).catch((error: unknown) => error);
    if (outcome instanceof RemoteFailure) return outcome.told;
    throw new Error(`Expected a failure, got ${JSON.stringify(outcome)}`);
  }

  /** Tells the thread to act, of which it may never answer. */
  post(act: string, ...args: unknown[]): number {
    this.orders += 1;
    this.worker.postMessage({ id: this.orders, act, args });
    return this.orders;
  }

  /** Resolves when the limiter has decided all that the thread has asked by now. */
  async roundTrip(): Promise<void> {
    await this.do('releaseRun', 'nobody');
  }

  async terminate(): Promise<void> {
    await this.worker.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.terminate();
  }
}
