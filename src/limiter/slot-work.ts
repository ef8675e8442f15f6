/**
 * Managed slots: slots whose end follows the work that is done in them.
 *
 * Whoever names his work when he acquires keeps the slot until he gives it back through his handle:
 * what would end another slot (a release by its id, the release of its session, a lease that has run out,
 * a holder that is down) asks the work to come to an end. What ends a managed slot besides are an
 * eviction, and the end of the limiter itself.
 *
 * It is told in a microtask of its own, never inside a turn of the limiter. After a crash of the limiter
 * it may be told again what it was told before. Only for its last words it is asked inside a turn, since they
 * are written with the end that they are about.
 */
import type { EndReason, RefusalCode } from '../slots/index.ts';

/** Why its wait has ended without a slot: it was refused, or the limiter has stopped. */
export type WaitEndCode = RefusalCode | 'stopped';

/** The work that a managed slot is for. */
export interface SlotWork {
  /** There is no room now: it waits, and will be granted or refused later. */
  queued(): void;
  /** The slot is to be given back as soon as the work is gone. */
  endAsked(reason: EndReason): void;
  /** The slot has ended, whatever the work does. Of a session also when a handle on it gave it back. */
  lost(reason: EndReason): void;
  /**
   * Its wait, which stands in the journal, ends like this: what is to be found of it there; `undefined`: nothing.
   * It changes nothing and does not throw: it is asked again where the journal could not take it.
   */
  noteOfWait?(code: WaitEndCode): string | undefined;
}

export function isSlotWork(value: unknown): value is SlotWork {
  const work = value as Partial<SlotWork> | null | undefined;
  return [work?.queued, work?.endAsked, work?.lost].every((told) => typeof told === 'function');
}
