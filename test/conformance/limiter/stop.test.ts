/**
 * The stop: what is held ends, who waits is told, what comes later is told too, and nothing is left.
 */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { exit, localRegistry, sys } from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import {
  attempt,
  counts,
  EMPTY,
  lossOf,
  NOTHING_RELEASED,
  outcomes,
  start,
  wait,
} from '../../support/callers.ts';
import { faultOf } from '../../support/servers.ts';

describe('stop', () => {
  test('ending what is held, with stopped', async () => {
    const limiter = await start();
    const slots = [
      await limiter.acquireSessionSlot('s1'),
      await limiter.acquireRunSlot('s1', 'r1'),
      await limiter.acquireRunSlot('s2', 'r2'),
    ] as const;
    await limiter.stop();
    expect(slots.map(lossOf)).toEqual(['stopped', 'stopped', 'stopped']);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('telling who waits, joiners too', async () => {
    const limiter = await start({ maxParallelRuns: 1, maxParallelSessions: 1 });
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = [
      wait(limiter, ['s2']),
      wait(limiter, ['s1', 'r2']),
      wait(limiter, ['s1', 'r2', { waitTimeoutMs: 10 }]),
    ];
    await limiter.stop();
    await settle();
    expect(outcomes(waiting)).toEqual(['stopped', 'stopped', 'stopped']);
  });

  test('telling the calls that were not decided yet', async () => {
    const limiter = await start();
    await sys.suspend(limiter.ref);
    const asked = [
      attempt(limiter.acquireSessionSlot('s1')),
      attempt(limiter.acquireRunSlot('s1', 'r1')),
      attempt(limiter.setLimits({ maxParallelRuns: 1 })),
    ];
    await limiter.stop();
    await settle();
    expect(outcomes(asked)).toEqual(['stopped', 'stopped', 'stopped']);
  });

  test('leaving no release and no eviction without an answer', async () => {
    const limiter = await start();
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    await sys.suspend(limiter.ref);
    const ends = [
      attempt(slot.release()),
      attempt(limiter.releaseRunSlot('nobody')),
      attempt(limiter.evict('r1', 'it hangs')),
    ];
    await limiter.stop();
    await settle();
    expect(outcomes(ends)).toEqual(['granted', 'granted', 'granted']);
  });

  test('showing stopped in the status, with nothing held', async () => {
    const limiter = await start({ maxParallelRuns: 2 });
    await limiter.acquireRunSlot('s1', 'r1');
    const before = limiter.getStatus();
    await limiter.stop();
    expect(limiter.getStatus()).toMatchObject({ state: 'stopped', activeRuns: 0, waitingRuns: 0 });
    expect(limiter.getStatus().version).toBeGreaterThan(before.version);
  });

  test('resolving every time it is called', async () => {
    const limiter = await start();
    await Promise.all([limiter.stop(), limiter.stop()]);
    await limiter.stop();
    await limiter[Symbol.asyncDispose]();
    expect(limiter.getStatus().state).toBe('stopped');
  });

  test('coming at the end of a block', async () => {
    const limiters = [];
    {
      await using limiter = await start();
      limiters.push(limiter);
    }
    expect(limiters.map((limiter) => limiter.getStatus().state)).toEqual(['stopped']);
  });

  test('leaving no name, no timer that keeps the process alive, and none after its time', async () => {
    const clock = new SimulatedClock();
    const names = localRegistry.names();
    const limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    wait(limiter, ['s1', 'r2', { waitTimeoutMs: 1_000 }]);
    await limiter.stop();
    await settle();
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(1_000);
    expect(clock.allTimers).toBe(0);
    expect(localRegistry.names()).toEqual(names);
  });

  test('leaving no listener on the signals of its waiters', async () => {
    const limiter = await start({ maxParallelRuns: 1 });
    const { signal } = new AbortController();
    await limiter.acquireRunSlot('s1', 'r1', { signal });
    wait(limiter, ['s1', 'r2', { signal }]);
    await limiter.stop();
    await settle();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('leaving another limiter alone', async () => {
    await using other = await start();
    const limiter = await start();
    const slot = await other.acquireRunSlot('s1', 'r1');
    await limiter.stop();
    expect(slot.signal.aborted).toBe(false);
    expect(other.getStatus()).toMatchObject({ state: 'accepting', activeRuns: 1 });
  });

  test('letting a listener of a lost slot ask, and telling it stopped', async () => {
    const limiter = await start();
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    const asked: Promise<unknown>[] = [];
    slot.signal.addEventListener('abort', () => asked.push(limiter.acquireRunSlot('s1', 'r2')));
    const told = limiter.stop().then(() => Promise.all(asked.map(faultOf)));
    expect((await told).map(({ code }) => code)).toEqual(['stopped']);
  });
});

describe('stop at an awkward moment', () => {
  test('being asked for by who hears of a loss, in the turn of the loss', async () => {
    const limiter = await start();
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    const other = await limiter.acquireRunSlot('s1', 'r2');
    const stops: Promise<void>[] = [];
    slot.signal.addEventListener('abort', () => stops.push(limiter.stop()));
    expect(await limiter.releaseRunSlot('r1')).toEqual({ sessions: 0, runs: 1, waiters: 0 });
    await Promise.all(stops);
    expect([stops.length, limiter.getStatus().state, lossOf(other)]).toEqual([
      1,
      'stopped',
      'stopped',
    ]);
  });

  test('coming while the limiter is being restarted', async () => {
    const limiter = await start({ maxParallelRuns: 1 });
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    exit(limiter.ref, new Error('crash'));
    await limiter.stop();
    await settle();
    expect([waiting.outcome, lossOf(slot)]).toEqual(['stopped', 'stopped']);
    expect(limiter.getStatus()).toMatchObject({ state: 'stopped', activeRuns: 0, waitingRuns: 0 });
  });
});

describe('a limiter that was stopped', () => {
  test('rejecting every acquire and every change with stopped', async () => {
    const limiter = await start();
    await limiter.stop();
    const asked = [
      limiter.acquireSessionSlot('s1'),
      limiter.acquireRunSlot('s1', 'r1', { waitTimeoutMs: 10 }),
      limiter.withRunSlot('s1', () => {}),
      limiter.setLimits({ maxParallelRuns: 1 }),
    ];
    const codes = (await Promise.all(asked.map(faultOf))).map(({ code }) => code);
    expect(codes).toEqual(['stopped', 'stopped', 'stopped', 'stopped']);
  });

  test('resolving releases with zeros', async () => {
    const limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.stop();
    const reports = [limiter.releaseRunSlot('r1'), limiter.releaseSessionSlot('s1')];
    expect(await Promise.all(reports)).toEqual([NOTHING_RELEASED, NOTHING_RELEASED]);
  });

  test('still telling a wrong id from a stopped limiter when it releases', async () => {
    const limiter = await start();
    await limiter.stop();
    expect((await faultOf(limiter.releaseRunSlot(''))).code).toBe('invalid_id');
  });

  test('being followed by another of the same process', async () => {
    const first = await start({ maxParallelRuns: 1 });
    await first.acquireRunSlot('s1', 'r1');
    await first.stop();
    await using second = await start({ maxParallelRuns: 1 });
    expect((await second.acquireRunSlot('s1', 'r1')).runId).toBe('r1');
  });
});
