/**
 * Waits that stand in the journal: each from the batch in which it is queued to the batch in which it leaves,
 * whatever crashes, and none while the journal cannot be written.
 */
import { describe, expect, test } from 'vitest';
import { exit } from '../../src/index.ts';
import type { Survivors } from '../../src/limiter/survivors.ts';
import { recordEvents, settle } from '../../src/testing.ts';
import { attempt, outcomes } from '../support/callers.ts';
import { expectNoCrashSeen, type Play, underFire } from '../support/crash-points.ts';
import { StorageStage } from '../support/storage-stage.ts';

const LIMITS = { maxParallelSessions: 2, maxParallelRuns: 1 };
const FOR_EVER = { waitTimeoutMs: Infinity };

/** What the file says of who waits, in the order in which they will be granted. */
function waitingIn(stage: StorageStage): unknown[] {
  return stage.read().waiting.map(({ runId, priority, queuedAt, expiresAt }) => {
    return [runId, priority, queuedAt - stage.clock.now(), expiresAt && expiresAt - queuedAt];
  });
}

function ask({ limiter }: StorageStage, runId: string, options: object = FOR_EVER) {
  return attempt(limiter.acquireRunSlot('s', runId, { order: `order of ${runId}`, ...options }));
}

/** One is held; who comes waits, is granted, withdrawn, timed out. What was told, and what the file said. */
const play: Play<unknown> = async (saboteur) => {
  await using stage = await StorageStage.open({ limits: LIMITS, faultPoints: saboteur });
  const { limiter } = stage;
  await limiter.acquireRunSlot('s', 'held');
  const seen: unknown[] = [];
  const look = () => seen.push([waitingIn(stage), stage.runsInFile]);
  const asked = await underFire(saboteur, () => [
    ask(stage, 'a'),
    ask(stage, 'b', { priority: 3, ...FOR_EVER }),
    ask(stage, 'c', { waitTimeoutMs: 500 }),
    ask(stage, 'd'),
    ask(stage, 'refused', {}),
  ]);
  look();
  await underFire(saboteur, () => limiter.releaseRunSlot('held'));
  look();
  await underFire(saboteur, () => limiter.releaseRunSlot('a'));
  look();
  await underFire(saboteur, () => stage.advance(500));
  look();
  await underFire(saboteur, () => limiter.releaseSessionSlot('s'));
  look();
  return { seen, outcomes: outcomes(asked) };
};

test('crashes of the limiter at every point being seen by nobody', async () => {
  const { trace } = await expectNoCrashSeen(play);
  expect(trace).toEqual({
    seen: [
      [
        [
          ['b', 3, 0, null],
          ['a', 0, 0, null],
          ['c', 0, 0, 500],
          ['d', 0, 0, null],
        ],
        ['held'],
      ],
      [
        [
          ['a', 0, 0, null],
          ['c', 0, 0, 500],
          ['d', 0, 0, null],
        ],
        ['b'],
      ],
      [
        [
          ['c', 0, 0, 500],
          ['d', 0, 0, null],
        ],
        ['b'],
      ],
      [[['d', 0, -500, null]], ['b']],
      [[], []],
    ],
    outcomes: ['withdrawn', 'granted', 'wait_timeout', 'session_released', 'max_runs_exceeded'],
  });
});

describe('a journal that cannot be written', () => {
  test('taking in no work that waits, and anybody else as ever', async () => {
    await using stage = await StorageStage.open({ limits: LIMITS });
    await stage.limiter.acquireRunSlot('s', 'held');
    stage.connection.pragma('query_only = ON');
    const first = ask(stage, 'first');
    await settle();
    const second = ask(stage, 'second');
    const other = attempt(stage.limiter.acquireRunSlot('s', 'other', FOR_EVER));
    await settle();
    const asked = [first, second, other];
    expect(outcomes(asked)).toEqual(['storage_unavailable', 'storage_unavailable', 'waiting']);
    stage.connection.pragma('query_only = OFF');
    await stage.advance(5_000);
    const third = ask(stage, 'third');
    await settle();
    expect([outcomes([third]), waitingIn(stage)]).toEqual([['waiting'], [['third', 0, 0, null]]]);
  });

  test('being told of who has left the queue meanwhile when it can be written again', async () => {
    await using stage = await StorageStage.open({ limits: LIMITS });
    await stage.limiter.acquireRunSlot('s', 'held');
    const asked = [ask(stage, 'a'), ask(stage, 'b')];
    await settle();
    stage.connection.pragma('query_only = ON');
    await stage.limiter.releaseRunSlot('a');
    await settle();
    expect(outcomes(asked)).toEqual(['withdrawn', 'waiting']);
    expect(waitingIn(stage)).toHaveLength(2);
    stage.connection.pragma('query_only = OFF');
    await stage.advance(5_000);
    expect(waitingIn(stage)).toEqual([['b', 0, -5_000, null]]);
  });
});

test('a wait that somebody has joined staying until the slot is granted', async () => {
  await using stage = await StorageStage.open({ limits: LIMITS });
  const held = await stage.limiter.acquireRunSlot('s', 'held');
  const controller = new AbortController();
  const first = ask(stage, 'a', { ...FOR_EVER, signal: controller.signal });
  const joined = attempt(stage.limiter.acquireRunSlot('s', 'a', FOR_EVER));
  await settle();
  controller.abort('gone');
  await settle();
  await held.release();
  await settle();
  expect([first.error, ...outcomes([joined])]).toEqual(['gone', 'granted']);
  expect(waitingIn(stage)).toEqual([]);
});

test('a wait without an order leaving nothing in the journal', async () => {
  await using stage = await StorageStage.open({ limits: LIMITS });
  await stage.limiter.acquireRunSlot('s', 'held');
  const asked = attempt(stage.limiter.acquireRunSlot('s', 'a', FOR_EVER));
  await settle();
  expect([outcomes([asked]), waitingIn(stage)]).toEqual([['waiting'], []]);
});

describe('a drain that keeps work that waits', () => {
  /** One is held, two wait, one of them as work; who was refused, what began when, what the file said. */
  const drainPlay: Play<unknown> = async (saboteur) => {
    await using stage = await StorageStage.open({ limits: LIMITS, faultPoints: saboteur });
    const { limiter } = stage;
    await limiter.acquireRunSlot('s', 'held');
    const asked = [
      ask(stage, 'work'),
      attempt(limiter.acquireRunSlot('s', 'other', FOR_EVER)),
      ask(stage, 'patient', { waitTimeoutMs: 500 }),
    ];
    await settle();
    const seen: unknown[] = [];
    const look = () => seen.push([outcomes(asked), waitingIn(stage).length, stage.runsInFile]);
    const drained = await underFire(saboteur, () => [
      attempt(limiter.drain({ timeoutMs: Infinity, waiting: 'keep' })),
    ]);
    look();
    await underFire(saboteur, () => limiter.releaseRunSlot('held'));
    look();
    await underFire(saboteur, () => stage.advance(500));
    look();
    await underFire(saboteur, () => limiter.resume());
    look();
    return { seen, drained: drained.map(({ value }) => value) };
  };

  test('granting none of it before resume, whatever crashes', async () => {
    const { trace } = await expectNoCrashSeen(drainPlay);
    expect(trace).toEqual({
      seen: [
        [['waiting', 'draining', 'waiting'], 2, ['held']],
        [['waiting', 'draining', 'waiting'], 2, []],
        [['waiting', 'draining', 'wait_timeout'], 1, []],
        [['granted', 'draining', 'wait_timeout'], 0, ['work']],
      ],
      drained: [{ drained: true, heldRuns: 0, refusedWaiters: 1, holders: [] }],
    });
  });

  test('refusing it when a drain that does not comes after', async () => {
    await using stage = await StorageStage.open({ limits: LIMITS });
    const { limiter } = stage;
    await limiter.acquireRunSlot('s', 'held');
    const work = ask(stage, 'work');
    await limiter.drain({ timeoutMs: 0, waiting: 'keep' });
    expect(outcomes([work])).toEqual(['waiting']);
    expect(await limiter.drain({ timeoutMs: 0 })).toMatchObject({ refusedWaiters: 1 });
    expect([outcomes([work]), waitingIn(stage)]).toEqual([['draining'], []]);
  });

  test('refusing any other word for it', async () => {
    await using stage = await StorageStage.open({ limits: LIMITS });
    const drained = stage.limiter.drain({ waiting: 'cancel' as never });
    await expect(drained).rejects.toMatchObject({ code: 'invalid_option' });
  });
});

test('work that is kept for the next process not beginning after a crash, where there is room', async () => {
  await using stage = await StorageStage.open({ limits: LIMITS });
  const { limiter } = stage;
  await limiter.acquireRunSlot('s', 'held');
  const work = ask(stage, 'work');
  await settle();
  using rebuilt = recordEvents(['tables_rebuilt']);
  const { waitingOrders } = Reflect.get(limiter, 'survivors') as Survivors; // its own
  waitingOrders.areKept = true;
  await limiter.releaseRunSlot('held');
  exit(limiter.ref, 'killed');
  await settle();
  expect([outcomes([work]), rebuilt.events]).toEqual([['waiting'], []]);
  expect([waitingIn(stage), stage.runsInFile]).toEqual([[['work', 0, 0, null]], []]);
});
