/**
 * The script of a soak: which acts there are, how likely each is, and what a step consists of.
 */
import { settle } from 'slotkeeper/testing';
import {
  askAgain,
  askForRuns,
  askForSessions,
  askInACrowd,
  startJobs,
  tryRuns,
  trySession,
} from './asking.ts';
import {
  abortWaits,
  endJobs,
  evict,
  giveAndTake,
  giveBack,
  giveBackSession,
  loseHolders,
  loseHoldersOfRuns,
  releaseById,
  releaseSession,
  renewLeases,
  renewTooLate,
  withdraw,
} from './ending.ts';
import { checkLaws } from './laws.ts';
import { jumpWall, passTime, stall } from './passing-time.ts';
import type { Stage } from './stage.ts';
import { hireThread, loseThread, orderThread } from './threading.ts';
import { changeLimits, changeOfMind, drain, endActor, resume, suspend } from './trouble.ts';

type Act = (stage: Stage) => void | Promise<void>;

interface Scene {
  readonly act: Act;
  readonly weight: number;
}

/** What may be done in one tick with others of these: whatever comes first, each has its own effect. */
const IN_A_STORM: readonly [Scene, ...Scene[]] = [
  { act: askForRuns, weight: 12 },
  { act: askInACrowd, weight: 1 },
  { act: askForSessions, weight: 6 },
  { act: askAgain, weight: 4 },
  { act: startJobs, weight: 4 },
  { act: tryRuns, weight: 3 },
  { act: trySession, weight: 2 },
  { act: giveBack, weight: 6 },
  { act: releaseById, weight: 3 },
  { act: releaseSession, weight: 2 },
  { act: withdraw, weight: 2 },
  { act: endJobs, weight: 4 },
  { act: evict, weight: 2 },
  { act: abortWaits, weight: 3 },
  { act: renewLeases, weight: 4 },
  { act: changeLimits, weight: 2 },
  { act: loseHoldersOfRuns, weight: 1 },
  { act: changeOfMind, weight: 3 },
  { act: giveAndTake, weight: 1 },
];

/** What is done alone: it goes before all that is queued, or takes its time. */
const ALONE: readonly [Scene, ...Scene[]] = [
  { act: passTime, weight: 30 },
  { act: stall, weight: 2 },
  { act: jumpWall, weight: 1 },
  { act: giveBackSession, weight: 2 },
  { act: loseHolders, weight: 3 },
  { act: renewTooLate, weight: 1 },
  { act: endActor, weight: 2 },
  { act: suspend, weight: 2 },
  { act: drain, weight: 1 },
  { act: hireThread, weight: 2 },
  { act: orderThread, weight: 6 },
  { act: loseThread, weight: 1 },
];

const STORMS = 45;
const ALL_ALONE = ALONE.reduce((sum, { weight }) => sum + weight, 0);
/** Steps that a drain lasts, about. */
const OF_A_DRAIN = 5;

/** Acts of one step, by the seed. */
function nextActs({ chance, isDraining }: Stage): Act[] {
  if (isDraining && chance.happens(1 / OF_A_DRAIN)) return [resume];
  if (chance.happens(ALL_ALONE / (ALL_ALONE + STORMS))) return [chance.weighed(ALONE).act];
  return Array.from({ length: chance.between(1, 5) }, () => chance.weighed(IN_A_STORM).act);
}

/** One step, and what must be so after it. Throws what is not. */
export async function playStep(stage: Stage, step: number): Promise<void> {
  const acts = nextActs(stage);
  if (stage.chance.happens(0.3)) stage.saboteur.plant(stage.chance);
  for (const act of acts) {
    stage.tally.count('acts', act.name);
    const done = act(stage);
    // Acts that need not wait happen in one tick.
    if (done) await done;
  }
  await settle();
  stage.saboteur.disarm();
  await comeToRest(stage, `step ${step} (${acts.map(({ name }) => name)})`);
}

/** Everybody has been told what he is to be told, and all is as it must be. */
export async function comeToRest(stage: Stage, what: string): Promise<void> {
  await settle();
  await stage.crew.sync();
  checkLaws(stage);
  stage.complain(what);
  stage.holders.replace();
}
