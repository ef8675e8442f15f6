/**
 * Chance that can be had again: the same seed gives the same numbers.
 */
export class Chance {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1, by mulberry32. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from 0, below `end`. */
  below(end) {
    return Math.floor(this.next() * end);
  }

  oneOf(choices) {
    return choices[this.below(choices.length)];
  }

  /** Whether something comes about that comes about so often in a hundred times. */
  happens(percent) {
    return this.next() * 100 < percent;
  }
}
