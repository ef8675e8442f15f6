/**
 * How long a wait may last, from how long others have held their slots.
 *
 * The mean is rounds times mean hold time: with `ahead` waiters before it and `limit` slots, one waits
 * for ceil((ahead + 1) / limit) of them. For the quantiles the queue is played through, many times: each
 * holder of now goes on as long as one of those who held at least as long as he has, each waiter ahead
 * holds as long as one of all. So they hold as often as they say, as long as hold times stay what they
 * were. Plays are of one seed: the same question has the same answer.
 *
 * It takes about a millisecond, however many hold and wait: a thousand stand for all where there are more, and
 * the more there are, the fewer plays tell as much.
 */
export interface WaitEstimate {
  readonly meanMs: number;
  /** As many waits are shorter as longer. */
  readonly p50Ms: number;
  /** Nine of ten waits are shorter. */
  readonly p90Ms: number;
  /** Hold times that it is made of: 5 to 100. */
  readonly samples: number;
}

export interface WaitSituation {
  /** Hold times, in milliseconds. */
  readonly holdTimes: readonly number[];
  /** How long each of the slots has been held already, in milliseconds. */
  readonly heldMs: readonly number[];
  /** How many wait before it. */
  readonly ahead: number;
  /** How many slots there are. */
  readonly limit: number;
}

const LEAST_SAMPLES = 5;
/** Fewer would make the tenth that waits longest too few to be told from. */
const LEAST_PLAYS = 40;
const MOST_PLAYS = 400;
/** Hold times that are drawn, in all plays together, where the least of plays allows it. */
const MOST_DRAWS = 40_000;
/** Of who holds, and of who waits before: what is beyond is told from the mean. */
const MOST_PLAYED = 1_000;

/** `undefined` when too little is known. */
export function estimateWait(situation: WaitSituation): WaitEstimate | undefined {
  const { holdTimes, ahead, limit } = situation;
  if (holdTimes.length < LEAST_SAMPLES || !Number.isFinite(limit)) return undefined;
  const mean = holdTimes.reduce((sum, one) => sum + one, 0) / holdTimes.length;
  const queue = new Queue(situation);
  const waits = Float64Array.from({ length: queue.plays }, () => queue.play()).sort();
  const rest = (queue.beyond / limit) * mean;
  return {
    meanMs: Math.round(Math.ceil((ahead + 1) / limit) * mean),
    p50Ms: Math.round(quantile(waits, 0.5) + rest),
    p90Ms: Math.round(quantile(waits, 0.9) + rest),
    samples: holdTimes.length,
  };
}

function quantile(sorted: Float64Array, fraction: number): number {
  return sorted[Math.floor((sorted.length - 1) * fraction)] ?? 0;
}

/** The queue of now, to be played through. */
class Queue {
  /** Ways in which it may go that are looked at. */
  readonly plays: number;
  /** How many of those ahead are not played. */
  readonly beyond: number;
  private readonly ahead: number;
  /** Above its limit, what is freed first is granted to nobody. */
  private readonly excess: number;
  /** Hold times, shortest first. */
  private readonly times: Float64Array;
  /** Of each holder that is played: how long he has held. */
  private readonly held: Float64Array;
  /** Of each: how many hold times are no longer than that. */
  private readonly shorter: Uint32Array;
  private readonly ends: EndTimes;
  private readonly chance = new Chance();

  constructor({ holdTimes, heldMs, ahead, limit }: WaitSituation) {
    const scale = Math.max(1, Math.ceil(heldMs.length / MOST_PLAYED));
    const scaled = Math.floor(ahead / scale);
    this.times = Float64Array.from(holdTimes).sort();
    this.held = Float64Array.from(heldMs.filter((_held, index) => index % scale === 0));
    this.shorter = Uint32Array.from(this.held, (held) => countUpTo(this.times, held));
    this.ahead = Math.min(scaled, MOST_PLAYED);
    this.beyond = (scaled - this.ahead) * scale;
    this.excess = Math.floor(Math.max(0, heldMs.length - limit) / scale);
    this.ends = new EndTimes(this.held.length);
    const fitting = Math.floor(MOST_DRAWS / (this.held.length + this.ahead));
    this.plays = Math.max(LEAST_PLAYS, Math.min(MOST_PLAYS, fitting));
  }

  /** One way in which it may go: when the slot is free that this waiter gets. */
  play(): number {
    const { ends, times, chance } = this;
    ends.fill((index) => this.restOf(index));
    for (let freed = 0; freed < this.excess; freed += 1) ends.replaceFirst(Infinity);
    for (let waiter = this.ahead; waiter > 0; waiter -= 1) {
      ends.replaceFirst(ends.first + chance.oneOf(times, 0));
    }
    return ends.first;
  }

  /**
   * How long one who has held so long goes on: as one of those who held longer. Who has held longer than
   * all of them hangs, maybe, and is as good as one who begins now.
   */
  private restOf(index: number): number {
    const { times, chance } = this;
    const shorter = this.shorter[index] ?? 0;
    if (shorter === times.length) return chance.oneOf(times, 0);
    return chance.oneOf(times, shorter) - (this.held[index] ?? 0);
  }
}

/** How many are no greater, by halving. */
function countUpTo(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Times in a binary heap, earliest first: as many as there are slots, whose holders change. */
class EndTimes {
  private readonly times: Float64Array;

  constructor(size: number) {
    this.times = new Float64Array(size);
  }

  /** 0 without any: whoever comes has a slot at once. */
  get first(): number {
    return this.times[0] ?? 0;
  }

  fill(timeOf: (index: number) => number): void {
    const { times } = this;
    for (let index = 0; index < times.length; index += 1) times[index] = timeOf(index);
    for (let index = (times.length >> 1) - 1; index >= 0; index -= 1) this.sink(index);
  }

  replaceFirst(time: number): void {
    this.times[0] = time;
    this.sink(0);
  }

  private sink(from: number): void {
    const { times } = this;
    const { length } = times;
    let at = from;
    const time = times[at] as number;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && (times[child + 1] as number) < (times[child] as number)) child += 1;
      if ((times[child] as number) >= time) break;
      times[at] = times[child] as number;
      at = child;
    }
    times[at] = time;
  }
}

/** Numbers that look like chance and are always the same (a linear congruential generator). */
class Chance {
  private state = 1;

  /** One of those from this index on. */
  oneOf(values: Float64Array, from: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0;
    const index = from + Math.floor((this.state / 2 ** 32) * (values.length - from));
    return values[index] as number; // one of them
  }
}
