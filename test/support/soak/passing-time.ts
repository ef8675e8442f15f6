/**
 * Acts of time: it passes, it stands still for everybody but the clock, the wall clock jumps.
 */
import { askForRuns } from './asking.ts';
import { giveBack, renewLeases } from './ending.ts';
import type { Stage } from './stage.ts';

export async function passTime({ clock, chance }: Stage): Promise<void> {
  await clock.advance(chance.between(1, 7_000));
}

/** The loop is blocked for a while; then what was sent meanwhile comes before the timers that are late. */
export async function stall(stage: Stage): Promise<void> {
  const { clock, chance, tally } = stage;
  clock.stall(chance.between(500, 6_000));
  tally.count('clock', 'stalls');
  giveBack(stage);
  askForRuns(stage);
  renewLeases(stage);
  await clock.advance(0);
}

/** The wall clock is set to another time, forward or back. */
export async function jumpWall({ clock, chance, tally }: Stage): Promise<void> {
  clock.jumpWall(chance.between(-3_600_000, 3_600_000));
  tally.count('clock', 'jumps of the wall clock');
  await clock.advance(chance.between(1, 2_000));
}
