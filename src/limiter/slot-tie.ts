/**
 * What hangs on a slot besides its counts, made for the slots that have any of it.
 */
import type { SlotEntry } from '../slots/index.ts';
import type { Holder } from './holder.ts';
import type { Lease } from './leases.ts';
import type { SlotWork } from './slot-work.ts';

export class SlotTie {
  /** Of the handles' signal, once somebody has read it. */
  controller: AbortController | undefined = undefined;
  /** Whose end ends the slot. */
  holder: Holder | undefined = undefined;
  /** The term after which the slot ends. */
  lease: Lease | undefined = undefined;
  /** What is kept with a session that lives on. */
  terms: string | undefined = undefined;
  /** UTC epoch milliseconds, as its grant was written down. */
  grantedAt: number | undefined = undefined;
  /** Whether the wait for it stands in the journal. */
  isWaitWritten = false;
  /** What a managed slot is held for, or is to be, where the wait for it stands in the journal. */
  work: SlotWork | undefined = undefined;
  /** Where it was acquired, and how many handles are on it, where handles are traced. */
  acquiredAt: string | undefined = undefined;
  handles = 0;
}

/** What hangs on a slot, if anything does. */
export function tieOf(entry: SlotEntry): SlotTie | undefined {
  return entry.tie as SlotTie | undefined; // nothing else is ever tied to a slot
}

export function ensureTie(entry: SlotEntry): SlotTie {
  const tie = tieOf(entry) ?? new SlotTie();
  entry.tie = tie;
  return tie;
}
