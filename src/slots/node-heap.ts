/**
 * A binary heap of queue nodes, best first waiter on top. A node knows its place, so it is moved or
 * taken out from anywhere in O(log n). It stands in one heap at a time.
 */
import { goesBefore, type Waiter } from './waiter.ts';

/** What stands in a heap: something with a first waiter. */
export interface HeapNode {
  readonly first: Waiter | undefined;
  /** The heap that it stands in; `undefined` for none. */
  heap: NodeHeap | undefined;
  /** Its place there. */
  index: number;
}

export class NodeHeap {
  private readonly nodes: HeapNode[] = [];

  get size(): number {
    return this.nodes.length;
  }

  get top(): HeapNode | undefined {
    return this.nodes[0];
  }

  add(node: HeapNode): void {
    node.heap = this;
    this.place(node, this.nodes.length);
    this.siftUp(node);
  }

  remove(node: HeapNode): void {
    const { index } = node;
    const last = this.nodes.pop();
    node.heap = undefined;
    if (!last || last === node) return;
    this.place(last, index);
    this.resift(last);
  }

  /** Its first waiter has changed. */
  resift(node: HeapNode): void {
    if (this.nodes.length === 1) return; // as most are
    this.siftUp(node);
    this.siftDown(node);
  }

  [Symbol.iterator](): IterableIterator<HeapNode> {
    return this.nodes[Symbol.iterator]();
  }

  private place(node: HeapNode, index: number): void {
    this.nodes[index] = node;
    node.index = index;
  }

  private siftUp(node: HeapNode): void {
    while (node.index > 0) {
      const { index } = node;
      const parent = this.nodes[(index - 1) >> 1];
      if (!parent || !isBetter(node, parent)) return;
      this.place(node, parent.index);
      this.place(parent, index);
    }
  }

  private siftDown(node: HeapNode): void {
    for (;;) {
      const { index } = node;
      const child = this.betterChild(index);
      if (!child || !isBetter(child, node)) return;
      this.place(node, child.index);
      this.place(child, index);
    }
  }

  private betterChild(index: number): HeapNode | undefined {
    const left = this.nodes[2 * index + 1];
    const right = this.nodes[2 * index + 2];
    return left && right && isBetter(right, left) ? right : left;
  }
}

/** What stands in a heap has a first waiter. */
export function isBetter(one: HeapNode, other: HeapNode): boolean {
  return goesBefore(one.first as Waiter, other.first as Waiter);
}
