/**
 * Who listens to a holder: the limiter, once, as long as the holder has a slot or waits for one.
 */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { exit } from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import {
  type AcquireOptions,
  ask,
  attempt,
  counts,
  EMPTY,
  type Limiter,
  refusalOf,
  type Slot,
  start,
  wait,
} from '../../support/callers.ts';
import { type Holder, watchedActor } from '../../support/holders.ts';

/** A holder, and how many listen to it. */
interface Watched {
  readonly holder: Holder;
  listeners(): number;
}

function watchedSignal(): Watched {
  const { signal } = new AbortController();
  return { holder: signal, listeners: () => getEventListeners(signal, 'abort').length };
}

function watchedActorRef(): Watched {
  const { ref, listeners } = watchedActor();
  return { holder: ref, listeners };
}

/** Several slots of one holder. */
function several(limiter: Limiter, { holder }: Watched): Promise<Slot[]> {
  const asked = [
    ['s1', undefined, { holder }],
    ['s1', 'r1', { holder }],
    ['s2', 'r2', { holder }],
  ] as const;
  return Promise.all(asked.map((one) => ask(limiter, one)));
}

describe.each([
  ['a signal', watchedSignal],
  ['an actor', watchedActorRef],
])('the listeners of %s', (_name, watch) => {
  test('being one, however many slots and waits it has', async () => {
    await using limiter = await start({ maxParallelRuns: 2, maxParallelSessions: 1 });
    const watched = watch();
    await several(limiter, watched);
    expect(watched.listeners()).toBe(1);
    for (const runId of [undefined, 'r3', 'r4']) {
      wait(limiter, ['s3', runId, { holder: watched.holder }]);
    }
    await settle();
    expect(watched.listeners()).toBe(1);
  });

  test('being none after its last slot', async () => {
    await using limiter = await start();
    const watched = watch();
    const seen: number[] = [];
    for (const slot of (await several(limiter, watched)).reverse()) {
      seen.push(watched.listeners());
      await slot.release();
    }
    await settle();
    expect([seen, watched.listeners()]).toEqual([[1, 1, 1], 0]);
  });

  test('being one again for what it acquires anew', async () => {
    await using limiter = await start();
    const watched = watch();
    for (let round = 0; round < 3; round++) {
      const slot = await ask(limiter, ['s1', 'r1', { holder: watched.holder }]);
      expect(watched.listeners()).toBe(1);
      await slot.release();
      await settle();
      expect(watched.listeners()).toBe(0);
    }
  });

  test.each<[string, (limiter: Limiter) => Promise<unknown>]>([
    ['a release by id', (limiter) => limiter.releaseRunSlot('r1')],
    ['a cascade', (limiter) => limiter.releaseSessionSlot('s1')],
    ['an eviction', (limiter) => limiter.evict('r1', 'in the way')],
    ['the stop', (limiter) => limiter.stop()],
  ])('being none after %s', async (_how, end) => {
    await using limiter = await start();
    const watched = watch();
    await ask(limiter, ['s1', 'r1', { holder: watched.holder }]);
    await end(limiter);
    await settle();
    expect([watched.listeners(), counts(limiter)]).toEqual([0, EMPTY]);
  });

  test('being none after its lease', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    const watched = watch();
    await ask(limiter, ['s1', 'r1', { holder: watched.holder, leaseMs: 1_000 }]);
    await clock.advance(1_000);
    expect([watched.listeners(), counts(limiter)]).toEqual([0, EMPTY]);
  });

  test('being none after its last wait, in whatever way it ends', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await ask(limiter, ['s1', 'r0']);
    const { holder, listeners } = watch();
    const controller = new AbortController();
    const waits: [string, AcquireOptions][] = [
      ['late', { waitTimeoutMs: 10 }],
      ['withdrawn', {}],
      ['aborted', { signal: controller.signal }],
    ];
    for (const [id, options] of waits) wait(limiter, ['s1', id, { ...options, holder }]);
    await clock.advance(10);
    await limiter.releaseRunSlot('withdrawn');
    expect(listeners()).toBe(1);
    controller.abort();
    await settle();
    expect(listeners()).toBe(0);
  });

  test('being one from the wait to the end of the slot that it brings', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await ask(limiter, ['s1', 'r0']);
    const { holder, listeners } = watch();
    const waiting = wait(limiter, ['s1', 'r1', { holder }]);
    await held.release();
    await settle();
    expect([waiting.outcome, listeners()]).toEqual(['granted', 1]);
    await waiting.value?.release();
    await settle();
    expect(listeners()).toBe(0);
  });

  test('being none when it was refused, and none for an id that is held already', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await ask(limiter, ['s1', 'r0']);
    const { holder, listeners } = watch();
    await refusalOf(ask(limiter, ['s1', 'r1', { holder }]));
    await refusalOf(limiter.tryAcquireRunSlot('s1', 'r1', { holder }));
    await ask(limiter, ['s1', 'r0', { holder }]);
    await settle();
    expect(listeners()).toBe(0);
  });

  test('being one still after the limiter was restarted', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const { holder, listeners } = watch();
    const slot = await ask(limiter, ['s1', 'r1', { holder }]);
    const waiting = wait(limiter, ['s1', 'r2', { holder }]);
    for (const reason of [new Error('crash'), 'kill'] as const) {
      exit(limiter.ref, reason);
      await settle();
      expect(listeners()).toBe(1);
    }
    await limiter.releaseRunSlot('r2');
    await slot.release();
    await settle();
    expect([waiting.outcome, listeners()]).toEqual(['withdrawn', 0]);
  });

  test('staying for one limiter when another has no more need of it', async () => {
    await using one = await start();
    await using other = await start();
    const { holder, listeners } = watch();
    await ask(one, ['s1', 'r1', { holder }]);
    const slot = await ask(other, ['s1', 'r1', { holder }]);
    await slot.release();
    await settle();
    expect(listeners()).toBe(1);
  });
});

describe('one signal', () => {
  test('holding 10,000 slots without a warning, and ending them all', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    await using limiter = await start({ maxParallelRuns: Infinity });
    const controller = new AbortController();
    const holder = controller.signal;
    const ids = Array.from({ length: 10_000 }, (_, n) => `r${n}`);
    await Promise.all(ids.map((id) => limiter.acquireRunSlot('s1', id, { holder })));
    await settle();
    expect(getEventListeners(holder, 'abort').length).toBe(1);
    controller.abort();
    await settle();
    process.off('warning', note);
    expect([warnings, counts(limiter)]).toEqual([[], EMPTY]);
  });

  test('withdrawing 10,000 waits', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await ask(limiter, ['s1', 'r0']);
    const controller = new AbortController();
    const holder = controller.signal;
    const waiting = Array.from({ length: 10_000 }, (_, n) =>
      attempt(limiter.acquireRunSlot('s1', `w${n}`, { holder, waitTimeoutMs: Infinity })),
    );
    await settle();
    expect(limiter.getStatus().waitingRuns).toBe(10_000);
    controller.abort();
    await settle();
    expect(new Set(waiting.map(({ outcome }) => outcome))).toEqual(new Set(['withdrawn']));
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });
});
