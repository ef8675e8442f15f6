/**
 * A waiter: an id that waits for a slot, and its place in the order.
 *
 * Higher priority goes first, then earlier arrival. Several callers may wait for one id; they are the
 * waiter's claimants, and the waiter leaves with the last of them. Who they are, the tables do not know.
 */
import { SmallMap } from './small-map.ts';
import type { Bucket } from './wait-queue.ts';

export class Waiter<Entry = unknown> {
  readonly entry: Entry;
  readonly priority: number;
  /** Rises with every waiter of the limiter. */
  readonly arrival: number;
  /** Monotonic milliseconds at which the wait began. */
  readonly since: number;
  readonly claimants = new SmallMap<object>();
  /** Where it stands; `undefined` when it does not wait any more. */
  bucket: Bucket | undefined = undefined;
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;

  constructor(entry: Entry, priority: number, arrival: number, since: number) {
    this.entry = entry;
    this.priority = priority;
    this.arrival = arrival;
    this.since = since;
  }
}

/** The order in which waiters are granted, other things being equal. */
export function goesBefore(one: Waiter, other: Waiter): boolean {
  if (one.priority !== other.priority) return one.priority > other.priority;
  return one.arrival < other.arrival;
}
