/**
 * Random histories: whatever is asked in whatever order, the limiter tells everybody what a naive model
 * of the contract tells, and crashes between change nothing of it.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exit, type Limits } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import {
  type AcquireOptions,
  type Attempt,
  ask,
  attempt,
  outcomes,
  start,
} from '../../support/callers.ts';
import { type ModelCaller, SlotModel, type Wish } from '../../support/slot-model.ts';

type Op =
  | { readonly type: 'ask'; readonly wish: Wish }
  | { readonly type: 'releaseRun' | 'releaseSession'; readonly id: string }
  | { readonly type: 'giveUp'; readonly caller: number }
  | { readonly type: 'setLimits'; readonly limits: Partial<Limits> }
  | { readonly type: 'crash' };

const sessionId = fc.constantFrom('s0', 's1', 's2');
const runId = fc.constantFrom('r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7');
const owner = fc.constantFrom(undefined, 'alice', 'bob');
const kind = fc.constantFrom(undefined, 'exec', 'tool');
const priority = fc.integer({ min: -1, max: 1 });
const few = fc.constantFrom(1, 2, 3, Infinity);

const run: fc.Arbitrary<Wish> = fc.record({
  sessionId,
  runId,
  owner: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, owner),
  kind,
  priority,
  waits: fc.boolean(),
});
const session: fc.Arbitrary<Wish> = fc.record({ sessionId, owner, priority, waits: fc.boolean() });

const changes: fc.Arbitrary<Partial<Limits>> = fc.record(
  {
    maxParallelSessions: few,
    maxParallelRuns: few,
    maxRunsPerSession: few,
    maxSessionsPerOwner: few,
    maxRunsPerOwner: few,
    maxRunsPerKind: fc.record({ exec: few }),
  },
  { requiredKeys: [] },
);

const limits: fc.Arbitrary<Limits> = fc.record({
  maxParallelSessions: few,
  maxParallelRuns: few,
  maxRunsPerSession: few,
  maxSessionsPerOwner: few,
  maxRunsPerOwner: few,
  maxJobsPerOwner: fc.constantFrom(2, 4, Infinity),
  maxRunsPerKind: fc.record({ exec: few }, { requiredKeys: [] }),
  maxWaiters: fc.constantFrom(1, 3, 10_000),
});

const asking = fc.oneof({ weight: 3, arbitrary: run }, session);
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ type: fc.constant('ask' as const), wish: asking }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('releaseRun' as const), id: runId }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('releaseSession' as const), id: sessionId }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('giveUp' as const), caller: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('setLimits' as const), limits: changes }) },
);
const crash: fc.Arbitrary<Op> = fc.constant({ type: 'crash' });

interface Caller {
  readonly told: Attempt<unknown>;
  readonly expected: ModelCaller;
  readonly controller: AbortController;
}

function optionsOf({ owner, kind, priority, waits }: Wish, signal: AbortSignal): AcquireOptions {
  return {
    priority,
    ...(owner === undefined ? {} : { owner }),
    ...(kind === undefined ? {} : { kind }),
    ...(waits ? { waitTimeoutMs: Infinity, signal } : {}),
  };
}

/** A limiter and its model, asked the same. */
class Play {
  readonly callers: Caller[] = [];
  readonly model: SlotModel;
  private readonly limiter: Awaited<ReturnType<typeof start>>;

  constructor(limiter: Awaited<ReturnType<typeof start>>) {
    this.limiter = limiter;
    this.model = new SlotModel(limiter.getLimits());
  }

  async perform(one: Op): Promise<void> {
    const { limiter, model } = this;
    if (one.type === 'ask') this.ask(one.wish);
    if (one.type === 'giveUp') this.giveUp(this.callers[one.caller]);
    if (one.type === 'crash') exit(limiter.ref, new Error('crash'));
    if (one.type === 'releaseRun') {
      expect(await limiter.releaseRunSlot(one.id)).toEqual(model.releaseRun(one.id));
    }
    if (one.type === 'releaseSession') {
      expect(await limiter.releaseSessionSlot(one.id)).toEqual(model.releaseSession(one.id));
    }
    if (one.type === 'setLimits') {
      model.setLimits(one.limits);
      await limiter.setLimits(one.limits);
    }
  }

  /** Everything that can be seen is as the model says. */
  async compare(): Promise<void> {
    await settle();
    const told = outcomes(this.callers.map((caller) => caller.told));
    expect(told).toEqual(this.callers.map(({ expected }) => expected.outcome));
    expect(this.limiter.getStatus()).toMatchObject(this.model.counts());
  }

  private ask(wish: Wish): void {
    const controller = new AbortController();
    const options = optionsOf(wish, controller.signal);
    const asked = ask(this.limiter, [wish.sessionId, wish.runId, options]);
    this.callers.push({ told: attempt(asked), expected: this.model.ask(wish), controller });
  }

  private giveUp(caller: Caller | undefined): void {
    caller?.controller.abort('gave up');
    if (caller) this.model.giveUp(caller.expected);
  }
}

const LOOSE = { restartIntensity: { restarts: 1_000, withinMs: 5_000 } };

describe('histories', () => {
  test('telling each caller what the model tells, step by step', async () => {
    const histories = fc.asyncProperty(
      limits,
      fc.array(op, { minLength: 5, maxLength: 40, size: 'max' }),
      async (startLimits, ops) => {
        await using limiter = await start(startLimits, LOOSE);
        const play = new Play(limiter);
        for (const one of ops) {
          await play.perform(one);
          await play.compare();
        }
      },
    );
    await fc.assert(histories, { numRuns: 400 });
  });

  test('telling the same when many ask in one tick', async () => {
    const histories = fc.asyncProperty(
      limits,
      fc.array(fc.array(asking, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 5 }),
      fc.array(runId, { maxLength: 8 }),
      async (startLimits, bursts, releases) => {
        await using limiter = await start(startLimits, LOOSE);
        const play = new Play(limiter);
        for (const burst of bursts) {
          for (const wish of burst) play.perform({ type: 'ask', wish });
          await play.compare();
        }
        for (const id of releases) await play.perform({ type: 'releaseRun', id });
        await play.compare();
      },
    );
    await fc.assert(histories, { numRuns: 200 });
  });

  test('telling the same with crashes between', async () => {
    const histories = fc.asyncProperty(
      limits,
      fc.array(fc.oneof({ weight: 8, arbitrary: op }, crash), {
        minLength: 5,
        maxLength: 40,
        size: 'max',
      }),
      async (startLimits, ops) => {
        await using limiter = await start(startLimits, LOOSE);
        const play = new Play(limiter);
        for (const one of ops) {
          // While the limiter is down, releases and withdrawals would overtake acquires, by their lane.
          if (one.type !== 'ask' && one.type !== 'crash') await settle();
          await play.perform(one);
        }
        await play.compare();
      },
    );
    await fc.assert(histories, { numRuns: 300 });
  });
});
