/**
 * A map that is mostly of one entry, as most sessions have one owner and most queues one priority: one
 * entry costs two fields, and only a second one makes a Map.
 */
export class SmallMap<Value> {
  private key: unknown = undefined;
  private value: Value | undefined = undefined;
  private more: Map<unknown, Value> | undefined = undefined;

  get size(): number {
    if (this.more) return this.more.size;
    return this.value === undefined ? 0 : 1;
  }

  get(key: unknown): Value | undefined {
    if (this.more) return this.more.get(key);
    return this.key === key ? this.value : undefined;
  }

  set(key: unknown, value: Value): void {
    if (this.more) this.more.set(key, value);
    else if (this.value === undefined || this.key === key) this.keep(key, value);
    else this.more = new Map([[this.key, this.value] as const, [key, value] as const]);
  }

  delete(key: unknown): void {
    if (this.more) this.more.delete(key);
    else if (this.key === key) this.keep(undefined, undefined);
  }

  *values(): Generator<Value> {
    if (this.more) yield* this.more.values();
    else if (this.value !== undefined) yield this.value;
  }

  private keep(key: unknown, value: Value | undefined): void {
    this.key = key;
    this.value = value;
  }
}
