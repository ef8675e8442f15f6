/**
 * A limiter whose journal cannot be written: nothing is granted that is not written down, what ends has
 * ended, and once it can be written again all that was owed stands in the file.
 */
import { describe, expect, test } from 'vitest';
import { openStatusReader, RefusalError } from '../../src/index.ts';
import { settle } from '../../src/testing.ts';
import { attempt, outcomes, refusalOf, wait } from '../support/callers.ts';
import { FAILURES, StorageStage } from '../support/storage-stage.ts';

/** Two durable sessions; runs `a` and `b` are held, `w1` and `w2` wait. */
async function setTheStage() {
  const stage = await StorageStage.open();
  const { limiter } = stage;
  await limiter.acquireSessionSlot('d1', { durable: true });
  await limiter.acquireSessionSlot('d2', { durable: true });
  await limiter.acquireRunSlot('d1', 'a');
  await limiter.acquireRunSlot('d2', 'b');
  const waiters = [wait(limiter, ['d1', 'w1']), wait(limiter, ['d1', 'w2'])];
  await settle();
  return { stage, limiter, waiters };
}

describe.each(FAILURES)('the storage: $name', (failure) => {
  test('each call being answered as a degraded limiter answers it', async () => {
    const { stage, limiter, waiters } = await setTheStage();
    await using _ = stage;
    await failure.break(stage);
    const asked = [
      attempt(limiter.releaseRunSlot('a')),
      attempt(limiter.acquireRunSlot('d1', 'c')),
      attempt(limiter.acquireRunSlot('d1', 'c', { waitTimeoutMs: Infinity })),
      attempt(limiter.acquireRunSlot('d2', 'b')),
      attempt(limiter.acquireRunSlot('d1', 'b')),
      attempt(limiter.acquireSessionSlot('d1', { durable: true })),
      attempt(limiter.acquireSessionSlot('d3')),
      attempt(limiter.setLimits({ maxParallelRuns: 9 })),
      attempt(limiter.resetLimits()),
      attempt(limiter.releaseRunSlot('nobody')),
    ];
    await settle();
    expect(outcomes(asked)).toEqual([
      'granted',
      'storage_unavailable',
      'storage_unavailable',
      'granted',
      'run_id_conflict',
      'granted',
      'max_sessions_exceeded',
      'storage_unavailable',
      'storage_unavailable',
      'granted',
    ]);
    expect(asked[0]?.value).toEqual({ sessions: 0, runs: 1, waiters: 0 });
    expect(asked[1]?.error).toBeInstanceOf(RefusalError);
    expect(asked[1]?.error).toMatchObject({ retryable: true });
    expect(limiter.getLimits().maxParallelRuns).toBe(2);
    expect(outcomes(waiters)).toEqual(['waiting', 'waiting']);
    const refusal = await refusalOf(limiter.tryAcquireRunSlot('d1', 'c'));
    expect(refusal.code).toBe('storage_unavailable');
  });

  test('being told: in the status, on the page, by an event, in the explanation of a waiter', async () => {
    const { stage, limiter } = await setTheStage();
    await using _ = stage;
    const page = openStatusReader(limiter.statusBuffer);
    await failure.break(stage);
    await limiter.releaseRunSlot('a');
    const status = { storage: 'degraded', state: 'accepting', activeRuns: 1, waitingRuns: 2 };
    expect(limiter.getStatus()).toMatchObject(status);
    expect(page.read()).toEqual(limiter.getStatus());
    expect(stage.told).toEqual(['storage_degraded']);
    expect(stage.events.events[0]).toMatchObject({ journal: stage.path });
    const { text } = limiter.explain({ runId: 'w1' }) as { text: string }; // it waits
    expect(text).toContain('Nothing is granted while the journal cannot be written');
  });

  test('being mended: what was owed is in the file, and who waits is granted in order', async () => {
    const { stage, limiter, waiters } = await setTheStage();
    await using _ = stage;
    await failure.break(stage);
    await limiter.releaseRunSlot('a');
    await stage.advance(30_000);
    expect(outcomes(waiters)).toEqual(['waiting', 'waiting']);
    failure.mend(stage);
    await stage.advance(5_000);
    expect(limiter.getStatus()).toMatchObject({ storage: 'ok', activeRuns: 2, waitingRuns: 1 });
    expect(outcomes(waiters)).toEqual(['granted', 'waiting']);
    expect(stage.runsInFile).toEqual(['b', 'w1']);
    expect(stage.told).toEqual(['storage_degraded', 'storage_recovered']);
    expect(stage.events.events[1]).toMatchObject({ journal: stage.path });
    await limiter.acquireSessionSlot('d1', { durable: true });
    await limiter.releaseRunSlot('b');
    await settle();
    expect(outcomes(waiters)).toEqual(['granted', 'granted']);
    await limiter.stop();
    await stage.start();
    const { sessions, runs } = stage.read();
    expect([sessions.map(({ sessionId }) => sessionId), runs]).toEqual([['d1', 'd2'], []]);
  });

  test('a session that is released meanwhile not being there again', async () => {
    const { stage, limiter } = await setTheStage();
    await using _ = stage;
    await failure.break(stage);
    expect(await limiter.releaseSessionSlot('d1')).toEqual({ sessions: 1, runs: 1, waiters: 2 });
    failure.mend(stage);
    await stage.advance(5_000);
    expect(stage.read().sessions.map(({ sessionId }) => sessionId)).toEqual(['d2']);
    await limiter.stop();
    await stage.start();
    expect(stage.limiter.getStatus()).toMatchObject({ activeSessions: 1, activeRuns: 0 });
  });

  test('stopping meanwhile, with no timer left', async () => {
    const { stage, limiter, waiters } = await setTheStage();
    await failure.break(stage);
    await limiter.releaseRunSlot('a');
    await stage[Symbol.asyncDispose]();
    expect(outcomes(waiters)).toEqual(['stopped', 'stopped']);
    expect(limiter.getStatus()).toMatchObject({ state: 'stopped', activeRuns: 0 });
    await stage.advance(10_000); // the deadlines of calls have one timer, which fires once more
    expect(stage.clock.allTimers).toBe(0);
  });
});

describe('a degraded limiter', () => {
  test('trying again after 100 ms, then after twice as long each time, up to 5 s', async () => {
    const { stage, limiter } = await setTheStage();
    await using _ = stage;
    stage.connection.pragma('query_only = ON');
    await limiter.releaseRunSlot('a');
    const since = stage.clock.monotonicNow();
    const tries: number[] = [];
    const { journal } = stage;
    const probe = journal.probe.bind(journal);
    journal.probe = () => {
      tries.push(stage.clock.monotonicNow() - since);
      probe();
    };
    await stage.advance(30_000);
    expect(tries).toEqual([100, 300, 700, 1_500, 3_100, 6_300, 11_300, 16_300, 21_300, 26_300]);
    stage.connection.pragma('query_only = OFF');
    await stage.advance(5_000);
    expect(stage.events.events.at(-1)).toMatchObject({ degradedMs: 31_300, written: 2 });
    stage.connection.pragma('query_only = ON');
    await limiter.releaseRunSlot('b');
    tries.length = 0;
    await stage.advance(100);
    expect(tries).toHaveLength(1);
  });

  test('not granting who waits when the file takes a probe, and the grant no more', async () => {
    const stage = await StorageStage.open();
    await using _ = stage;
    const { limiter, journal } = stage;
    await limiter.acquireRunSlot('s', 'a');
    await limiter.acquireRunSlot('s', 'b');
    const waiter = wait(limiter, ['s', 'w']);
    await settle();
    const commit = journal.commit.bind(journal);
    journal.commit = (changes) => {
      if (changes.some(({ type }) => type === 'run_slot_granted')) throw new Error('full');
      commit(changes);
    };
    await limiter.releaseRunSlot('a');
    await stage.advance(20_000);
    expect(waiter.outcome).toBe('waiting');
    expect(limiter.getStatus()).toMatchObject({ storage: 'degraded', activeRuns: 1 });
    expect(stage.runsInFile).toEqual(['b']);
    expect(stage.told).toEqual(['storage_degraded']);
    journal.commit = commit;
    await stage.advance(5_000);
    expect(waiter.outcome).toBe('granted');
    expect(stage.runsInFile).toEqual(['b', 'w']);
    expect(stage.told).toEqual(['storage_degraded', 'storage_recovered']);
  });

  test('refusing what stands behind a look at the file in the same turn, when both fail', async () => {
    const stage = await StorageStage.open();
    await using _ = stage;
    const { limiter, journal } = stage;
    const { commit } = journal;
    journal.commit = () => {
      throw new Error('full');
    };
    const looked = stage.clock.advance(1_000);
    const asked = stage.clock.setTimeout(() => {
      Reflect.get(limiter, 'survivors').desk.examineStorage();
      attempts.push(attempt(limiter.acquireRunSlot('s', 'r')));
    }, 1);
    const attempts: { outcome: string }[] = [];
    await looked;
    stage.clock.clearTimeout(asked);
    journal.commit = commit;
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['storage_unavailable']);
    expect(stage.runsInFile).toEqual([]);
  });
});
