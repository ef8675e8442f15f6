/**
 * Where the loop's share is used up, slots are given on the spot, and their callers are told in the next
 * macrotask.
 */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  type ConcurrencyLimiter,
  SlotkeeperError,
  startConcurrencyLimiter,
} from '../../src/index.ts';
import { Batch } from '../../src/limiter/batch.ts';
import { stopped } from '../../src/limiter/closing.ts';
import { Desk } from '../../src/limiter/desk.ts';
import { DEFAULT_LIMITS } from '../../src/slots/limits.ts';
import { RunIds } from '../../src/slots/run-ids.ts';
import { SlotTables } from '../../src/slots/slot-tables.ts';
import { SimulatedClock } from '../../src/testing.ts';

/** More than one macrotask's share of messages. */
const SHARE = 1_200;

/** Uses up the share of this macrotask with messages that are served on this stack. */
function useUpTheShare(limiter: ConcurrencyLimiter): void {
  for (let spent = 0; spent < SHARE; spent += 2) {
    if (limiter.getStatus().state !== 'accepting') return;
    const slot = limiter.tryAcquireRunSlot('s', 'spent');
    if ('release' in slot) void slot.release();
  }
}

/** What of `promises` has settled when all microtasks of this macrotask have run. */
async function settledSoon(...promises: readonly Promise<unknown>[]): Promise<boolean[]> {
  const settled = promises.map(() => false);
  for (const [place, promise] of promises.entries()) {
    const note = (): void => {
      settled[place] = true;
    };
    promise.then(note, note);
  }
  for (let tick = 0; tick < 100; tick += 1) await undefined;
  return settled;
}

async function startBusy(options?: Parameters<typeof startConcurrencyLimiter>[0]) {
  const limiter = await startConcurrencyLimiter(options);
  await setImmediate();
  useUpTheShare(limiter);
  return limiter;
}

describe('a limiter whose share of the loop is used up', () => {
  test('giving a slot at once and telling of it in the next macrotask', async () => {
    await using limiter = await startBusy();
    const asked = limiter.acquireRunSlot('s', 'r');
    expect(limiter.getStatus().activeRuns).toBe(1);
    expect(await settledSoon(asked)).toEqual([false]);
    expect((await asked).runId).toBe('r');
  });

  test('running what needs a slot in the next macrotask', async () => {
    await using limiter = await startBusy();
    const started: string[] = [];
    const done = limiter.withRunSlot('s', async () => void started.push('r'));
    expect([await settledSoon(done), started]).toEqual([[false], []]);
    await done;
    expect([started, limiter.getStatus().activeRuns]).toEqual([['r'], 0]);
  });

  test('freeing a slot at once and telling of it in the next macrotask', async () => {
    await using limiter = await startConcurrencyLimiter();
    const slot = await limiter.acquireRunSlot('s', 'r');
    await setImmediate();
    useUpTheShare(limiter);
    const released = slot.release();
    expect(limiter.getStatus().activeRuns).toBe(0);
    expect(await settledSoon(released)).toEqual([false]);
    expect(await released).toEqual({ sessions: 0, runs: 1, waiters: 0 });
  });

  test('giving on the spot to who tries, and takes no promise', async () => {
    await using limiter = await startBusy();
    expect(limiter.tryAcquireRunSlot('s', 'r')).toHaveProperty('token');
  });

  test('granting who waits in the next macrotask, before who comes', async () => {
    const limits = { maxParallelRuns: 1 };
    await using limiter = await startConcurrencyLimiter({ limits });
    const held = await limiter.acquireRunSlot('s', 'held');
    const first = limiter.acquireRunSlot('s', 'first', { waitTimeoutMs: Infinity });
    await setImmediate();
    for (let spent = 0; spent < SHARE; spent += 1) limiter.tryAcquireRunSlot('s', 'r');
    const released = held.release();
    expect(limiter.tryAcquireRunSlot('s', 'newcomer')).toMatchObject({ code: 'max_runs_exceeded' });
    await Promise.all([released, first]);
    expect([...limiter.list()]).toMatchObject([{ runId: 'first', state: 'held' }]);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    'running nothing once it has stopped (%i macrotasks after it was told to)',
    async (macrotasks) => {
      const limiter = await startConcurrencyLimiter();
      const states: string[] = [];
      const ended = limiter.stop();
      for (let macrotask = 0; macrotask < macrotasks; macrotask += 1) await setImmediate();
      useUpTheShare(limiter);
      const run = limiter.withRunSlot('s', async () => states.push(limiter.getStatus().state));
      const [end] = await Promise.allSettled([run, ended]);
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'stopped' });
      expect(states).not.toContain('stopped');
      expect(limiter.getStatus()).toMatchObject({ state: 'stopped', activeRuns: 0 });
    },
  );

  test.each([
    ['stopped', stopped],
    ['server_down', () => new SlotkeeperError('server_down', 'It has given up')],
  ])('not giving what it gave at once when it has ended meanwhile (%s)', async (code, fault) => {
    const tables = new SlotTables(DEFAULT_LIMITS, new RunIds('late-'));
    const desk = new Desk(tables, new Batch(), new SimulatedClock(), 5_000);
    const slot = desk.giveLater('a slot');
    desk.book.close(fault);
    await expect(slot).rejects.toMatchObject({ code });
  });

  test.each(['evicted', 'released', 'cascade'])(
    'telling what has lost its slot before it could begin (%s)',
    async (code) => {
      await using limiter = await startBusy({ limits: { maxParallelRuns: 1 } });
      const started: string[] = [];
      const lost = limiter.withRunSlot('s', async ({ signal }) => signal.throwIfAborted());
      const [row] = limiter.list();
      const runId = (row?.type === 'run' && row.runId) || '';
      if (code === 'evicted') void limiter.evict(runId, 'In the way');
      else if (code === 'released') void limiter.releaseRunSlot(runId);
      else void limiter.releaseSessionSlot('s');
      const next = limiter.withRunSlot('z', async () => void started.push('next'), {
        waitTimeoutMs: Infinity,
      });
      await expect(lost).rejects.toMatchObject({ name: 'SlotLostError', code });
      await next;
      expect([started, limiter.getStatus().activeRuns]).toEqual([['next'], 0]);
    },
  );

  test('obeying a signal at once', async () => {
    await using limiter = await startBusy();
    const abort = new AbortController();
    const asked = limiter.acquireRunSlot('s', 'r', { signal: abort.signal });
    abort.abort(new Error('Enough'));
    expect(await settledSoon(asked)).toEqual([true]);
    await expect(asked).rejects.toThrow('Enough');
    await setImmediate();
    expect(limiter.getStatus()).toMatchObject({ activeRuns: 0, waitingRuns: 0 });
  });

  test('serving timers and sockets while a crowd asks again and again', async () => {
    await using limiter = await startConcurrencyLimiter();
    let isOver = false;
    let jobs = 0;
    const job = async (): Promise<void> => {
      jobs += 1;
    };
    const caller = async (): Promise<void> => {
      while (!isOver) await limiter.withRunSlot('s', job);
    };
    const callers = Array.from({ length: 10 }, caller);
    for (let macrotask = 0; macrotask < 20; macrotask += 1) await setImmediate();
    isOver = true;
    await Promise.all(callers);
    expect(jobs).toBeGreaterThan(SHARE);
    expect(limiter.getStatus().activeRuns).toBe(0);
  });
});
