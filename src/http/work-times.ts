/**
 * How long works have taken, from their start to their end: the last hundred.
 */
const MOST = 100;
/** Fewer say nothing. */
const LEAST = 5;

export class WorkTimes {
  private readonly times: number[] = [];

  add(ms: number): void {
    this.times.push(ms);
    if (this.times.length > MOST) this.times.shift();
  }

  /** `undefined` when too little is known. */
  get meanMs(): number | undefined {
    if (this.times.length < LEAST) return undefined;
    return this.times.reduce((sum, one) => sum + one, 0) / this.times.length;
  }
}
