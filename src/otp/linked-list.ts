/**
 * A list whose items carry their own links, so an item leaves from any place in constant time and
 * costs no memory beside itself. An item is in one list at most and knows which.
 */
export class ListItem {
  /** The list it is in. */
  list: { remove(item: ListItem): void } | undefined = undefined;
  next: ListItem | undefined = undefined;
  previous: ListItem | undefined = undefined;
}

export class LinkedList<Item extends ListItem> {
  size = 0;
  private head: Item | undefined = undefined;
  private tail: Item | undefined = undefined;

  /** The oldest item; it stays in. */
  get first(): Item | undefined {
    return this.head;
  }

  push(item: Item): void {
    item.list = this;
    item.previous = this.tail;
    if (this.tail) this.tail.next = item;
    else this.head = item;
    this.tail = item;
    this.size += 1;
  }

  /** Takes the oldest item out, or returns `undefined` when there is none. */
  shift(): Item | undefined {
    const item = this.head;
    if (item) this.remove(item);
    return item;
  }

  /** Takes `item` out, wherever it stands. It must be in this list. */
  remove(item: Item): void {
    if (item.previous) item.previous.next = item.next;
    else this.head = item.next as Item | undefined;
    if (item.next) item.next.previous = item.previous;
    else this.tail = item.previous as Item | undefined;
    item.list = item.next = item.previous = undefined;
    this.size -= 1;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let item = this.head; item; item = item.next as Item | undefined) yield item;
  }
}
