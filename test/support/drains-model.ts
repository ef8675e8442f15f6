/**
 * What the contract says of who drains a limiter: he is told when no run is held any more, when his time is
 * over, or when draining has ended. Plain data; it knows nothing of the code under test.
 */

/** Somebody who waits for the last run to end, and how many waits he has ended. */
interface Drain {
  readonly call: number;
  readonly refused: number;
  readonly dueAt: number;
}

export class DrainsModel {
  private open: Drain[] = [];

  add(drain: Drain): void {
    this.open.push(drain);
  }

  /** Those who are told now. `isGoingOn`: there is something left to wait for. */
  takeEnded(now: number, isGoingOn: boolean): Drain[] {
    const ended = this.open.filter(({ dueAt }) => !isGoingOn || dueAt <= now);
    this.open = this.open.filter((drain) => !ended.includes(drain));
    return ended;
  }

  nextDue(): number {
    return Math.min(Infinity, ...this.open.map(({ dueAt }) => dueAt));
  }

  /** The limiter ends: nobody is told how it went. */
  finish(): Drain[] {
    return this.open.splice(0);
  }
}
