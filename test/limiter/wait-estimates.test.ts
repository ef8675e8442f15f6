/**
 * How often estimates of a wait come true: in seeded histories on a simulated clock each waiter is told
 * when it begins to wait how long that may take, and it is counted how often it took no longer. Half of
 * them should be within `p50Ms`, nine of ten within `p90Ms`, from a hundred hold times.
 */
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/testing.ts';
import { type Limiter, start } from '../support/callers.ts';

/** Numbers from 0 up to 1. */
type Chance = () => number;

/** Draws how long a run is held, in milliseconds. */
const HOLD_TIMES: Record<string, (chance: Chance) => number> = {
  constant: () => 10_000,
  exponential: (chance) => -10_000 * Math.log(1 - chance()),
  bimodal: (chance) => (chance() < 0.8 ? 2_000 : 40_000) * (1 + 0.2 * chance()),
};

/** What a waiter was told, and how long it waited then. */
interface Wait {
  readonly waitedMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
}

const SEEDS = [1, 2, 3, 4, 5, 6];
const WAITS = 125;
/** Those who wait at a time have much in common, so not all of them are asked for. */
const ONE_OF = 8;

/** Numbers of one seed, evenly spread (Mulberry32). */
function chanceOf(seed: number): Chance {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What one who waits is told; `null` for one who does not, and when too little is known. */
function estimateOf(limiter: Limiter, runId: string) {
  const told = limiter.explain({ runId });
  return told.state === 'waiting' ? told.estimatedWait : null;
}

/** Callers who take a slot, hold it, pause and ask again, until enough of their waits are known. */
class History {
  private readonly waits: Wait[] = [];
  private asks = 0;
  private readonly clock = new SimulatedClock();
  private readonly chance: Chance;
  private readonly draw: (chance: Chance) => number;

  constructor(draw: (chance: Chance) => number, seed: number) {
    this.draw = draw;
    this.chance = chanceOf(seed);
  }

  async play(slots: number, callers: number): Promise<readonly Wait[]> {
    const { clock } = this;
    await using limiter = await start({ maxParallelRuns: slots }, { clock });
    let left = callers;
    for (let n = 0; n < callers; n += 1) {
      void this.call(limiter, `caller-${n}`).then(() => {
        left -= 1;
      });
    }
    while (left > 0) await clock.advance(10_000);
    return this.waits;
  }

  private async call(limiter: Limiter, runId: string): Promise<void> {
    while (this.waits.length < WAITS) {
      await this.pass(5_000 * this.chance());
      const askedAt = this.clock.monotonicNow();
      const asked = limiter.acquireRunSlot('session', runId, { waitTimeoutMs: Infinity });
      this.asks += 1;
      const estimate = this.asks % ONE_OF === 0 ? estimateOf(limiter, runId) : null;
      const slot = await asked;
      const waitedMs = this.clock.monotonicNow() - askedAt;
      if (estimate?.samples === 100) this.waits.push({ waitedMs, ...estimate });
      await this.pass(this.draw(this.chance));
      await slot.release();
    }
  }

  /** Simulated time: `play` moves the clock on. */
  private pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimeout(resolve, Math.round(ms)));
  }
}

/** The waits of all seeds. */
async function waitsOf(holdTimes: string, slots: number, callers: number): Promise<Wait[]> {
  const draw = HOLD_TIMES[holdTimes];
  if (!draw) throw new Error(`no hold times are called ${holdTimes}`);
  const histories = SEEDS.map((seed) => new History(draw, seed).play(slots, callers));
  return (await Promise.all(histories)).flat();
}

/** Which share of the waits was shorter than the quantile, and which was no longer. */
function shares(waits: readonly Wait[], quantile: 'p50Ms' | 'p90Ms') {
  const share = (isWithin: (wait: Wait) => boolean): number =>
    waits.filter(isWithin).length / waits.length;
  return {
    shorter: share((wait) => wait.waitedMs < wait[quantile]),
    within: share((wait) => wait.waitedMs <= wait[quantile]),
  };
}

describe.each(Object.keys(HOLD_TIMES))('estimates from hold times that are %s', (holdTimes) => {
  test.each([
    { slots: 1, callers: 2 },
    { slots: 1, callers: 8 },
    { slots: 4, callers: 16 },
  ])('coming true as often as they say, slots: $slots, callers: $callers', async (world) => {
    const waits = await waitsOf(holdTimes, world.slots, world.callers);
    const [half, most] = [shares(waits, 'p50Ms'), shares(waits, 'p90Ms')];
    // Waits may be exactly as long as the estimate: they count as within, not as shorter.
    expect(half.shorter).toBeLessThanOrEqual(0.55);
    expect(half.within).toBeGreaterThanOrEqual(0.45);
    expect(most.shorter).toBeLessThanOrEqual(0.94);
    expect(most.within).toBeGreaterThanOrEqual(0.86);
  });
});
