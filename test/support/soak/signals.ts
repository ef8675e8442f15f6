/**
 * Every AbortSignal that was given to the limiter, and who listens to it.
 */
import { getEventListeners } from 'node:events';

export class Signals {
  /** How many were ever made. */
  made = 0;
  private readonly controllers = new Map<AbortSignal, AbortController>();

  make(): AbortSignal {
    const controller = new AbortController();
    this.made += 1;
    this.controllers.set(controller.signal, controller);
    return controller.signal;
  }

  abort(signal: AbortSignal): void {
    this.controllers.get(signal)?.abort(new Error('given up, as ordered'));
  }

  /** Signals that have other listeners than one for all who use them, and none when nobody does. */
  wronglyHeard(used: ReadonlySet<unknown>): string[] {
    return [...this.controllers.keys()].flatMap((signal) => {
      const listeners = listenersOf(signal);
      const expected = used.has(signal) ? 1 : 0;
      return listeners === expected ? [] : [`a signal has ${listeners}, not ${expected} listeners`];
    });
  }

  /** Those that will not be used again need no more looking after. */
  forgetAllBut(used: ReadonlySet<unknown>): void {
    for (const signal of this.controllers.keys()) {
      if (!used.has(signal) && listenersOf(signal) === 0) this.controllers.delete(signal);
    }
  }

  /** Listeners on all signals that are not forgotten. */
  get listeners(): number {
    return [...this.controllers.keys()].reduce((sum, signal) => sum + listenersOf(signal), 0);
  }
}

function listenersOf(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}
