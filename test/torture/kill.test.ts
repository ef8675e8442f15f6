/**
 * Real processes that hammer a limiter on a real file and are killed at any moment: whatever was answered
 * is true in the next process, and what was not may be either. The processes run the built package; `npm
 * test` builds first.
 *
 * `TORTURE_SEED` and `TORTURE_KILLS` choose other stories; `TORTURE=1` chooses new ones, and many.
 */
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { killAll } from './life.ts';
import { Story } from './story.ts';
import { Tally } from './tally.ts';

const { env } = process;
const IS_TORTURE = env.TORTURE === '1';
const FIXED_SEED = 20_261_127;
const SEED = Number(env.TORTURE_SEED ?? (IS_TORTURE ? Date.now() % 2 ** 31 : FIXED_SEED));
const KILLS = Number(env.TORTURE_KILLS ?? (IS_TORTURE ? 1_000 : 50));
/** Few enough that many journals are new, and enough that some grow old. */
const KILLS_OF_A_STORY = 10;
const TIMEOUT_MS = 600_000;

const tally = new Tally();
const seeds = Array.from({ length: Math.ceil(KILLS / KILLS_OF_A_STORY) }, (_, at) => SEED + at);

afterEach(killAll);
afterAll(() => console.log(`Killed from seed ${SEED} on:\n${tally}`));

describe('a limiter whose process is killed again and again', () => {
  test.each(seeds)(
    'keeping what it has answered, seed %i',
    { timeout: TIMEOUT_MS },
    async (seed) => {
      const story = new Story(seed, tally);
      await story.tell(KILLS_OF_A_STORY);
      expect(story.wrongs).toEqual([]);
    },
  );
});
