/**
 * All deadlines of one clock, behind one timer.
 *
 * A timer for every call would make a call six times dearer. Here deadlines of the same millisecond
 * stand in one list, and the lists in a binary heap: a burst of calls, which all have the same time-out,
 * costs a list's ends and no heap. Only the earliest list has a timer. The timer keeps the process
 * alive while any deadline stands, if somebody awaits it; it is left armed, without that hold, when the
 * last one is withdrawn, as calls come in quick succession.
 */
import type { Clock, ClockTimer } from './clock.ts';
import { LinkedList, ListItem } from './linked-list.ts';

/** Something that ends at a time. */
export abstract class Deadline extends ListItem {
  /** Reading of `clock.monotonicNow()`. It does not change while the deadline stands. */
  dueAt: number;

  constructor(dueAt: number) {
    super();
    this.dueAt = dueAt;
  }

  abstract expire(): void;
}

/** The deadlines of one millisecond. */
class Moment extends LinkedList<Deadline> {
  /** The end of that millisecond: nothing expires early. */
  readonly dueAt: number;
  index = -1;

  constructor(dueAt: number) {
    super();
    this.dueAt = dueAt;
  }
}

export class Deadlines {
  size = 0;
  private readonly heap: Moment[] = [];
  private readonly moments = new Map<number, Moment>();
  protected readonly clock: Clock;
  private readonly keepsProcessAlive: boolean;
  private timer: ClockTimer | undefined;
  private armedFor = Infinity;

  constructor(clock: Clock, { keepsProcessAlive = true } = {}) {
    this.clock = clock;
    this.keepsProcessAlive = keepsProcessAlive;
  }

  add(deadline: Deadline): void {
    const moment = this.momentAt(Math.ceil(deadline.dueAt));
    moment.push(deadline);
    this.size += 1;
    if (moment.dueAt < this.armedFor) this.arm(moment.dueAt);
    else if (this.size === 1 && this.keepsProcessAlive) this.timer?.ref();
  }

  /** Takes out a deadline, which stands here. */
  remove(deadline: Deadline): void {
    const moment = deadline.list as Moment; // a deadline stands in no other list
    moment.remove(deadline);
    this.size -= 1;
    if (moment.size === 0) this.drop(moment);
    if (this.size === 0) this.timer?.unref();
  }

  private readonly fire = (): void => {
    this.timer = undefined;
    this.armedFor = Infinity;
    const now = this.clock.monotonicNow();
    const first = this.firstDue(now);
    if (first) this.wake(first, now);
    this.armNext();
  };

  /** The timer has come for `first` and maybe for more. */
  protected wake(_first: Deadline, now: number): void {
    for (let due = this.firstDue(now); due; due = this.firstDue(now)) {
      this.remove(due);
      due.expire();
    }
  }

  /** Sees to it that the timer comes for the earliest. */
  protected armNext(): void {
    const [next] = this.heap;
    if (next && next.dueAt < this.armedFor) this.arm(next.dueAt);
  }

  /** No timer is left; it is set again with the next deadline. */
  protected disarm(): void {
    if (this.timer) this.clock.clearTimeout(this.timer);
    this.timer = undefined;
    this.armedFor = Infinity;
  }

  /** All that are due at `now`, in no order. */
  protected dueBy(now: number): Deadline[] {
    return this.heap.filter((moment) => moment.dueAt <= now).flatMap((moment) => [...moment]);
  }

  private firstDue(now: number): Deadline | undefined {
    const [moment] = this.heap;
    return moment && moment.dueAt <= now ? moment.first : undefined;
  }

  private arm(dueAt: number): void {
    if (this.timer) this.clock.clearTimeout(this.timer);
    this.armedFor = dueAt;
    this.timer = this.clock.setTimeout(this.fire, dueAt - this.clock.monotonicNow());
    if (!this.keepsProcessAlive) this.timer.unref();
  }

  private momentAt(dueAt: number): Moment {
    const known = this.moments.get(dueAt);
    if (known) return known;
    const moment = new Moment(dueAt);
    this.moments.set(dueAt, moment);
    this.place(moment, this.heap.length);
    this.siftUp(moment);
    return moment;
  }

  private drop(moment: Moment): void {
    const { index } = moment;
    const last = this.heap.pop();
    this.moments.delete(moment.dueAt);
    if (!last || last === moment) return;
    this.place(last, index);
    this.siftUp(last);
    this.siftDown(last);
  }

  private place(moment: Moment, index: number): void {
    this.heap[index] = moment;
    moment.index = index;
  }

  private siftUp(moment: Moment): void {
    while (moment.index > 0) {
      const { index } = moment;
      const parent = this.heap[(index - 1) >> 1];
      if (!parent || parent.dueAt <= moment.dueAt) return;
      this.place(moment, parent.index);
      this.place(parent, index);
    }
  }

  private siftDown(moment: Moment): void {
    for (;;) {
      const { index } = moment;
      const child = this.earlierChild(index);
      if (!child || moment.dueAt <= child.dueAt) return;
      this.place(moment, child.index);
      this.place(child, index);
    }
  }

  private earlierChild(index: number): Moment | undefined {
    const left = this.heap[2 * index + 1];
    const right = this.heap[2 * index + 2];
    return right && left && right.dueAt < left.dueAt ? right : left;
  }
}

const byClock = new WeakMap<Clock, Deadlines>();

/** The deadlines of this clock. */
export function deadlinesOf(clock: Clock): Deadlines {
  const known = byClock.get(clock);
  if (known) return known;
  const deadlines = new Deadlines(clock);
  byClock.set(clock, deadlines);
  return deadlines;
}
