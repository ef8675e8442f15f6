import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cast,
  fromGenServer,
  noReply,
  Registry,
  ready,
  startChild,
  startServer,
  stopServer,
  supervisor,
  terminateChild,
  whichChildren,
} from '../../src/index.ts';
import { backoffMs, checkBackoff } from '../../src/otp/restart-backoff.ts';
import { SimulatedClock } from '../../src/testing.ts';

const waits = (backoff: Parameters<typeof backoffMs>[0], count: number): number[] =>
  Array.from({ length: count }, (_, index) => backoffMs(backoff, index + 1));

describe('backoffMs', () => {
  test('being nothing without a backoff', () => {
    expect(waits(undefined, 3)).toEqual([0, 0, 0]);
  });

  test('doubling up to the longest wait', () => {
    expect(waits({ initialMs: 100, maxMs: 500, jitter: 0 }, 5)).toEqual([100, 200, 400, 500, 500]);
  });

  test('ending at thirty times the first wait by default', () => {
    expect(backoffMs({ initialMs: 10, jitter: 0 }, 40)).toBe(300);
  });

  test('leaving half of the wait to chance by default', () => {
    const atMost = backoffMs({ initialMs: 100, random: () => 0 }, 1);
    const atLeast = backoffMs({ initialMs: 100, random: () => 1 }, 1);
    expect([atLeast, atMost]).toEqual([50, 100]);
  });

  test('staying between what is left after jitter and the longest wait', () => {
    const arbitrary = fc.record({
      initialMs: fc.integer({ min: 1, max: 10_000 }),
      maxMs: fc.integer({ min: 1, max: 100_000 }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
      restarts: fc.integer({ min: 1, max: 2_000 }),
    });
    const property = fc.property(arbitrary, ({ chance, restarts, ...backoff }) => {
      const wait = backoffMs({ ...backoff, random: () => chance }, restarts);
      expect(wait).toBeLessThanOrEqual(backoff.maxMs);
      expect(wait).toBeGreaterThanOrEqual(0);
    });
    fc.assert(property, { seed: 7 });
  });
});

describe('checkBackoff', () => {
  test.each([
    ['initialMs', { initialMs: -1 }],
    ['initialMs', { initialMs: Number.NaN }],
    ['maxMs', { initialMs: 1, maxMs: -5 }],
    ['jitter', { initialMs: 1, jitter: 1.1 }],
    ['jitter', { initialMs: 1, jitter: -0.1 }],
  ])('refusing a bad %s: %j', (option, backoff) => {
    expect(() => checkBackoff(backoff)).toThrow(`restartBackoff.${option}`);
  });

  test('accepting none, and a sound one', () => {
    expect(() => checkBackoff(undefined)).not.toThrow();
    expect(() => checkBackoff({ initialMs: 0, maxMs: 100, jitter: 1 })).not.toThrow();
  });
});

interface Worker {
  input: { readonly id: string; readonly log: string[] };
  state: Worker['input'];
  casts: { crash(): void };
}

const worker = fromGenServer<Worker>({
  init: (input) => {
    input.log.push(`+${input.id}`);
    return ready(input);
  },
  handleCast: {
    crash: (_request, state) => {
      if (state) throw new Error('crash');
      return noReply(state);
    },
  },
  terminate: (_reason, { id, log }) => log.push(`-${id}`),
});

/** A supervisor over `ids` that waits 100 ms before a restart. */
async function startWaiting(strategy: 'one_for_all' | 'rest_for_one', ids: string[]) {
  const clock = new SimulatedClock();
  const registry = new Registry();
  const log: string[] = [];
  const spec = (id: string) => ({ id, name: id, logic: worker, input: { id, log } });
  const children = ids.map(spec);
  const restartBackoff = { initialMs: 100, maxMs: 100, jitter: 0 };
  const restartIntensity = { restarts: 10, withinMs: 5_000 };
  const logic = supervisor({ strategy, restartIntensity, restartBackoff, children });
  const ref = await startServer(logic, { clock, registry });
  const crash = (id: string): void => cast(registry.ref<Worker>(id), { type: 'crash' });
  log.length = 0;
  return { clock, registry, log, ref, spec, crash };
}

describe('a supervisor that waits before a restart', () => {
  test('restarting after the wait, and no sooner', async () => {
    const { clock, log, ref, crash } = await startWaiting('one_for_all', ['a', 'b']);
    crash('a');
    await clock.advance(99);
    expect(log).toEqual(['-a', '-b']);
    await clock.advance(1);
    expect(log).toEqual(['-a', '-b', '+a', '+b']);
    await stopServer(ref);
  });

  test('not starting anew a sibling that was added while it waited', async () => {
    const { clock, log, ref, registry, spec, crash } = await startWaiting('rest_for_one', ['a']);
    crash('a');
    await clock.advance(50);
    await startChild(ref, spec('b'));
    await clock.advance(100);
    expect(log).toEqual(['-a', '+b', '+a']);
    await stopServer(ref);
    expect(log).toEqual(['-a', '+b', '+a', '-b', '-a']);
    expect(registry.names()).toEqual([]);
  });

  test('starting once what two waits are for, in start order', async () => {
    const { clock, log, ref, crash } = await startWaiting('rest_for_one', ['a', 'b']);
    crash('b');
    await clock.advance(50);
    crash('a');
    await clock.advance(200);
    expect(log).toEqual(['-b', '-a', '+a', '+b']);
    await stopServer(ref);
  });

  test('bringing back the siblings of a child that was terminated while it waited', async () => {
    const { clock, log, ref, crash } = await startWaiting('one_for_all', ['a', 'b']);
    crash('a');
    await clock.advance(50);
    await terminateChild(ref, 'a');
    await clock.advance(200);
    const statuses = (await whichChildren(ref)).map(({ id, status }) => `${id} ${status}`);
    expect(statuses).toContain('b running');
    expect(log).toContain('+b');
    await stopServer(ref);
  });

  test('leaving no timer when it is stopped while it waits', async () => {
    const { clock, log, ref, crash } = await startWaiting('one_for_all', ['a', 'b']);
    crash('a');
    await clock.advance(50);
    await stopServer(ref);
    expect(clock.allTimers).toBe(0);
    await clock.advance(200);
    expect(log).toEqual(['-a', '-b']);
  });
});
