/**
 * The soak: an hour of simulated time in which everything happens to a limiter that can happen to it.
 * Prints its tally as JSON, and ends by itself. Ends with an error, which names seed and step, as soon as
 * something is not as it must be.
 *
 * `SOAK_SEED` chooses another soak, `SOAK_MINUTES` a shorter or a longer one.
 */
import { empty, leftovers, stop } from './curtain.ts';
import { Resources } from './resources.ts';
import { comeToRest, playStep } from './script.ts';
import { Stage } from './stage.ts';

// The loop's share is measured in real time: that stands still, so that no order depends on how busy the
// machine is.
performance.now = () => 0;

const { SOAK_SEED = '20261126', SOAK_MINUTES = '60' } = process.env;
const seed = Number(SOAK_SEED);
const untilMs = Number(SOAK_MINUTES) * 60_000;

let steps = 0;
let isOver = false;

// Whoever waits for what never comes lets the process end in the midst of it.
process.once('exit', () => {
  if (!isOver) console.error(`The soak of seed ${seed} did not go beyond step ${steps}`);
});

process.once('SIGTERM', () => process.exit(1));

const resources = new Resources();
const stage = await Stage.set(seed);
await comeToRest(stage, 'the beginning');
while (stage.now < untilMs) {
  steps += 1;
  await playStep(stage, steps);
}
const { auditor, tally, saboteur } = stage;
await empty(stage);
await resources.close();
const whenEmpty = leftovers(stage, resources);
await stop(stage);
await resources.close();
isOver = true;
console.log(
  JSON.stringify({
    seed,
    steps,
    simulatedMs: stage.now,
    promises: stage.promises.handedOut,
    crashes: saboteur.crashes,
    most: auditor.most,
    ...tally.counts,
    whenEmpty,
    leftovers: leftovers(stage, resources),
  }),
);
