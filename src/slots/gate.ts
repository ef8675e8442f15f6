/**
 * A gate: one limit and how much of it is in use. Every ceiling is a gate, the global ones and those
 * of each session, owner and kind. A `Rule` is the configured ceiling that gates of one sort share.
 *
 * Queues that were found behind a full gate are parked at it. When it has room it *offers* the best of
 * them, one at a time: that one, the `front`, stands for all that are parked, since they come after it
 * and need the same room. Another is offered when the front is granted, gets worse, or gets stuck
 * behind another full gate. So a queue is looked at when it may be granted, and only then; this is what
 * keeps a grant at O(log n) however many wait behind limits of their own.
 */
import { isBetter, NodeHeap } from './node-heap.ts';
import type { Refusal, RefusalCode, Scope } from './refusal.ts';
import type { QueueNode } from './wait-queue.ts';

export class Rule {
  readonly code: RefusalCode;
  readonly scope: Scope;
  max: number;
  /** Whether its gates offer all that is parked at once: where turns change how that stands in order. */
  offersAll = false;

  constructor(code: RefusalCode, scope: Scope, max: number) {
    this.code = code;
    this.scope = scope;
    this.max = max;
  }

  refusal(active: number): Refusal {
    return { code: this.code, limit: this.max, active, scope: this.scope };
  }
}

export class Gate {
  readonly rule: Rule;
  held = 0;
  /** Made when something is parked. */
  private parked: NodeHeap | undefined = undefined;
  private front: QueueNode | undefined = undefined;

  constructor(rule: Rule) {
    this.rule = rule;
  }

  get isFull(): boolean {
    return this.held >= this.rule.max;
  }

  refusal(): Refusal {
    return this.rule.refusal(this.held);
  }

  /** One slot more or less is held here. */
  count(change: 1 | -1): void {
    this.held += change;
    if (change < 0 && this.parked) this.settle();
  }

  /** Takes in a queue that was found behind it. */
  park(node: QueueNode): void {
    this.parked ??= new NodeHeap();
    this.parked.add(node);
    if (node === this.front) this.setFront(undefined);
  }

  isParkedHere(node: QueueNode): boolean {
    return this.parked !== undefined && node.heap === this.parked;
  }

  /** Something has changed here: room, or a queue's first waiter. Offers the best if it may go on. */
  settle(): void {
    if (!this.parked) return;
    const { offersAll } = this.rule;
    while (!this.isFull && this.parked.top && (offersAll || !this.isRepresented)) {
      const best = this.parked.top as QueueNode; // nothing else is ever parked
      this.parked.remove(best);
      best.list();
      this.setFront(offersAll || best.isStuck ? undefined : best);
    }
    if (this.parked.size === 0) this.retire();
  }

  /** The front got stuck behind another gate, or has left. */
  loseFront(): void {
    this.setFront(undefined);
    this.settle();
  }

  hasAsFront(node: QueueNode): boolean {
    return this.front === node;
  }

  /** Whether the front still goes before all that are parked. */
  get isRepresented(): boolean {
    const { front } = this;
    if (!front?.isListed) return false;
    return this.parked?.top !== undefined && isBetter(front, this.parked.top);
  }

  private retire(): void {
    this.setFront(undefined);
    this.parked = undefined;
  }

  private setFront(node: QueueNode | undefined): void {
    if (node === this.front) return;
    this.front?.stopStandingFor(this);
    this.front = node;
    node?.standFor(this);
  }
}
