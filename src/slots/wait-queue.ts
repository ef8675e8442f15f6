/**
 * The queue: who waits, in the order in which they may be granted.
 *
 * It is a tree. At its leaves waiters of one priority stand in a row (`Bucket`). The buckets of those
 * with the same session, owner and kind are a line; the lines of one owner and kind are a lane; the
 * lanes of one kind stand together; all kinds stand under the root. Each node keeps its children in a
 * heap by their first waiter, so the first waiter of the root is the first of all.
 *
 * A line stands behind the gate of its session, a lane behind that of its owner, a kind behind its
 * own, the root behind the global one. Where slots go round (`rounds.ts`), lines or lanes are the queues of
 * the groups. The search for the next waiter goes down from the root along the
 * best; a node whose gate is full is parked there (`gate.ts`) and is not met again before it has room.
 */
import type { Gate } from './gate.ts';
import { NodeHeap } from './node-heap.ts';
import type { Group } from './rounds.ts';
import { SmallMap } from './small-map.ts';
import type { Waiter } from './waiter.ts';

/** A node of the tree. It is listed in its parent's heap, or parked at its gate, or empty. */
export abstract class QueueNode {
  first: Waiter | undefined = undefined;
  heap: NodeHeap | undefined = undefined;
  index = -1;
  readonly parent: Branch | undefined;
  readonly gate: Gate | undefined;

  /** What its parent knows it by. */
  readonly key: unknown;

  constructor(parent: Branch | undefined, key: unknown, gate: Gate | undefined) {
    this.parent = parent;
    this.key = key;
    this.gate = gate;
  }

  *[Symbol.iterator](): Generator<QueueNode> {
    yield this;
  }

  get isListed(): boolean {
    return this.heap !== undefined && this.heap === this.parent?.children;
  }

  get isParked(): boolean {
    return this.gate?.isParkedHere(this) ?? false;
  }

  /** Whether a node above it is parked, so that being listed does not help. */
  get isStuck(): boolean {
    for (let above = this.parent; above; above = above.parent) if (above.isParked) return true;
    return false;
  }

  /** Puts it among its parent's children. */
  list(): void {
    this.parent?.children.add(this);
    this.parent?.refresh();
  }

  /** Takes it to its gate, which is full. */
  park(): void {
    this.heap?.remove(this);
    this.gate?.park(this);
    this.parent?.refresh();
  }

  /** Stands nowhere for a while, as if it were empty. */
  leave(): void {
    this.becomeFirst(undefined);
  }

  /** Stands again where it belongs. */
  abstract comeBack(): void;

  /** Its first waiter may be another one now. */
  protected becomeFirst(first: Waiter | undefined): void {
    if (first === this.first) return;
    this.first = first;
    const { heap } = this;
    if (!first) heap?.remove(this);
    else if (heap) heap.resift(this);
    else this.parent?.children.add(this);
    if (!this.isParked) this.parent?.refresh();
    if (this.gate) this.tellGate(this.gate);
  }

  private tellGate(gate: Gate): void {
    if (!gate.hasAsFront(this)) gate.settle();
    else if (this.first) gate.settle();
    else gate.loseFront();
  }

  /** The nodes above remember which gates it is the front of. */
  standFor(gate: Gate): void {
    for (let above = this.parent; above; above = above.parent) above.addStandIn(gate);
  }

  stopStandingFor(gate: Gate): void {
    for (let above = this.parent; above; above = above.parent) above.deleteStandIn(gate);
  }
}

/** A node over other nodes: a line over buckets, a lane over lines, a kind over lanes, the root. */
export class Branch extends QueueNode {
  readonly children = new NodeHeap();
  private readonly byKey = new SmallMap<QueueNode>();
  /** The group that all its waiters are of, where it is the queue of one. */
  private readonly group: Group | undefined;
  /** Gates whose front is somewhere below. */
  private standIns: Set<Gate> | undefined = undefined;

  constructor(parent: Branch | undefined, key: unknown, gate?: Gate, group?: Group) {
    super(parent, key, gate);
    this.group = group;
    group?.queues.add(this);
  }

  get isEmpty(): boolean {
    return this.byKey.size === 0;
  }

  /** The branch below for this key, made if there is none. */
  branch(key: unknown, gate?: Gate, group?: Group): Branch {
    const known = this.byKey.get(key);
    if (known) return known as Branch; // a branch has branches or buckets, never both
    const branch = new Branch(this, key, gate, group);
    this.byKey.set(key, branch);
    return branch;
  }

  /** The bucket below for this priority, made if there is none. */
  bucket(priority: number): Bucket {
    const known = this.byKey.get(priority);
    if (known) return known as Bucket; // see `branch`
    const bucket = new Bucket(this, priority);
    this.byKey.set(priority, bucket);
    return bucket;
  }

  /** Forgets a child that is empty, and itself with its last one. */
  drop(key: unknown): void {
    this.byKey.delete(key);
    if (!this.isEmpty) return;
    this.group?.queues.delete(this);
    this.parent?.drop(this.key);
  }

  override comeBack(): void {
    this.refresh();
  }

  /** The order of its children may have changed. */
  refresh(): void {
    this.becomeFirst(this.children.top?.first);
  }

  override park(): void {
    super.park();
    for (const gate of [...(this.standIns ?? [])]) gate.loseFront();
  }

  addStandIn(gate: Gate): void {
    this.standIns ??= new Set();
    this.standIns.add(gate);
  }

  deleteStandIn(gate: Gate): void {
    this.standIns?.delete(gate);
  }

  /** All nodes below and itself. */
  override *[Symbol.iterator](): Generator<QueueNode> {
    yield this;
    for (const child of this.byKey.values()) yield* child;
  }
}

/** Waiters of one priority in the order of their arrival. */
export class Bucket extends QueueNode {
  private last: Waiter | undefined = undefined;

  constructor(parent: Branch, priority: number) {
    super(parent, priority, undefined);
  }

  /** Takes a waiter in, at its place: mostly the end. */
  add(waiter: Waiter): void {
    const before = this.placeFor(waiter);
    const after = before ? before.next : this.first;
    waiter.bucket = this;
    waiter.previous = before;
    waiter.next = after;
    if (before) before.next = waiter;
    if (after) after.previous = waiter;
    else this.last = waiter;
    if (!before) this.becomeFirst(waiter);
  }

  remove(waiter: Waiter): void {
    const { previous, next } = waiter;
    if (previous) previous.next = next;
    if (next) next.previous = previous;
    else this.last = previous;
    waiter.bucket = waiter.previous = waiter.next = undefined;
    if (!previous) this.becomeFirst(next);
    if (!previous && !next) this.parent?.drop(this.key);
  }

  override comeBack(): void {}

  *waiters(): Generator<Waiter> {
    for (let waiter = this.first; waiter; waiter = waiter.next) yield waiter;
  }

  /** Whom it comes after. Only a waiter that comes back finds others that arrived later. */
  private placeFor(waiter: Waiter): Waiter | undefined {
    if (this.first && waiter.arrival < this.first.arrival) return undefined;
    let before = this.last;
    while (before && before.arrival > waiter.arrival) before = before.previous;
    return before;
  }
}

/** All who wait there, in no order. */
export function waitersIn(root: Branch): Waiter[] {
  return [...root].flatMap((node) => (node instanceof Bucket ? [...node.waiters()] : []));
}

/**
 * The first waiter for whom no gate below the root is full; queues that are met behind a full gate on
 * the way are parked there. The root's own gate is the caller's to look at.
 */
export function firstInLine(root: Branch): Waiter | undefined {
  for (;;) {
    const blocked = blockedOnBestPath(root);
    if (!blocked) return root.first;
    blocked.park();
  }
}

/** The uppermost node with a full gate over the first waiter. */
function blockedOnBestPath(root: Branch): QueueNode | undefined {
  let blocked: QueueNode | undefined;
  let node: QueueNode | undefined = root.first?.bucket;
  for (; node !== root && node; node = node.parent) if (node.gate?.isFull) blocked = node;
  return blocked;
}
