/**
 * The write path with a journal that keeps what it is given: a turn is one batch, and nobody is told
 * before it is committed.
 */
import { describe, expect, test } from 'vitest';
import { RefusalError } from '../../src/index.ts';
import { ConcurrencyLimiter } from '../../src/limiter/limiter.ts';
import { CrashAt, STEPS, settle } from '../../src/testing.ts';
import { startLimiterTree } from '../../supervisors/start-limiter.ts';
import { RecordingJournal } from '../support/recording-journal.ts';

async function arrange(maxParallelRuns = 1_000) {
  const journal = new RecordingJournal();
  const faultPoints = new CrashAt();
  const options = { limits: { maxParallelRuns }, faultPoints, journal };
  const { survivors, tree } = await startLimiterTree(options);
  const limiter = new ConcurrencyLimiter(survivors);
  journal.shows = () => limiter.getStatus().activeRuns;
  return { journal, faultPoints, limiter, [Symbol.asyncDispose]: () => tree.stop() };
}

const FOR_EVER = { waitTimeoutMs: Infinity };

describe('a durable journal', () => {
  test('getting all that is asked in one tick as one batch', async () => {
    await using stage = await arrange();
    const { journal, limiter } = stage;
    const ids = Array.from({ length: 500 }, (_, index) => `r${index}`);
    await Promise.all(ids.map((id) => limiter.acquireRunSlot('s', id)));
    expect(journal.batches.map(({ length }) => length)).toEqual([500]);
    expect(journal.held).toEqual(ids);
  });

  test('being written before anything is shown or answered', async () => {
    await using stage = await arrange();
    const { journal, limiter } = stage;
    const slot = await limiter.acquireRunSlot('s', 'r');
    await slot.release();
    expect(journal.shown).toEqual([0, 1]);
    expect(limiter.getStatus().activeRuns).toBe(0);
  });

  test('answering in the order of asking', async () => {
    await using stage = await arrange(1);
    const { limiter } = stage;
    const answers: string[] = [];
    const ask = (id: string) =>
      limiter.acquireRunSlot('s', id).then(
        () => answers.push(id),
        ({ code }) => answers.push(code),
      );
    await Promise.all(['r1', 'r2', 'r1'].map(ask));
    expect(answers.sort()).toEqual(['max_runs_exceeded', 'r1', 'r1']);
  });

  test('getting nothing of a refusal or an idempotent repeat', async () => {
    await using stage = await arrange(1);
    const { journal, limiter } = stage;
    await limiter.acquireRunSlot('s', 'r1');
    await limiter.acquireRunSlot('s', 'r1');
    await expect(limiter.acquireRunSlot('s', 'r2')).rejects.toBeInstanceOf(RefusalError);
    expect(journal.batches).toHaveLength(1);
  });

  test('getting a release and the grants that it leads to in one batch', async () => {
    await using stage = await arrange(1);
    const { journal, limiter } = stage;
    const first = await limiter.acquireRunSlot('s', 'r1');
    const second = limiter.acquireRunSlot('s', 'r2', FOR_EVER);
    await settle();
    await first.release();
    await second;
    const types = journal.batches.map((batch) => batch.map(({ type }) => type));
    expect(types).toEqual([['run_slot_granted'], ['run_slot_ended', 'run_slot_granted']]);
  });

  test('being committed before tryAcquireRunSlot returns, with all that was asked before it', async () => {
    await using stage = await arrange(2);
    const { journal, limiter } = stage;
    const asked = limiter.acquireRunSlot('s', 'r1');
    const slot = limiter.tryAcquireRunSlot('s', 'r2');
    expect(slot).not.toBeInstanceOf(Error);
    expect(journal.held).toEqual(['r1', 'r2']);
    await asked;
  });

  test.each(STEPS.flatMap((step) => [['before', step] as const, ['after', step] as const]))(
    'hiding a crash %s %s from all who share the batch',
    async (moment, step) => {
      await using stage = await arrange(2);
      const { journal, faultPoints, limiter } = stage;
      const held = await limiter.acquireRunSlot('s', 'r1');
      await limiter.acquireRunSlot('s', 'r2');
      const waiter = limiter.acquireRunSlot('s', 'w1', FOR_EVER);
      await settle();
      faultPoints.arm(moment, step);
      const released = held.release();
      const refused = limiter.acquireRunSlot('s', 'r3').catch(({ code }) => code);
      const next = limiter.acquireRunSlot('s', 'w2', FOR_EVER);
      expect(await released).toEqual({ sessions: 0, runs: 1, waiters: 0 });
      expect((await waiter).runId).toBe('w1');
      expect(await refused).toBe('max_runs_exceeded');
      expect(faultPoints.crashes).toBe(1);
      expect(limiter.getStatus()).toMatchObject({ activeRuns: 2, waitingRuns: 1, restarts: 1 });
      expect(journal.held.sort()).toEqual(['r2', 'w1']);
      await limiter.releaseRunSlot('r2');
      expect((await next).runId).toBe('w2');
    },
  );
});
