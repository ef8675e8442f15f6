/**
 * A table by id that grows without stopping the world, and is quick while ids come and go.
 *
 * A JavaScript Map doubles in one go: with a million entries that takes a quarter of a second. So above
 * 16,384 entries this is 64 Maps, chosen by the last characters of the id, which is where ids differ; each
 * doubles on its own. Ids that all end alike are found just as well, and lose only that.
 *
 * A Map that becomes empty shrinks, and one with room for four is rebuilt after four new keys. Ids are
 * always new, so that would happen all the time; some entries that nobody asks for keep it from it.
 */
const SHARDS = 64;
const SPLIT_ABOVE = 16_384;
const BALLAST = 32;

type Shard<Entry> = Map<string | number | symbol, Entry | undefined>;

/** Found by a text, or by a positive number. */
export class IdTable<Entry> implements Iterable<Entry> {
  size = 0;
  private shards: Shard<Entry>[] = [shard()];
  private mask = 0;

  get(id: string | number): Entry | undefined {
    return this.shardOf(id).get(id);
  }

  set(id: string | number, entry: Entry): void {
    if (this.size > SPLIT_ABOVE && this.mask === 0) this.split();
    const shard = this.shardOf(id);
    const { size } = shard;
    shard.set(id, entry);
    this.size += shard.size - size;
  }

  delete(id: string | number): void {
    if (this.shardOf(id).delete(id)) this.size -= 1;
  }

  clear(): void {
    this.size = 0;
    this.shards = [shard()];
    this.mask = 0;
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (const shard of this.shards) {
      for (const entry of shard.values()) if (entry !== undefined) yield entry;
    }
  }

  /** Once, and it costs a few milliseconds. */
  private split(): void {
    const all = this.shards[0];
    this.shards = Array.from({ length: SHARDS }, () => shard<Entry>());
    this.mask = SHARDS - 1;
    for (const [id, entry] of all ?? [])
      if (typeof id !== 'symbol') this.shardOf(id).set(id, entry);
  }

  private shardOf(id: string | number): Shard<Entry> {
    const { mask } = this;
    return this.shards[mask === 0 ? 0 : spread(id) & mask] as Shard<Entry>; // one for each rest
  }
}

function shard<Entry>(): Shard<Entry> {
  return new Map(Array.from({ length: BALLAST }, () => [Symbol(), undefined]));
}

/** A number that differs with the last three characters. A short id has NaN there, which counts as 0. */
function spread(id: string | number): number {
  if (typeof id === 'number') return id;
  const last = id.length - 1;
  return id.charCodeAt(last) + 11 * id.charCodeAt(last - 1) + 5 * id.charCodeAt(last - 2);
}
