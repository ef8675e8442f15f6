/**
 * Functions as work.
 *
 * A running function cannot be ended from outside: its signal aborts, and the work is gone when what it
 * has returned has settled. One that never looks at its signal keeps the slot, however long.
 */
import { SlotkeeperError } from '../fault.ts';
import type { Executor, FunctionOrder, RunContext, Work, WorkEnd, WorkPlace } from './executor.ts';

export const fnExecutor: Executor<FunctionOrder, FunctionOrder> = {
  endsWhenStopped: false,
  outlives: false,
  complete: (order) => order,
  canPause: ({ pausable }) => pausable,
  start: (order, place) => new FunctionWork(order, place),
  // It has ended with its process, and was never asked to be taken up.
  adopt: (order, place) => new FunctionWork(order, place),
  output() {
    throw new SlotkeeperError(
      'no_output',
      'A function has no output that is kept: only a command has',
    );
  },
  forget() {},
};

class FunctionWork implements Work, RunContext {
  private readonly place: WorkPlace;
  /** Made when the signal is first read: it costs more than all else that is done for a short run. */
  private controller: AbortController | undefined = undefined;
  private stopReason: Error | undefined = undefined;
  private paused: Pause | undefined = undefined;

  constructor({ fn }: FunctionOrder, place: WorkPlace) {
    this.place = place;
    settled(fn, this).then((end) => place.gone(end));
  }

  get sessionId(): string {
    return this.place.sessionId;
  }

  get runId(): string {
    return this.place.runId;
  }

  get token(): number {
    return this.place.token;
  }

  get deadlineAt(): number | undefined {
    return this.place.deadlineAt;
  }

  get signal(): AbortSignal {
    this.controller ??= this.newController();
    return this.controller.signal;
  }

  whenResumed = (): Promise<void> => {
    if (this.stopReason) return Promise.reject(this.stopReason);
    return this.paused?.over ?? Promise.resolve();
  };

  stop(reason: Error): void {
    this.stopReason ??= reason;
    this.controller?.abort(this.stopReason);
    this.paused?.end(this.stopReason);
    this.paused = undefined;
  }

  pause(): void {
    this.paused = new Pause();
  }

  resume(): void {
    this.paused?.end(undefined);
    this.paused = undefined;
  }

  private newController(): AbortController {
    const controller = new AbortController();
    if (this.stopReason) controller.abort(this.stopReason);
    return controller;
  }
}

/** The time between a pause and its end. */
class Pause {
  readonly over: Promise<void>;
  private readonly resolve: () => void;
  private readonly reject: (reason: Error) => void;

  constructor() {
    const { promise, resolve, reject } = withResolvers();
    this.over = promise;
    this.resolve = resolve;
    this.reject = reject;
    // Perhaps nobody waits for it.
    promise.catch(() => {});
  }

  end(reason: Error | undefined): void {
    if (reason) this.reject(reason);
    else this.resolve();
  }
}

function withResolvers() {
  let resolve: () => void = () => {};
  let reject: (reason: Error) => void = () => {};
  const promise = new Promise<void>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  return { promise, resolve, reject };
}

/** A throw before a promise, a value without one, a thenable that throws: all of them are ends. */
async function settled(fn: FunctionOrder['fn'], context: RunContext): Promise<WorkEnd> {
  try {
    return { state: 'succeeded', value: await fn(context) };
  } catch (thrown) {
    return { state: 'failed', error: asError(thrown) };
  }
}

/** JavaScript can throw anything. What was thrown is the cause then. */
function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new SlotkeeperError(
    'thrown_value',
    `Expected an Error to be thrown, got ${typeof thrown}`,
    {},
    thrown,
  );
}
