/**
 * Crashes of the limiter at points of its write path, each counted by its place.
 */
import { CrashAt, type Moment, STEPS, type Step } from 'slotkeeper/testing';
import type { Chance } from './chance.ts';
import type { Tally } from './tally.ts';

const MOMENTS: readonly [Moment, Moment] = ['before', 'after'];
const MOST_PASSES = 7;

export class Saboteur extends CrashAt {
  private readonly tally: Tally;

  constructor(tally: Tally) {
    super();
    this.tally = tally;
  }

  /** The limiter crashes once or twice when it comes by some point, if it does in this step. */
  plant(chance: Chance): void {
    const moment = chance.pick(MOMENTS);
    const times = chance.between(1, 2);
    this.arm(moment, chance.pick(STEPS), times, chance.between(0, MOST_PASSES));
  }

  override reach(moment: Moment, step: Step): void {
    const { crashes } = this;
    try {
      super.reach(moment, step);
    } finally {
      if (this.crashes > crashes) this.tally.count('crashes of the limiter', `${moment} ${step}`);
    }
  }
}
