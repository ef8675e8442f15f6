/**
 * A table by id that never stops the world, and leaves nothing behind for the collector.
 *
 * It is a hash table whose entries carry their own links, as those of a linked list do, so that an entry
 * costs two words beside itself and a change allocates nothing. It grows and shrinks by single buckets
 * (linear hashing: Litwin, "A new tool for file and table addressing", 1980), so that no change has to
 * move more than a few entries.
 *
 * A JavaScript `Map` does neither. With a million entries it doubles in one go, for a quarter of a
 * second. And as ids are always new it is copied every few dozen of them, and each old copy leads to the
 * next: one that has got old keeps alive all that come after it until the next full collection.
 */

/** What can stand in a table. */
export interface TableEntry {
  /** What it is found by: a text, or a whole number. */
  readonly key: string | number;
  /** The hash of its key. Set by its table. */
  hash: number;
  /** What stands behind it in its bucket. */
  chained: TableEntry | undefined;
}

/** The first entry of those that stand there. */
type Bucket = TableEntry | undefined;

const FEWEST_BUCKETS = 64;
/** Buckets of one array: a longer one would have to be copied, or looked through by the collector, in one go. */
const SEGMENT_BITS = 12;
const SEGMENT = 2 ** SEGMENT_BITS;
/** Buckets for one entry, before there are fewer: it does not grow and shrink by turns. */
const SPARSE = 4;

export class IdTable<Entry extends TableEntry> implements Iterable<Entry> {
  size = 0;
  private segments: Bucket[][] = [emptyBuckets()];
  private length = FEWEST_BUCKETS;
  /** As many buckets as a power of two are there as a round; those before `split` are split already. */
  private mask = FEWEST_BUCKETS - 1;
  private split = 0;
  private readonly seed: number;
  /** What was asked for last: an id is looked for, not found, and entered. */
  private lastKey: string | number = '';
  private lastHash: number;

  /** `seed`: 32 bits that nobody can guess, so that nobody can know which ids meet in one bucket. */
  constructor(seed: number) {
    this.seed = seed;
    this.lastHash = hashOfText('', seed);
  }

  get(key: string | number): Entry | undefined {
    const hash = this.hash(key);
    let entry = this.at(this.placeOf(hash));
    while (entry !== undefined && (entry.hash !== hash || entry.key !== key)) entry = entry.chained;
    return entry as Entry | undefined; // nothing else was added
  }

  /** Its key must not stand there yet. */
  add(entry: Entry): void {
    entry.hash = this.hash(entry.key);
    this.chain(entry);
    this.size += 1;
    if (this.size > this.length) this.splitBucket();
  }

  /** Nothing is done if it does not stand there. */
  remove(entry: Entry): void {
    if (!this.unchain(entry)) return;
    this.size -= 1;
    if (this.isSparse) this.shrink();
  }

  clear(): void {
    this.size = 0;
    this.segments = [emptyBuckets()];
    this.length = FEWEST_BUCKETS;
    this.mask = FEWEST_BUCKETS - 1;
    this.split = 0;
  }

  /** In no order. */
  *[Symbol.iterator](): Generator<Entry> {
    for (const first of this.segments.flat()) {
      for (let entry = first; entry; entry = entry.chained) yield entry as Entry; // see `get`
    }
  }

  private get isSparse(): boolean {
    return this.length > FEWEST_BUCKETS && this.length > this.size * SPARSE;
  }

  private hash(key: string | number): number {
    if (key === this.lastKey) return this.lastHash;
    this.lastKey = key;
    this.lastHash =
      typeof key === 'number' ? hashOfNumber(key, this.seed) : hashOfText(key, this.seed);
    return this.lastHash;
  }

  private at(place: number): Bucket {
    return this.segmentOf(place)[place & (SEGMENT - 1)];
  }

  private put(place: number, first: Bucket): void {
    this.segmentOf(place)[place & (SEGMENT - 1)] = first;
  }

  private segmentOf(place: number): Bucket[] {
    return this.segments[place >> SEGMENT_BITS] as Bucket[]; // no place is beyond the last
  }

  private push(): void {
    if (this.length % SEGMENT === 0) this.segments.push([]);
    this.segmentOf(this.length).push(undefined);
    this.length += 1;
  }

  private pop(): Bucket {
    this.length -= 1;
    const first = this.segmentOf(this.length).pop();
    if (this.length % SEGMENT === 0) this.segments.pop();
    return first;
  }

  private placeOf(hash: number): number {
    const place = hash & this.mask;
    return place < this.split ? hash & (2 * this.mask + 1) : place;
  }

  private chain(entry: TableEntry): void {
    const place = this.placeOf(entry.hash);
    entry.chained = this.at(place);
    this.put(place, entry);
  }

  private unchain(entry: TableEntry): boolean {
    const place = this.placeOf(entry.hash);
    let before = this.at(place);
    if (before === entry) this.put(place, entry.chained);
    else {
      while (before && before.chained !== entry) before = before.chained;
      if (!before) return false;
      before.chained = entry.chained;
    }
    entry.chained = undefined;
    return true;
  }

  /** One bucket more: what stands in the next one to be split is shared out between both. */
  private splitBucket(): void {
    const entries = this.at(this.split);
    this.put(this.split, undefined);
    this.push();
    this.split += 1;
    if (this.split > this.mask) {
      this.mask = 2 * this.mask + 1;
      this.split = 0;
    }
    this.chainAll(entries);
  }

  /** By as many as are there for one entry, so that the last one leaves no more than there were at first. */
  private shrink(): void {
    for (let merged = 0; merged < SPARSE && this.isSparse; merged += 1) this.mergeBucket();
  }

  /** One bucket less: the other way. */
  private mergeBucket(): void {
    if (this.split === 0) {
      this.mask >>= 1;
      this.split = this.mask + 1;
    }
    this.split -= 1;
    this.chainAll(this.pop());
  }

  private chainAll(first: TableEntry | undefined): void {
    for (let entry = first; entry; ) {
      const { chained } = entry;
      this.chain(entry);
      entry = chained;
    }
  }
}

function emptyBuckets(): Bucket[] {
  return new Array<Bucket>(FEWEST_BUCKETS).fill(undefined);
}

/** Of the Fowler–Noll–Vo hash. */
const PRIME = 0x01000193;
/** Odd, with its bits well spread. */
const MIXER = 0x2c1b3c6d;
/** Numbers that stand side by side. */
const BLOCK = 1_024;
/** Of a number, what goes beyond 32 bits. */
const UPPER = 2 ** 32;

/** A text is hashed unit by unit: FNV-1a with a seed. */
function hashOfText(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), PRIME);
  }
  return mixed(hash);
}

/**
 * Numbers that follow each other stand side by side, in blocks: what was made together is found together,
 * in few lines of the processor's cache. Where a block begins, the seed says, for numbers too come from
 * outside: as texts of the form of our own ids.
 */
function hashOfNumber(number: number, seed: number): number {
  const block = Math.floor(number / BLOCK);
  const upper = block < UPPER ? 0 : Math.floor(block / UPPER);
  const begin = mixed(Math.imul((block ^ seed) + Math.imul(upper ^ seed, PRIME), MIXER));
  return (begin + (number & (BLOCK - 1))) | 0;
}

/** Brings the upper bits into the lower, by which a bucket is chosen. */
function mixed(hash: number): number {
  const half = Math.imul(hash ^ (hash >>> 15), MIXER);
  return half ^ (half >>> 13);
}
