/**
 * The soak: a process of its own in which an hour of simulated time passes, with everything in it that can
 * happen to a limiter. After each step what is held is what living holders hold; at the end nothing is
 * left and the process ends by itself. The program is `test/support/soak/program.ts`, compiled by
 * `npm run build`.
 *
 * `SOAK_SEED` chooses another soak; `TORTURE=1` a new one, of a day.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { STEPS } from '../../src/testing.ts';

const { env } = process;
const IS_TORTURE = env.TORTURE === '1';
const SEED = env.SOAK_SEED ?? (IS_TORTURE ? String(Date.now() % 2 ** 31) : '20261126');
const MINUTES = IS_TORTURE ? 24 * 60 : 60;
const TIMEOUT_MS = IS_TORTURE ? 3_600_000 : 240_000;

const PROGRAM = join(import.meta.dirname, '../../build/test/support/soak/program.js');

type Counts = Readonly<Record<string, number>>;
type Tally = Readonly<Record<string, Counts>>;

/** What has to have happened, by its sort. */
const HAPPENINGS: Readonly<Record<string, readonly string[]>> = {
  grants: ['session', 'run', 'to who had gone'],
  refusals: [
    'max_sessions_exceeded',
    'max_runs_exceeded',
    'max_runs_per_session_exceeded',
    'max_sessions_per_owner_exceeded',
    'max_runs_per_owner_exceeded',
    'max_jobs_per_owner_exceeded',
    'max_runs_per_kind_exceeded',
    'run_id_conflict',
    'session_id_conflict',
    'queue_full',
    'wait_timeout',
    'session_released',
    'withdrawn',
    'draining',
  ],
  tried: ['granted', 'unavailable', 'max_runs_exceeded'],
  ends: ['released', 'cascade', 'expired', 'holder_down', 'evicted', 'stopped'],
  'crashes of the limiter': [
    ...STEPS.flatMap((step) => [`before ${step}`, `after ${step}`]),
    'told to end: error',
    'told to end: kill',
    'told to end: shutdown',
  ],
  'holders that went down': [
    'server that crashes',
    'server that is told to crash',
    'server that shuts down',
    'server that is killed',
    'actor that is done',
    'actor that fails',
    'actor that is stopped',
    'signal that aborts',
    'thread that exits',
    'thread that throws',
    'thread that is terminated',
    'thread that leaves',
  ],
  jobs: ['that were done', 'that threw'],
  waits: ['aborted', 'aborted in a thread', 'asked for in vain in a thread'],
  leases: ['renewed', 'stale_token'],
  releases: ['with a stale token'],
  limits: ['raised', 'lowered', 'lower than what was held'],
  drains: ['begun', 'ended'],
  clock: ['stalls', 'jumps of the wall clock', 'jumps that were noticed'],
};

describe('an hour with everything in it', () => {
  let tally: Tally;
  let complaints: string;

  beforeAll(async () => {
    const options = {
      env: { ...env, SOAK_SEED: SEED, SOAK_MINUTES: String(MINUTES) },
      timeout: TIMEOUT_MS,
    };
    // It rejects with what the program has said if that has not ended by itself, and well.
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [PROGRAM], options);
    if (IS_TORTURE) console.log(stdout);
    tally = JSON.parse(stdout);
    complaints = stderr;
  }, TIMEOUT_MS);

  test('keeping its laws after each step, and ending by itself in silence', () => {
    expect(complaints).toBe('');
    expect(tally).toMatchObject({ seed: Number(SEED) });
    expect(tally.simulatedMs).toBeGreaterThanOrEqual(MINUTES * 60_000);
  });

  test('reaching its limits: fifty sessions, five hundred runs', () => {
    expect(tally.most).toEqual({
      sessions: 50,
      runs: 500,
      maxParallelSessions: 50,
      maxParallelRuns: 500,
    });
  });

  test.each(Object.keys(HAPPENINGS))('having seen all sorts of %s', (sort) => {
    const counts = tally[sort] ?? {};
    const missing = HAPPENINGS[sort]?.filter((name) => !counts[name]);
    expect(missing).toEqual([]);
  });

  test.each(['whenEmpty', 'leftovers'])('leaving nothing (%s)', (moment) => {
    const left = Object.entries(tally[moment] ?? { nothing: 1 });
    expect(left.filter(([, count]) => count !== 0)).toEqual([]);
  });
});
