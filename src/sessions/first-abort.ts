/**
 * A signal that aborts with the first of some others, until it is left.
 *
 * `AbortSignal.any` is not left: under Node 20 each of its sources remembers every signal that was ever made of
 * it, so a signal that lives long grows with every reader. And who waits for a promise cannot leave it either: so of
 * an event, too, one signal is made, for all who wait for it.
 */
import { type AbortTarget, offAbort, onAbort } from '../otp/abort-listeners.ts';

const signals = new WeakMap<Promise<void>, AbortSignal>();

/** One and the same for all who ask. Aborts when the event is there. */
export function signalOf(event: Promise<void>): AbortSignal {
  const known = signals.get(event);
  if (known) return known;
  const controller = new AbortController();
  signals.set(event, controller.signal);
  event.then(() => controller.abort());
  return controller.signal;
}

export class FirstAbort implements AbortTarget {
  private readonly sources: readonly AbortSignal[];
  private readonly controller = new AbortController();

  constructor(sources: readonly AbortSignal[]) {
    this.sources = sources;
    if (sources.some(({ aborted }) => aborted)) this.controller.abort();
    else for (const source of sources) onAbort(source, this);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get whenAborted(): Promise<void> {
    const { signal } = this;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  aborted(): void {
    this.leave();
    this.controller.abort();
  }

  /** Again is a no-op. */
  leave(): void {
    for (const source of this.sources) offAbort(source, this);
  }
}
