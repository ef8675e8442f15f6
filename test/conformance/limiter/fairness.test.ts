/**
 * Fairness: who waits is granted by arrival, or round robin between sessions or owners.
 */
import { describe, expect, test } from 'vitest';
import { exit, type LimiterOptions, startSlotkeeper } from '../../../src/index.ts';
import { recordEvents, settle } from '../../../src/testing.ts';
import {
  type AcquireOptions,
  ask,
  attempt,
  type Limiter,
  outcomes,
  start,
  wait,
} from '../../support/callers.ts';
import { expectNoCrashSeen, MANY_RESTARTS, underFire } from '../../support/crash-points.ts';
import { faultOf } from '../../support/servers.ts';
import { queueUp, turns, type Waiting } from '../../support/turns.ts';

type Fairness = NonNullable<LimiterOptions['fairness']>;

/** A limiter of one run, which is held by a session and an owner that nobody else has. */
async function full(fairness?: Fairness, limits: Parameters<typeof start>[0] = {}) {
  const options = { ...(fairness && { fairness }) };
  const limiter = await start({ maxParallelRuns: 1, ...limits }, options);
  await ask(limiter, ['s0', 'r0', { owner: 'nobody else' }]);
  return limiter;
}

/** One waiter per id: its group is its first letter, its session or its owner. */
function grouped(fairness: Fairness, ids: readonly string[], options?: AcquireOptions): Waiting[] {
  return ids.map((id) => {
    const group = `group ${id[0]}`;
    const mine = fairness === 'owner' ? { owner: group } : {};
    const sessionId = fairness === 'session' ? group : `session of ${id}`;
    return [id, sessionId, { ...options, ...mine }];
  });
}

const withPriority = (priority: number): AcquireOptions => ({ priority });

describe('by arrival', () => {
  test.each(['arrival', undefined] as const)('being the order with %s', async (fairness) => {
    await using limiter = await full(fairness);
    queueUp(limiter, grouped('session', ['a1', 'a2', 'b1', 'a3', 'b2']));
    queueUp(limiter, grouped('owner', ['c1'], withPriority(1)));
    expect(await turns(limiter, 'r0')).toEqual(['c1', 'a1', 'a2', 'b1', 'a3', 'b2']);
  });
});

describe.each(['session', 'owner'] as const)('round robin, fairness: %s', (fairness) => {
  const queue = (limiter: Limiter, ids: readonly string[], options?: AcquireOptions) =>
    queueUp(limiter, grouped(fairness, ids, options));

  test('granting the groups in turn, in the order in which they began to wait', async () => {
    await using limiter = await full(fairness);
    queue(limiter, ['b1', 'b2', 'b3', 'a1', 'c1', 'c2']);
    expect(await turns(limiter, 'r0')).toEqual(['b1', 'a1', 'c1', 'b2', 'c2', 'b3']);
  });

  test('granting by priority, then by arrival, within a group only', async () => {
    await using limiter = await full(fairness);
    queue(limiter, ['a1', 'a2']);
    queue(limiter, ['b1', 'b2'], withPriority(5));
    queue(limiter, ['a3'], withPriority(9));
    queue(limiter, ['b3'], withPriority(-1));
    expect(await turns(limiter, 'r0')).toEqual(['a3', 'b1', 'a1', 'b2', 'a2', 'b3']);
  });

  test('putting a group that begins to wait after all that wait then', async () => {
    await using limiter = await full(fairness);
    queue(limiter, ['a1', 'a2', 'a3', 'b1', 'b2']);
    expect(await turns(limiter, 'r0', 1)).toEqual(['a1']);
    queue(limiter, ['c1', 'c2']);
    expect(await turns(limiter, 'a1')).toEqual(['b1', 'a2', 'c1', 'b2', 'a3', 'c2']);
  });

  test('putting a group behind, when it has left and begins anew', async () => {
    await using limiter = await full(fairness);
    queue(limiter, ['a1', 'b1', 'c1']);
    await limiter.releaseRunSlot('a1');
    queue(limiter, ['a2']);
    expect(await turns(limiter, 'r0')).toEqual(['b1', 'c1', 'a2']);
  });

  test('leaving a group its turn, when another of it waits still', async () => {
    await using limiter = await full(fairness);
    queue(limiter, ['a1', 'a2', 'b1']);
    await limiter.releaseRunSlot('a1');
    expect(await turns(limiter, 'r0')).toEqual(['a2', 'b1']);
  });

  test('delaying nobody by more than one slot for ten thousand of another group', async () => {
    await using limiter = await full(fairness, { maxWaiters: Infinity });
    queue(
      limiter,
      Array.from({ length: 10_000 }, (_, n) => `a${n}`),
    );
    queue(limiter, ['b1']);
    expect(await turns(limiter, 'r0', 2)).toEqual(['a0', 'b1']);
  });

  test('granting in turn what is freed at once', async () => {
    await using limiter = await full(fairness);
    queue(limiter, ['a1', 'a2', 'a3', 'b1', 'c1']);
    using recorder = recordEvents(['run_slot_granted']);
    await limiter.setLimits({ maxParallelRuns: 5 });
    await settle();
    expect(recorder.events).toMatchObject(
      ['a1', 'b1', 'c1', 'a2'].map((runId) => ({ type: 'run_slot_granted', runId })),
    );
  });

  test('holding nobody back for a group, or one of it, that is blocked', async () => {
    await using limiter = await full(fairness, { maxRunsPerKind: { exec: 1 }, maxParallelRuns: 2 });
    await ask(limiter, ['s0', 'busy', { owner: 'nobody else', kind: 'exec' }]);
    queue(limiter, ['a1', 'a2', 'b1'], { kind: 'exec' });
    queue(limiter, ['b2', 'c1']);
    expect(await turns(limiter, 'r0')).toEqual(['b2', 'c1']);
    await limiter.releaseRunSlot('busy');
    await settle();
    expect(limiter.explain({ runId: 'a1' }).state).toBe('held');
  });

  test('granting a newcomer at once where there is room', async () => {
    await using limiter = await full(fairness, { maxRunsPerKind: { exec: 1 }, maxParallelRuns: 3 });
    await ask(limiter, ['s0', 'busy', { owner: 'nobody else', kind: 'exec' }]);
    queue(limiter, ['a1', 'b1'], { kind: 'exec' });
    queue(limiter, ['a2']);
    expect(limiter.explain({ runId: 'a2' }).state).toBe('held');
  });

  test('giving a joiner the place of the wait', async () => {
    await using limiter = await full(fairness);
    queue(limiter, ['a1', 'b1', 'b2']);
    queue(limiter, ['b2'], withPriority(9));
    expect(await turns(limiter, 'r0')).toEqual(['a1', 'b1', 'b2']);
  });

  test('keeping turns and groups over a restart', async () => {
    await using limiter = await full(fairness);
    queue(limiter, ['a1', 'a2', 'b1', 'b2', 'c1']);
    expect(await turns(limiter, 'r0', 1)).toEqual(['a1']);
    exit(limiter.ref, new Error('crash'));
    await settle();
    queue(limiter, ['d1']);
    expect(await turns(limiter, 'a1')).toEqual(['b1', 'c1', 'a2', 'd1', 'b2']);
  });

  test('granting in the same order when it crashes in the midst', async () => {
    const { trace, points } = await expectNoCrashSeen(async (faultPoints) => {
      const options = { fairness, faultPoints, restartIntensity: MANY_RESTARTS };
      await using limiter = await start({ maxParallelRuns: 1 }, options);
      await ask(limiter, ['s0', 'r0', { owner: 'nobody else' }]);
      queue(limiter, ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']);
      const first = await underFire(faultPoints, () => turns(limiter, 'r0', 1));
      await underFire(faultPoints, () => limiter.releaseRunSlot('b1'));
      queue(limiter, ['b2']);
      return [...first, ...(await turns(limiter, 'a1'))];
    });
    expect(points).toBeGreaterThan(0);
    expect(trace).toEqual(['a1', 'c1', 'a2', 'b2', 'c2', 'a3']);
  });

  test('being had of a keeper too', async () => {
    const limits = { maxParallelRuns: 1 };
    await using keeper = await startSlotkeeper({ limits, fairness });
    const { limiter } = keeper;
    await limiter.acquireRunSlot('s0', 'r0');
    const asked = grouped(fairness, ['a1', 'a2', 'b1']).map(([runId, sessionId, options]) =>
      attempt(limiter.acquireRunSlot(sessionId, runId, { ...options, waitTimeoutMs: Infinity })),
    );
    await limiter.setLimits({ maxParallelRuns: 3 });
    await settle();
    expect(outcomes(asked)).toEqual(['granted', 'waiting', 'granted']);
  });
});

describe('groups', () => {
  test('being one of all who have no owner', async () => {
    await using limiter = await full('owner');
    queueUp(limiter, [
      ['n1', 's1'],
      ['n2', 's2'],
      ['n3', 's3'],
      ['a1', 's4', { owner: 'alice' }],
    ]);
    expect(await turns(limiter, 'r0')).toEqual(['n1', 'a1', 'n2', 'n3']);
  });

  test('being those of the session, whoever its owner, with fairness of sessions', async () => {
    await using limiter = await full('session');
    queueUp(limiter, [
      ['a1', 's1', { owner: 'alice' }],
      ['b1', 's1', { owner: 'bob' }],
      ['a2', 's2', { owner: 'alice' }],
    ]);
    expect(await turns(limiter, 'r0')).toEqual(['a1', 'a2', 'b1']);
  });

  test('being those of the owner, whatever the session, with fairness of owners', async () => {
    await using limiter = await full('owner');
    queueUp(limiter, [
      ['a1', 's1', { owner: 'alice' }],
      ['a2', 's2', { owner: 'alice' }],
      ['b1', 's1', { owner: 'bob' }],
    ]);
    expect(await turns(limiter, 'r0')).toEqual(['a1', 'b1', 'a2']);
  });
});

describe('sessions that wait', () => {
  const ALICE = { owner: 'alice' };

  /** The order in which five sessions are granted: two of Alice, one of Bob, two of nobody. */
  async function granted(fairness: Fairness): Promise<string[]> {
    await using limiter = await start({ maxParallelSessions: 1 }, { fairness });
    await ask(limiter, ['s0', undefined, { owner: 'nobody else' }]);
    using recorder = recordEvents(['session_slot_granted']);
    wait(limiter, ['a1', undefined, ALICE]);
    wait(limiter, ['a2', undefined, { ...ALICE, priority: 1 }]);
    wait(limiter, ['n1']);
    wait(limiter, ['n2']);
    wait(limiter, ['b1', undefined, { owner: 'bob' }]);
    const order = () => recorder.events.map((event) => 'sessionId' in event && event.sessionId);
    await limiter.releaseSessionSlot('s0');
    await settle();
    for (let turn = 0; turn < 4; turn++) {
      await limiter.releaseSessionSlot(String(order()[turn]));
      await settle();
    }
    return order().map(String);
  }

  test('going round robin between owners with fairness of owners', async () => {
    expect(await granted('owner')).toEqual(['a2', 'n1', 'b1', 'a1', 'n2']);
  });

  test.each(['arrival', 'session'] as const)(
    'going by priority and arrival with %s',
    async (fairness) => {
      expect(await granted(fairness)).toEqual(['a2', 'a1', 'n1', 'n2', 'b1']);
    },
  );
});

describe('a fairness that there is not', () => {
  test.each(['fair', '', null, 5, true, {}])('being refused: %o', async (fairness) => {
    const wrong = { fairness } as unknown as LimiterOptions; // as a program in JavaScript may
    for (const started of [start({}, wrong), startSlotkeeper(wrong)]) {
      const fault = await faultOf(started);
      expect([fault.code, fault.message]).toEqual([
        'invalid_option',
        expect.stringContaining('fairness'),
      ]);
    }
  });
});
