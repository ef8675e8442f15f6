/**
 * All deadlines of one clock, behind one timer.
 *
 * A timer for every call would make a call six times dearer. Here a deadline is an entry in a binary
 * heap that knows its own place, so it is added and withdrawn in O(log n), and only the earliest has a
 * timer. The timer keeps the process alive while any deadline stands, because somebody awaits it; it
 * is left armed, without that hold, when the last one is withdrawn, as calls come in quick succession.
 */
import type { Clock, ClockTimer } from './clock.ts';

/** Something that ends at a time. `deadlineIndex` belongs to the heap: -1 when in none. */
export interface Expirable {
  /** Reading of `clock.monotonicNow()`. */
  dueAt: number;
  deadlineIndex: number;
  expire(): void;
}

export class Deadlines {
  private readonly heap: Expirable[] = [];
  private readonly clock: Clock;
  private timer: ClockTimer | undefined;
  private armedFor = Infinity;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get size(): number {
    return this.heap.length;
  }

  add(entry: Expirable): void {
    this.place(entry, this.heap.length);
    this.siftUp(entry);
    if (entry.dueAt < this.armedFor) this.arm(entry.dueAt);
    else if (this.heap.length === 1) this.timer?.ref();
  }

  remove(entry: Expirable): void {
    const index = entry.deadlineIndex;
    const last = this.heap.pop();
    entry.deadlineIndex = -1;
    if (last && last !== entry) {
      this.place(last, index);
      this.siftUp(last);
      this.siftDown(last);
    }
    if (this.heap.length === 0) this.timer?.unref();
  }

  private readonly expireDue = (): void => {
    this.timer = undefined;
    this.armedFor = Infinity;
    const now = this.clock.monotonicNow();
    for (let first = this.heap[0]; first && first.dueAt <= now; first = this.heap[0]) {
      this.remove(first);
      first.expire();
    }
    const next = this.heap[0];
    if (next && next.dueAt < this.armedFor) this.arm(next.dueAt);
  };

  private arm(dueAt: number): void {
    if (this.timer) this.clock.clearTimeout(this.timer);
    this.armedFor = dueAt;
    this.timer = this.clock.setTimeout(this.expireDue, dueAt - this.clock.monotonicNow());
  }

  private place(entry: Expirable, index: number): void {
    this.heap[index] = entry;
    entry.deadlineIndex = index;
  }

  private siftUp(entry: Expirable): void {
    while (entry.deadlineIndex > 0) {
      const index = entry.deadlineIndex;
      const parent = this.heap[(index - 1) >> 1];
      if (!parent || parent.dueAt <= entry.dueAt) return;
      this.place(entry, parent.deadlineIndex);
      this.place(parent, index);
    }
  }

  private siftDown(entry: Expirable): void {
    for (;;) {
      const index = entry.deadlineIndex;
      const child = this.earlierChild(index);
      if (!child || entry.dueAt <= child.dueAt) return;
      this.place(entry, child.deadlineIndex);
      this.place(child, index);
    }
  }

  private earlierChild(index: number): Expirable | undefined {
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
