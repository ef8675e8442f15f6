/**
 * A waiter: an id that waits for a slot, and its place in the order.
 *
 * Higher priority goes first, then earlier arrival; where slots go round, the group whose turn is lower
 * goes before both. Several callers may wait for one id; they are the
 * waiter's claimants, and the waiter leaves with the last of them. Who they are, the tables do not know.
 */
import type { Group } from './rounds.ts';
import type { Bucket } from './wait-queue.ts';

export class Waiter<Entry = unknown> {
  readonly priority: number;
  /** The id that waits. Set, with what follows, when it begins to. */
  entry: Entry | undefined = undefined;
  /** Rises with every waiter of the limiter. */
  arrival = 0;
  /** Monotonic milliseconds at which the wait began. */
  since = 0;
  /** The callers, in the order in which they came: mostly one. */
  private claimant: object | undefined = undefined;
  private more: Set<object> | undefined = undefined;
  /** With whom it shares its turn, where slots go round. */
  group: Group | undefined = undefined;
  /** Where it stands; `undefined` when it does not wait any more. */
  bucket: Bucket | undefined = undefined;
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;

  constructor(priority: number) {
    this.priority = priority;
  }

  get isClaimed(): boolean {
    return this.claimant !== undefined || (this.more !== undefined && this.more.size > 0);
  }

  hasClaimant(claimant: object): boolean {
    return this.claimant === claimant || (this.more?.has(claimant) ?? false);
  }

  addClaimant(claimant: object): void {
    if (!this.isClaimed) this.claimant = claimant;
    else if (this.more) this.more.add(claimant);
    else this.more = new Set([claimant]);
  }

  removeClaimant(claimant: object): void {
    if (this.claimant === claimant) this.claimant = undefined;
    else this.more?.delete(claimant);
  }

  /** The only one of them, where there is but one. */
  get onlyClaimant(): object | undefined {
    return this.more ? undefined : this.claimant;
  }

  /** A list of them as they are now. */
  get claimants(): object[] {
    const first = this.claimant ? [this.claimant] : [];
    return this.more ? [...first, ...this.more] : first;
  }
}

/** The order in which waiters are granted, other things being equal. */
export function goesBefore(one: Waiter, other: Waiter): boolean {
  if (one.group !== other.group) return turnOf(one) < turnOf(other);
  if (one.priority !== other.priority) return one.priority > other.priority;
  return one.arrival < other.arrival;
}

function turnOf({ group }: Waiter): number {
  return group?.turn ?? 0;
}
