/**
 * A chain: entries in the order in which they came, each with links to its neighbours. So one leaves
 * from any place at once, and none costs anything beside itself. It stands in one chain at a time.
 */
export interface Link<Entry> {
  previous: Entry | undefined;
  next: Entry | undefined;
}

/** Both ends of it. */
export interface Chain<Entry> {
  first: Entry | undefined;
  last: Entry | undefined;
}

export function joinChain<Entry extends Link<Entry>>(chain: Chain<Entry>, entry: Entry): void {
  const { last } = chain;
  entry.previous = last;
  entry.next = undefined;
  if (last) last.next = entry;
  else chain.first = entry;
  chain.last = entry;
}

export function leaveChain<Entry extends Link<Entry>>(chain: Chain<Entry>, entry: Entry): void {
  const { previous, next } = entry;
  if (previous) previous.next = next;
  else chain.first = next;
  if (next) next.previous = previous;
  else chain.last = previous;
  entry.previous = entry.next = undefined;
}

/** Oldest first. The one that was given last may leave meanwhile. */
export function* inChain<Entry extends Link<Entry>>(chain: Chain<Entry>): Generator<Entry> {
  let entry = chain.first;
  while (entry) {
    const { next } = entry;
    yield entry;
    entry = next;
  }
}
