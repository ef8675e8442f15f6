/**
 * Where a server stands: its address and environment, what its callbacks get as context, and what of
 * the world belongs to this incarnation and ends with it (timers).
 *
 * Who starts a server gives it a berth before it starts. A server that XState started finds its own:
 * in the environment of its parent, if that is a server too.
 */
import type { Address } from './address.ts';
import type { ServerContext } from './callbacks.ts';
import type { Clock, ClockTimer } from './clock.ts';
import type { ServerTypes } from './server-types.ts';

/** How a server is set up by whoever starts it. */
export interface Berth {
  readonly address: Address;
  /** How long an async `terminate` may take after a crash. */
  readonly terminateTimeoutMs: number;
  /** Whether we started it without a parent: its crash is reported by us, and ends there. */
  readonly isRoot: boolean;
}

/** What `terminate` gets after a crash of a server that nobody gave another time: OTP's for workers. */
export const DEFAULT_TERMINATE_MS = 5_000;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export class Place {
  readonly address: Address;
  readonly terminateTimeoutMs: number;
  readonly isRoot: boolean;
  /** Whether XState must see every message, because somebody may inspect it. */
  readonly isInspected: boolean;
  readonly context: ServerContext<ServerTypes>;
  private timers: Set<ClockTimer> | undefined = undefined;

  constructor({ address, terminateTimeoutMs, isRoot }: Berth) {
    const { clock, logger, isInspected } = address.environment;
    this.isInspected = isInspected;
    this.address = address;
    this.terminateTimeoutMs = terminateTimeoutMs;
    this.isRoot = isRoot;
    this.context = { self: address.ref, clock, logger };
  }

  get label(): string {
    return this.address.label;
  }

  get clock(): Clock {
    return this.context.clock;
  }

  /** A timer that ends with this incarnation. */
  startTimer(fn: () => void, delayMs: number): ClockTimer {
    const timers = this.timers ?? new Set();
    this.timers = timers;
    const timer = this.clock.setTimeout(() => {
      timers.delete(timer);
      fn();
    }, delayMs);
    timers.add(timer);
    return timer;
  }

  stopTimer(timer: ClockTimer): void {
    this.timers?.delete(timer);
    this.clock.clearTimeout(timer);
  }

  stopAllTimers(): void {
    for (const timer of this.timers ?? []) this.clock.clearTimeout(timer);
    this.timers = undefined;
  }

  log(level: LogLevel, fields: object, message: string): void {
    try {
      this.context.logger[level]({ server: this.label, ...fields }, message);
    } catch {
      // A logger that fails must not take down what it was to report on; there is nobody to tell.
    }
  }
}
