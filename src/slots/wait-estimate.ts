/**
 * How long a wait may last, from how long others have held their slots.
 *
 * The mean is rounds times mean hold time: with `ahead` waiters before it and `limit` slots, one waits
 * for ceil((ahead + 1) / limit) of them. For the quantiles the queue is played through, many times: each
 * holder of now goes on as long as one of those who held at least as long as he has, each waiter ahead
 * holds as long as one of all. So they hold as often as they say, as long as hold times stay what they
 * were. Plays are of one seed: the same question has the same answer.
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
const PLAYS = 400;
/** Further ahead than this, what is beyond is told from the mean: one play takes too long otherwise. */
const FARTHEST = 1_000;

/** `undefined` when too little is known. */
export function estimateWait(situation: WaitSituation): WaitEstimate | undefined {
  const { holdTimes, ahead, limit } = situation;
  if (holdTimes.length < LEAST_SAMPLES || !Number.isFinite(limit)) return undefined;
  const mean = holdTimes.reduce((sum, one) => sum + one, 0) / holdTimes.length;
  const rest = (Math.max(0, ahead - FARTHEST) / limit) * mean;
  const chance = new Chance();
  const waits = Array.from({ length: PLAYS }, () => play(situation, chance)).sort(
    (one, other) => one - other,
  );
  return {
    meanMs: Math.round(Math.ceil((ahead + 1) / limit) * mean),
    p50Ms: Math.round(quantile(waits, 0.5) + rest),
    p90Ms: Math.round(quantile(waits, 0.9) + rest),
    samples: holdTimes.length,
  };
}

/** One way in which it may go: when the slot is free that this waiter gets. */
function play({ holdTimes, heldMs, ahead, limit }: WaitSituation, chance: Chance): number {
  const slots = heldMs.map((held) => restOf(holdTimes, held, chance));
  // Above its limit, what is freed first is granted to nobody.
  const excess = Math.max(0, slots.length - limit);
  const ends = new EndTimes(slots);
  for (let freed = 0; freed < excess; freed += 1) ends.take();
  for (let waiter = Math.min(ahead, FARTHEST); waiter > 0; waiter -= 1) {
    ends.add(ends.take() + chance.oneOf(holdTimes));
  }
  return ends.take();
}

/**
 * How long one who has held so long goes on: as one of those who held longer. Who has held longer than
 * all of them hangs, maybe, and is as good as one who begins now.
 */
function restOf(holdTimes: readonly number[], held: number, chance: Chance): number {
  const longer = holdTimes.filter((time) => time > held);
  return longer.length === 0 ? chance.oneOf(holdTimes) : chance.oneOf(longer) - held;
}

function quantile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.floor((sorted.length - 1) * fraction)] ?? 0;
}

/** Times in a binary heap, earliest first. */
class EndTimes {
  private readonly times: number[];

  constructor(times: readonly number[]) {
    // An ascending list is a heap.
    this.times = [...times].sort((one, other) => one - other);
  }

  take(): number {
    const [first = 0] = this.times;
    const last = this.times.pop();
    if (last !== undefined && this.times.length > 0) this.sink(last);
    return first;
  }

  add(time: number): void {
    let at = this.times.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = this.times[above] as number; // above a place that is taken
      if (other <= time) break;
      this.times[at] = other;
      at = above;
    }
    this.times[at] = time;
  }

  private sink(time: number): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.times.length) break;
      const right = left + 1;
      const child = this.at(right) < this.at(left) ? right : left;
      if (this.at(child) >= time) break;
      this.times[at] = this.at(child);
      at = child;
    }
    this.times[at] = time;
  }

  private at(index: number): number {
    return this.times[index] ?? Infinity;
  }
}

/** Numbers that look like chance and are always the same (a linear congruential generator). */
class Chance {
  private state = 1;

  oneOf(values: readonly number[]): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0;
    return values[Math.floor((this.state / 2 ** 32) * values.length)] as number; // not empty
  }
}
