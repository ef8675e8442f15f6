/**
 * The status: what it holds, that it is one frozen value while nothing changed, and that it is always
 * consistent with itself. From other threads: test/limiter/status-page.test.ts.
 */
import { describe, expect, test } from 'vitest';
import { openStatusReader, type Status, startSlotkeeper, sys } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { type Ask, ask, attempt, content, refusalOf, start, wait } from '../../support/callers.ts';

describe('getStatus', () => {
  test('telling everything of an idle limiter', async () => {
    await using limiter = await start({ maxParallelSessions: 2, maxParallelRuns: 3 });
    expect(limiter.getStatus()).toEqual({
      state: 'accepting',
      storage: 'ok',
      activeSessions: 0,
      activeRuns: 0,
      sessionlessRuns: 0,
      waitingSessions: 0,
      waitingRuns: 0,
      maxParallelSessions: 2,
      maxParallelRuns: 3,
      availableSessionSlots: 2,
      availableRunSlots: 3,
      version: expect.any(Number),
      restarts: 0,
    });
  });

  test('telling what is held and what waits', async () => {
    await using limiter = await start({ maxParallelSessions: 1, maxParallelRuns: 2 });
    const asks: Ask[] = [['s1'], ['s1', 'r1'], ['s2', 'r2']];
    for (const one of asks) await ask(limiter, one);
    for (const one of [['s2'], ['s3'], ['s1', 'r3']] as Ask[]) wait(limiter, one);
    expect(content(limiter.getStatus())).toEqual({
      state: 'accepting',
      storage: 'ok',
      activeSessions: 1,
      activeRuns: 2,
      sessionlessRuns: 1,
      waitingSessions: 2,
      waitingRuns: 1,
      maxParallelSessions: 1,
      maxParallelRuns: 2,
      availableSessionSlots: 0,
      availableRunSlots: 0,
    });
  });

  test('being frozen', async () => {
    await using limiter = await start();
    const status = limiter.getStatus();
    expect(Object.isFrozen(status)).toBe(true);
    expect(() => Object.assign(status, { activeRuns: 9 })).toThrow(TypeError);
  });

  test('being the same value while nothing changes', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const { token } = await limiter.acquireRunSlot('s1', 'r1');
    const status = limiter.getStatus();
    await limiter.acquireRunSlot('s1', 'r1');
    await refusalOf(limiter.acquireRunSlot('s1', 'r2'));
    await limiter.releaseRunSlot('nobody');
    await limiter.releaseRunSlot('r1', { token: token + 1_000 });
    expect(limiter.getStatus()).toBe(status);
  });

  test('leaving a status that was read as it was', async () => {
    await using limiter = await start();
    const before = limiter.getStatus();
    await limiter.acquireRunSlot('s1', 'r1');
    expect([before.activeRuns, limiter.getStatus().activeRuns]).toEqual([0, 1]);
  });

  test('rising in version with every change', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const versions = [limiter.getStatus().version];
    const note = (): unknown => versions.push(limiter.getStatus().version);
    await limiter.acquireSessionSlot('s1').then(note);
    const held = await limiter.acquireRunSlot('s1', 'r1');
    note();
    wait(limiter, ['s1', 'r2']);
    note();
    await held.release().then(note);
    await limiter.setLimits({ maxParallelRuns: 2 }).then(note);
    await limiter.releaseSessionSlot('s1').then(note);
    const sorted = [...versions].sort((one, other) => one - other);
    expect(versions).toEqual(sorted);
    expect(new Set(versions).size).toBe(versions.length);
  });

  test('being visible to who is answered', async () => {
    await using limiter = await start({ maxParallelRuns: Infinity });
    const seen: boolean[] = [];
    const asked = Array.from({ length: 100 }, async (_, n) => {
      await limiter.acquireRunSlot('s1', `r${n}`);
      seen.push(limiter.getStatus().activeRuns > n);
    });
    await Promise.all(asked);
    expect(seen).toEqual(Array(100).fill(true));
  });

  test('answering while the limiter is suspended', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    await sys.suspend(limiter.ref);
    attempt(limiter.acquireRunSlot('s1', 'r2'));
    expect(limiter.getStatus()).toMatchObject({ state: 'accepting', activeRuns: 1 });
    await sys.resume(limiter.ref);
  });

  test("being part of the keeper's, which is the same object while nothing has changed", async () => {
    await using keeper = await startSlotkeeper();
    await keeper.limiter.acquireRunSlot('s1', 'r1');
    const status = keeper.getStatus();
    expect(status).toEqual({ ...keeper.limiter.getStatus(), openSessions: 0, stuckRuns: 0 });
    expect(keeper.getStatus()).toBe(status);
    expect(Object.isFrozen(status)).toBe(true);
  });
});

describe('sessionlessRuns', () => {
  test('counting the runs whose session holds no slot', async () => {
    await using limiter = await start();
    await limiter.acquireSessionSlot('s1');
    for (const one of [
      ['s1', 'r1'],
      ['s2', 'r2'],
      ['s2', 'r3'],
    ] as Ask[])
      await ask(limiter, one);
    expect(limiter.getStatus()).toMatchObject({ activeRuns: 3, sessionlessRuns: 2 });
  });

  test('counting them no longer once their session is acquired', async () => {
    await using limiter = await start();
    for (const id of ['r1', 'r2']) await limiter.acquireRunSlot('s1', id);
    await limiter.acquireSessionSlot('s1');
    expect(limiter.getStatus()).toMatchObject({ activeRuns: 2, sessionlessRuns: 0 });
  });

  test('falling with each release', async () => {
    await using limiter = await start();
    for (const id of ['r1', 'r2', 'r3']) await limiter.acquireRunSlot('s1', id);
    await limiter.releaseRunSlot('r1');
    expect(limiter.getStatus().sessionlessRuns).toBe(2);
    await limiter.releaseSessionSlot('s1');
    expect(limiter.getStatus().sessionlessRuns).toBe(0);
  });

  test('counting a run whose session waits', async () => {
    await using limiter = await start({ maxParallelSessions: 1 });
    await limiter.acquireSessionSlot('s1');
    wait(limiter, ['s2']);
    await limiter.acquireRunSlot('s2', 'r1');
    expect(limiter.getStatus().sessionlessRuns).toBe(1);
    await limiter.releaseSessionSlot('s1');
    await settle();
    expect(limiter.getStatus().sessionlessRuns).toBe(0);
  });
});

describe('openStatusReader', () => {
  test('reading what getStatus tells', async () => {
    await using limiter = await start({ maxParallelSessions: Infinity, maxParallelRuns: 2 });
    const reader = openStatusReader(limiter.statusBuffer);
    const pairs: [Status, Status][] = [[reader.read(), limiter.getStatus()]];
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    pairs.push([reader.read(), limiter.getStatus()]);
    await limiter.setLimits({ maxParallelRuns: Infinity });
    pairs.push([reader.read(), limiter.getStatus()]);
    for (const [read, told] of pairs) expect(read).toEqual(told);
  });

  test('reading a status that is frozen', async () => {
    await using limiter = await start();
    expect(Object.isFrozen(openStatusReader(limiter.statusBuffer).read())).toBe(true);
  });

  test('reading stopped after the stop', async () => {
    const limiter = await start();
    const reader = openStatusReader(limiter.statusBuffer);
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.stop();
    expect(reader.read()).toEqual(limiter.getStatus());
    expect(reader.read()).toMatchObject({ state: 'stopped', activeRuns: 0 });
  });

  test('reading numbers that are large', async () => {
    await using limiter = await start({ maxParallelSessions: 2 ** 31 - 1 });
    const status = openStatusReader(limiter.statusBuffer).read();
    expect(status).toMatchObject({
      maxParallelSessions: 2 ** 31 - 1,
      availableSessionSlots: 2 ** 31 - 1,
    });
  });

  test('being one buffer for the life of the limiter, made of shared memory', async () => {
    await using limiter = await start();
    const { statusBuffer } = limiter;
    await limiter.acquireRunSlot('s1', 'r1');
    expect(limiter.statusBuffer).toBe(statusBuffer);
    expect(statusBuffer).toBeInstanceOf(SharedArrayBuffer);
  });
});
