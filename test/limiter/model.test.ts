/**
 * Random histories of a limiter, step by step against its model: whatever callers do, whoever crashes, each
 * caller is answered what the contract says, and status, events and signals say the same.
 *
 * `MODEL_SEED` and `MODEL_RUNS` choose other histories; `TORTURE=1` chooses new ones, and many.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { refusalCodes, slotLostCodes } from '../../src/index.ts';
import { STEPS } from '../../src/testing.ts';
import { LimiterPlay } from '../support/limiter-play.ts';
import {
  type Ending,
  ending,
  fairness,
  limits,
  type Step,
  steps,
} from '../support/limiter-steps.ts';
import type { Limits } from '../support/limits-model.ts';
import type { Fairness } from '../support/turns-model.ts';

const { env } = process;
const IS_TORTURE = env.TORTURE === '1';
const FIXED_SEED = 20_261_126;
const SEED = Number(env.MODEL_SEED ?? (IS_TORTURE ? Date.now() % 2 ** 31 : FIXED_SEED));
/** So many reach all that can be reached. */
const FEWEST_RUNS = 400;
const RUNS = Number(env.MODEL_RUNS ?? (IS_TORTURE ? 20_000 : FEWEST_RUNS));
const TIMEOUT_MS = IS_TORTURE ? 3_600_000 : 120_000;

/**
 * What some history must reach: every answer and every end there is, but those that need a journal on disk or
 * a process that has ended.
 */
const REACHABLE = {
  refusal: Object.keys(refusalCodes).filter((code) => code !== 'storage_unavailable'),
  fault: [
    'invalid_option',
    'invalid_id',
    'call_timeout',
    'stopped',
    'server_down',
    'noproc',
    'stale_token',
  ],
  end: Object.keys(slotLostCodes).filter((reason) => reason !== 'interrupted'),
  event: ['drain_started', 'drain_ended', 'resumed', 'clock_jumped', 'limiter_restarted'],
  crash: STEPS.flatMap((step) => [`before ${step}`, `after ${step}`]),
};

/** How often each was met, and how much was played. */
const met = new Map<string, number>();
const played = { histories: 0, steps: 0, crashes: 0 };

function note(play: LimiterPlay): void {
  played.histories += 1;
  played.steps += play.story.length - 1;
  played.crashes += play.subject.saboteur.thrown;
  for (const what of [...play.subject.met, ...play.subject.saboteur.places])
    met.set(what, (met.get(what) ?? 0) + 1);
}

function compare(play: LimiterPlay): void {
  const { seen, foreseen } = play.views.look();
  if (!isDeepStrictEqual(seen, foreseen)) expect(seen, play.story.join('\n')).toEqual(foreseen);
}

/** Nothing can hide at the end: what is suspended goes on, what works ends, what is due is due. */
async function playHistory(
  limits: Limits,
  fairness: Fairness,
  history: Step[],
  { how, afterwards }: Ending,
) {
  const play = await LimiterPlay.start(limits, fairness);
  const perform = async (step: Step): Promise<boolean> => {
    const isDone = await play.play(step);
    if (isDone) compare(play);
    return isDone;
  };
  try {
    for (const step of history) await perform(step);
    if (how === 'give_up') await perform({ do: 'resume' });
    for (const step of [{ do: how }, ...afterwards]) await perform(step);
    while (await perform({ do: 'finish_work', pick: 0, isThrowing: false }));
    await perform({ do: 'advance', ms: 10_000 });
    expect(play.leftovers()).toEqual({ timers: 0, pendingTimers: 0, goingOn: 0 });
    note(play);
  } finally {
    await play.close();
  }
}

describe('a limiter', () => {
  afterAll(() => console.log(tableOf(met)));

  test(
    'doing as its model does, whatever happens',
    async () => {
      const property = fc.asyncProperty(limits, fairness, steps, ending, playHistory);
      await fc.assert(property, { seed: SEED, numRuns: RUNS });
    },
    TIMEOUT_MS,
  );

  test.skipIf(RUNS < FEWEST_RUNS)('being asked for all that it can answer', () => {
    const reachable = Object.entries(REACHABLE).flatMap(([sort, all]) =>
      all.map((one) => `${sort} ${one}`),
    );
    expect(reachable.filter((what) => !met.has(what))).toEqual([]);
    expect([...met.keys()].filter((what) => !reachable.includes(what))).toEqual([]);
    expect(played.steps).toBeGreaterThan(50 * played.histories);
  });
});

function tableOf(counts: ReadonlyMap<string, number>): string {
  const { histories, steps, crashes } = played;
  const head = `seed ${SEED}: ${histories} histories, ${steps} steps, ${crashes} crashes`;
  const rows = [...counts].sort().map(([what, count]) => `${String(count).padStart(8)}  ${what}`);
  return [head, ...rows].join('\n');
}
