/**
 * A list that is filled and emptied over and over, as with every message. Emptying an array gives its
 * memory back, and filling it asks for it again, which costs more than all else that a message does
 * here; so a tape keeps its place unless it has grown long.
 */
export const KEPT = 64;

export class Tape {
  size = 0;
  private items: unknown[] = [];

  push(item: unknown): void {
    this.items[this.size] = item;
    this.size += 1;
  }

  pop(): unknown {
    this.size -= 1;
    return this.items[this.size];
  }

  at(index: number): unknown {
    return this.items[index];
  }

  /** Forgets all, so that nothing is kept alive by having been here. */
  clear(): void {
    if (this.size === 0) return;
    if (this.items.length > KEPT) this.items = [];
    else for (let at = 0; at < this.size; at += 1) this.items[at] = undefined;
    this.size = 0;
  }
}
