/**
 * Running a function in a slot: it has the slot while it runs, and the slot is given back however it ends.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, test } from 'vitest';
import { type RunSlot, sys } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import {
  attempt,
  counts,
  EMPTY,
  granted,
  lossOf,
  PATIENT,
  refusalOf,
  start,
} from '../../support/callers.ts';
import { faultOf, gate } from '../../support/servers.ts';
import { thenable } from '../../support/thenable.ts';

describe('withRunSlot', () => {
  test('holding a slot of the session while the function runs', async () => {
    await using limiter = await start();
    const seen = await limiter.withRunSlot('s1', async (slot) => {
      await settle();
      return [slot.sessionId, typeof slot.runId, typeof slot.token, counts(limiter).activeRuns];
    });
    expect(seen).toEqual(['s1', 'string', 'number', 1]);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test.each<[string, () => unknown]>([
    ['a value', () => 42],
    ['a promise', async () => 42],
    ['a thenable', () => thenable((resolve) => resolve(42))],
  ])('resolving with what the function returns: %s', async (_name, work) => {
    await using limiter = await start();
    expect(await limiter.withRunSlot('s1', work)).toBe(42);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test.each<[string, (error: Error) => unknown]>([
    [
      'throws',
      (error) => {
        throw error;
      },
    ],
    ['rejects', (error) => Promise.reject(error)],
  ])('rejecting with the error of a function that %s, the slot given back', async (_name, fail) => {
    await using limiter = await start();
    const error = new Error('work failed');
    await expect(limiter.withRunSlot('s1', () => fail(error))).rejects.toBe(error);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('having given the slot back when it settles', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const active: number[] = [];
    await limiter
      .withRunSlot('s1', () => {})
      .then(() => active.push(limiter.getStatus().activeRuns));
    await limiter
      .withRunSlot('s1', () => Promise.reject(new Error('x')))
      .catch(() => active.push(limiter.getStatus().activeRuns));
    expect(active).toEqual([0, 0]);
  });

  test('being refused when it is full, without calling the function', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    let calls = 0;
    const refused = limiter.withRunSlot('s1', () => {
      calls += 1;
    });
    expect((await refusalOf(refused)).code).toBe('max_runs_exceeded');
    expect(calls).toBe(0);
  });

  test('waiting when it is told to, then running', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const running = attempt(limiter.withRunSlot('s1', () => 'ran', PATIENT));
    await settle();
    expect(counts(limiter)).toMatchObject({ activeRuns: 1, waitingRuns: 1 });
    await held.release();
    await settle();
    expect(running.value).toBe('ran');
  });

  test('rejecting with the reason of its signal, without calling the function', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const controller = new AbortController();
    let calls = 0;
    const work = (): number => ++calls;
    const running = attempt(
      limiter.withRunSlot('s1', work, { ...PATIENT, signal: controller.signal }),
    );
    controller.abort('gave up');
    await settle();
    expect([running.error, calls]).toEqual(['gave up', 0]);
    expect(counts(limiter)).toMatchObject({ waitingRuns: 0 });
  });

  test('making an id for each run, all different', async () => {
    await using limiter = await start({ maxParallelRuns: Infinity });
    const open = gate();
    const ids = new Set<string>();
    const running = Array.from({ length: 1_000 }, () =>
      limiter.withRunSlot('s1', ({ runId }) => {
        ids.add(runId);
        return open.opened;
      }),
    );
    await settle();
    expect(limiter.getStatus().activeRuns).toBe(1_000);
    open.open();
    await Promise.all(running);
    expect(ids.size).toBe(1_000);
  });

  test('making ids that can be acquired again, and released', async () => {
    await using limiter = await start();
    const [again, token] = await limiter.withRunSlot('s1', async (slot) => {
      const same = await limiter.acquireRunSlot('s1', slot.runId);
      return [same.token, slot.token];
    });
    expect(again).toBe(token);
  });

  test('telling the function by its signal that the slot is lost', async () => {
    await using limiter = await start();
    const lost = limiter.withRunSlot('s1', async (slot) => {
      expect(slot.signal.aborted).toBe(false);
      await limiter.releaseSessionSlot('s1');
      return lossOf(slot);
    });
    expect(await lost).toBe('cascade');
  });

  test('letting the function finish that lost its slot, and freeing nobody else', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const open = gate<string>();
    const running = limiter.withRunSlot('s1', () => open.opened);
    await settle();
    await limiter.releaseSessionSlot('s1');
    await limiter.acquireRunSlot('s2', 'r2');
    open.open('done');
    expect(await running).toBe('done');
    expect(limiter.getStatus().activeRuns).toBe(1);
  });

  test('letting the function finish although the limiter has stopped', async () => {
    const limiter = await start();
    const open = gate<unknown>();
    const slots: RunSlot[] = [];
    const running = limiter.withRunSlot('s1', (slot) => {
      slots.push(slot);
      return open.opened;
    });
    await settle();
    await limiter.stop();
    expect(slots.map(lossOf)).toEqual(['stopped']);
    open.open('done');
    expect(await running).toBe('done');
  });

  test('telling what the function returned, although the limiter stops before the release', async () => {
    const limiter = await start();
    const open = gate<string>();
    const running = attempt(limiter.withRunSlot('s1', () => open.opened));
    await settle();
    await sys.suspend(limiter.ref);
    open.open('done');
    await settle();
    await limiter.stop();
    await settle();
    expect([running.outcome, running.value]).toEqual(['granted', 'done']);
  });

  test('calling the function outside of any turn: it may acquire synchronously', async () => {
    await using limiter = await start();
    const acquire = () => granted(limiter.tryAcquireRunSlot('s1', 'inner')).runId;
    expect(await limiter.withRunSlot('s1', acquire)).toBe('inner');
  });

  test('letting the function release its slot itself', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const result = await limiter.withRunSlot('s1', async (slot) => {
      await slot.release();
      return limiter.withRunSlot('s1', () => 'inner');
    });
    expect(result).toBe('inner');
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('passing on owner and kind', async () => {
    await using limiter = await start({ maxRunsPerKind: { exec: 1 }, maxRunsPerOwner: 1 });
    const open = gate();
    const running = limiter.withRunSlot('s1', () => open.opened, { owner: 'alice', kind: 'exec' });
    const codes = await Promise.all([
      refusalOf(limiter.acquireRunSlot('s1', 'r1', { owner: 'alice' })),
      refusalOf(limiter.acquireRunSlot('s1', 'r2', { kind: 'exec' })),
    ]);
    expect(codes.map(({ scope }) => scope)).toEqual(['owner', 'kind']);
    open.open();
    await running;
  });

  test('never throwing synchronously, whatever the function is', async () => {
    await using limiter = await start();
    const running = limiter.withRunSlot('s1', undefined as unknown as () => void);
    await expect(running).rejects.toThrow();
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('rejecting with stopped after the stop', async () => {
    const limiter = await start();
    await limiter.stop();
    expect((await faultOf(limiter.withRunSlot('s1', () => {}))).code).toBe('stopped');
  });
});

describe('the context of asynchronous work', () => {
  const storage = new AsyncLocalStorage<string>();

  test('being that of the caller in a function that ran at once', async () => {
    await using limiter = await start();
    const read = () => limiter.withRunSlot('s1', () => storage.getStore());
    const seen = await Promise.all(['a', 'b'].map((name) => storage.run(name, read)));
    expect(seen).toEqual(['a', 'b']);
  });

  test('being that of the caller in a function that waited, not of who released', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const read = () => limiter.withRunSlot('s1', () => storage.getStore(), PATIENT);
    const seen = ['a', 'b'].map((name) => storage.run(name, read));
    await storage.run('releaser', () => held.release());
    expect(await Promise.all(seen)).toEqual(['a', 'b']);
  });

  test('being that of the caller after a wait', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const seen = storage.run('waiter', async () => {
      await limiter.acquireRunSlot('s1', 'r2', PATIENT);
      return storage.getStore();
    });
    await storage.run('releaser', () => held.release());
    expect(await seen).toBe('waiter');
  });

  test('being that of the caller after a refusal', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const seen = storage.run('refused', async () => {
      await limiter.acquireRunSlot('s1', 'r2').catch(() => {});
      return storage.getStore();
    });
    expect(await seen).toBe('refused');
  });
});
