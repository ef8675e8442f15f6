/**
 * Managed slots: slots whose end follows the work that is done in them.
 *
 * Whoever names his work when he acquires keeps the slot until he gives it back through his handle:
 * what would end another slot (a release by its id, the release of its session, a lease that has run out,
 * a holder that is down) asks the work to come to an end. What ends a managed slot besides are an
 * eviction, and the end of the limiter itself.
 *
 * It is told in a microtask of its own, never inside a turn of the limiter. After a crash of the limiter
 * it may be told again what it was told before.
 */
import type { EndReason } from '../slots/index.ts';

/** The work that a managed slot is for. */
export interface SlotWork {
  /** There is no room now: it waits, and will be granted or refused later. */
  queued(): void;
  /** The slot is to be given back as soon as the work is gone. */
  endAsked(reason: EndReason): void;
  /** The slot has ended, whatever the work does. Of a session also when a handle on it gave it back. */
  lost(reason: EndReason): void;
}

export function isSlotWork(value: unknown): value is SlotWork {
  const work = value as Partial<SlotWork> | null | undefined;
  return [work?.queued, work?.endAsked, work?.lost].every((told) => typeof told === 'function');
}
