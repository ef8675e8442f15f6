/**
 * Crashes of the limiter's actor at each step, in the turn whose commit fails, while it is degraded, and
 * in the turn in which it heals: nothing is lost, nothing is done twice, and everything is told once.
 */
import { describe, expect, test } from 'vitest';
import { CrashAt, type Moment, recordEvents, STEPS, type Step, settle } from '../../src/testing.ts';
import { type Attempt, attempt, outcomes, wait } from '../support/callers.ts';
import { StorageStage } from '../support/storage-stage.ts';

type Point = readonly [moment: Moment, step: Step];

const POINTS: readonly Point[] = STEPS.flatMap((step) => [
  ['before', step] as const,
  ['after', step] as const,
]);

/** The turns of the play in which a crash may come. */
const TURNS = ['that fails', 'that is served degraded', 'that heals'] as const;

/** Two runs held and two waiting; the storage fails, something ends, it heals. What all have seen. */
async function play(turn: (typeof TURNS)[number] | undefined, point: Point) {
  const faultPoints = new CrashAt();
  const arm = (here: typeof turn) => here === turn && faultPoints.arm(...point);
  await using stage = await StorageStage.open({ faultPoints });
  using recorder = recordEvents(['run_slot_ended', 'run_slot_granted', 'session_slot_ended']);
  const { limiter } = stage;
  await limiter.acquireSessionSlot('d', { durable: true });
  await limiter.acquireRunSlot('d', 'a');
  await limiter.acquireRunSlot('d', 'b');
  const waiters = [wait(limiter, ['d', 'w1']), wait(limiter, ['d', 'w2'])];
  await settle();

  stage.connection.pragma('query_only = ON');
  arm('that fails');
  const first = [
    attempt(limiter.releaseRunSlot('a')),
    attempt(limiter.acquireRunSlot('d', 'c')),
    attempt(limiter.acquireRunSlot('d', 'b')),
  ];
  await settle();
  arm('that is served degraded');
  const second = [
    attempt(limiter.releaseRunSlot('b')),
    attempt(limiter.acquireRunSlot('d', 'c')),
    attempt(limiter.setLimits({ maxParallelRuns: 1 })),
  ];
  await settle();
  const between = { ...stage.limiter.getStatus(), version: 0, restarts: 0 };
  stage.connection.pragma('query_only = OFF');
  arm('that heals');
  await stage.advance(5_000);

  const { restarts, ...status } = limiter.getStatus();
  return {
    crashes: faultPoints.crashes,
    restarts,
    seen: {
      told: [first, second, waiters].map(seenBy),
      between,
      status: { ...status, version: 0 },
      storage: stage.told,
      events: recorder.events.map((event) => [event.type, 'runId' in event && event.runId]),
      file: stage.runsInFile,
    },
  };
}

function seenBy(attempts: readonly Attempt<unknown>[]) {
  return { outcomes: outcomes(attempts), settled: attempts.map(({ settlements }) => settlements) };
}

describe.each(TURNS)('a crash in the turn %s', (turn) => {
  test.each(POINTS)('%s %s being seen by nobody', async (...point) => {
    const { seen } = await play(undefined, point);
    const crashed = await play(turn, point);
    expect(crashed).toEqual({ crashes: 1, restarts: 1, seen });
  });
});

test('the play without a crash', async () => {
  const { seen } = await play(undefined, ['before', 'decide']);
  expect(seen.told.map((each) => each.outcomes)).toEqual([
    ['granted', 'storage_unavailable', 'granted'],
    ['granted', 'storage_unavailable', 'storage_unavailable'],
    ['granted', 'granted'],
  ]);
  expect(seen.storage).toEqual(['storage_degraded', 'storage_recovered']);
  expect(seen.file).toEqual(['w1', 'w2']);
});
