/**
 * Ids of runs, and the keys by which runs are found.
 *
 * Most runs are given no id by anybody. To make a text, to hash it and to keep it costs more than all
 * else that such a run does. So the key of an id of our own making is its number, and the text (the
 * prefix and the number) is made when somebody reads it. Any other id is its own key.
 */
export type RunKey = string | number;

export class RunIds {
  private readonly prefix: string;
  private last = 0;
  /** The highest number that somebody has named before it was made: who has seen one id knows the next. */
  private foreseen = 0;

  /** `prefix` is the same for nobody else, so that no id is made twice. */
  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** The key of a new id. */
  next(): RunKey {
    this.last += 1;
    return this.last;
  }

  /** Whether somebody may have named the id of this key, the newest, before it was made. */
  wasForeseen(key: RunKey): boolean {
    return typeof key === 'string' || key <= this.foreseen;
  }

  idOf(key: RunKey): string {
    return typeof key === 'string' ? key : this.prefix + key;
  }

  /** Whoever says an id of our making, as text, means the same run. */
  keyOf(id: string): RunKey {
    return id.startsWith(this.prefix) ? this.keyOfOwn(id) : id;
  }

  private keyOfOwn(id: string): RunKey {
    const number = Number(id.slice(this.prefix.length));
    if (!Number.isSafeInteger(number) || this.idOf(number) !== id) return id;
    if (number > this.last) this.foreseen = Math.max(this.foreseen, number);
    return number;
  }
}
