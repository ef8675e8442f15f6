/**
 * Rounds: fair order between groups of waiters.
 *
 * A group is all that wait for one session, or on one owner's account. It has a turn, a number that
 * rises: who has the lowest goes first. A group that begins to wait comes after all groups that wait
 * then, and one that was granted goes behind them again. So each gets one slot in a round, however many
 * it has waiting. Order by priority and arrival is inside a group.
 */
import type { QueueNode } from './wait-queue.ts';

/** Between what slots go round: nothing (first come, first served), sessions, or owners. */
export type Fairness = 'arrival' | 'session' | 'owner';

export class Group {
  turn: number;
  /** Its queues: one for each kind or owner that its waiters have. */
  readonly queues = new Set<QueueNode>();
  waiting = 0;

  constructor(turn: number) {
    this.turn = turn;
  }

  /** Gives it another turn. Its queues stand in heaps by it, so they are taken out meanwhile. */
  moveTo(turn: number): void {
    for (const queue of this.queues) queue.leave();
    this.turn = turn;
    for (const queue of this.queues) queue.comeBack();
  }
}

/** The groups of one table, by what their waiters have in common. */
export class Rounds {
  private readonly groups = new Map<unknown, Group>();
  private turns = 0;

  /** The group for a waiter of `key`. One that comes back brings its group's turn with it. */
  join(key: unknown, former: Group | undefined): Group {
    const group = this.groups.get(key) ?? former ?? new Group(this.nextTurn());
    this.groups.set(key, group);
    group.waiting += 1;
    return group;
  }

  leave(key: unknown, group: Group): void {
    group.waiting -= 1;
    if (group.waiting === 0) this.groups.delete(key);
  }

  nextTurn(): number {
    this.turns += 1;
    return this.turns;
  }

  get size(): number {
    return this.groups.size;
  }
}
