/**
 * Those who open a session while somebody else waits for its slot.
 *
 * Each waits for the same slot, on his own terms, and has no session yet: whose it becomes is decided when it
 * is granted. When the keeper is stopped they are taken out of the queue, before anything that is closed
 * makes room for them.
 */
import type { AcquireSessionOptions, ConcurrencyLimiter } from '../limiter/index.ts';
import { SessionSlot } from '../limiter/slot.ts';
import type { SessionOptions } from './session-options.ts';

interface Wait {
  readonly id: string;
}

export class Joins {
  private readonly limiter: ConcurrencyLimiter;
  private readonly waits = new Set<Wait>();

  constructor(limiter: ConcurrencyLimiter) {
    this.limiter = limiter;
  }

  /** Waits with whoever waits for this id. Rejects as `acquireSessionSlot` does. */
  async wait(id: string, options: SessionOptions): Promise<SessionSlot> {
    const wait = { id };
    this.waits.add(wait);
    try {
      return await this.limiter.acquireSessionSlot(id, termsOf(options));
    } finally {
      this.waits.delete(wait);
    }
  }

  /** Nobody made a session of it: unless somebody else was given the slot too, it is free. */
  leave(slot: SessionSlot): void {
    SessionSlot.giveUp(slot);
  }

  /** Takes all of them out of the queue, with all who wait for the same. */
  withdraw(): void {
    // If the limiter is gone, so are those who waited.
    for (const { id } of this.waits) void this.limiter.releaseSessionSlot(id).catch(() => {});
  }
}

function termsOf(options: SessionOptions): AcquireSessionOptions {
  const { sessionId: _id, idleTimeoutMs: _idle, maxLifetimeMs: _age, ...terms } = options;
  return terms;
}

/** Who has the slot waits for it no more: for a session over it. */
export function withoutWait(options: SessionOptions): SessionOptions {
  const { waitTimeoutMs: _wait, signal: _signal, ...rest } = options;
  return rest;
}
