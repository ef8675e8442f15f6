/**
 * Slots as values: what they show, and what can be done with them in whatever order.
 */
import { describe, expect, test } from 'vitest';
import { SlotLostError, sys } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { ask, attempt, counts, EMPTY, lossOf, start, wait } from '../../support/callers.ts';

describe.each<[string, string | undefined]>([
  ['session', undefined],
  ['run', 'r1'],
])('a slot of a %s', (_name, runId) => {
  test('releasing after the stop, with nothing to report', async () => {
    const limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    await limiter.stop();
    expect(await slot.release()).toEqual({ sessions: 0, runs: 0, waiters: 0 });
    await slot[Symbol.asyncDispose]();
  });

  test('releasing while the limiter is suspended, once it is resumed', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    await sys.suspend(limiter.ref);
    const releases = [attempt(slot.release()), attempt(slot.release())];
    await settle();
    expect(counts(limiter)).not.toEqual(EMPTY);
    await sys.resume(limiter.ref);
    await settle();
    expect(releases.map(({ outcome }) => outcome)).toEqual(['granted', 'granted']);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('releasing from within the listener of its own loss, as a no-op', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    const releases: Promise<unknown>[] = [];
    slot.signal.addEventListener('abort', () => releases.push(slot.release()));
    await limiter.releaseSessionSlot('s1');
    expect(await Promise.all(releases)).toEqual([{ sessions: 0, runs: 0, waiters: 0 }]);
  });

  test('aborting its signal once', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', runId]);
    let aborts = 0;
    slot.signal.addEventListener('abort', () => {
      aborts += 1;
    });
    await limiter.releaseSessionSlot('s1');
    await limiter.releaseSessionSlot('s1');
    await ask(limiter, ['s1', runId]);
    await limiter.releaseSessionSlot('s1');
    expect(aborts).toBe(1);
  });
});

describe('SlotLostError', () => {
  test('saying what was lost and why', async () => {
    await using limiter = await start();
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    await limiter.releaseSessionSlot('s1');
    const reason: unknown = slot.signal.reason;
    expect(reason).toBeInstanceOf(SlotLostError);
    expect(reason).toMatchObject({ name: 'SlotLostError', code: 'cascade' });
    expect(String(reason)).toContain('r1');
  });

  test('being thrown by throwIfAborted', async () => {
    await using limiter = await start();
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    await limiter.releaseRunSlot('r1');
    expect(() => slot.signal.throwIfAborted()).toThrow(SlotLostError);
  });
});

describe('slots of a wait', () => {
  test('being like those that were granted at once', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    await held.release();
    await settle();
    const slot = waiting.value;
    expect(slot).toMatchObject({ sessionId: 's1', runId: 'r2' });
    await limiter.releaseRunSlot('r2');
    expect(slot && lossOf(slot)).toBe('released');
  });
});
