/**
 * Holders of what several have asked for: an id that is held belongs to the holder that it was given to;
 * a wait that was joined is granted to the holder of the oldest caller who is still there.
 */
import { describe, expect, test } from 'vitest';
import { exit } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import {
  type AcquireOptions,
  ask,
  counts,
  EMPTY,
  lossOf,
  outcomes,
  refusalOf,
  start,
  wait,
} from '../../support/callers.ts';

/** A holder, and its options. */
class Held {
  private readonly controller = new AbortController();
  readonly options: AcquireOptions = { holder: this.controller.signal };

  /** Goes down, and waits for all that follows. */
  async end(): Promise<void> {
    this.controller.abort();
    await settle();
  }
}

describe.each<[string, string | undefined]>([
  ['session', undefined],
  ['run', 'r1'],
])('a %s that is held', (_name, runId) => {
  test('belonging to its first holder, whoever asks later', async () => {
    await using limiter = await start();
    const [first, later] = [new Held(), new Held()];
    const slot = await ask(limiter, ['s1', runId, first.options]);
    const again = await ask(limiter, ['s1', runId, later.options]);
    expect(again.token).toBe(slot.token);
    await later.end();
    expect([slot, again].map(lossOf)).toEqual([undefined, undefined]);
    await first.end();
    expect([slot, again].map(lossOf)).toEqual(['holder_down', 'holder_down']);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('belonging to nobody when its first caller named nobody', async () => {
    await using limiter = await start();
    const later = new Held();
    const slot = await ask(limiter, ['s1', runId]);
    await ask(limiter, ['s1', runId, later.options]);
    await later.end();
    expect(lossOf(slot)).toBe(undefined);
  });

  test('keeping its holder when it is asked for without one', async () => {
    await using limiter = await start();
    const first = new Held();
    const slot = await ask(limiter, ['s1', runId, first.options]);
    await ask(limiter, ['s1', runId]);
    await first.end();
    expect(lossOf(slot)).toBe('holder_down');
  });

  test('belonging to another holder once it was released and is asked for anew', async () => {
    await using limiter = await start();
    const [first, second] = [new Held(), new Held()];
    const slot = await ask(limiter, ['s1', runId, first.options]);
    await slot.release();
    const next = await ask(limiter, ['s1', runId, second.options]);
    await first.end();
    expect(lossOf(next)).toBe(undefined);
    await second.end();
    expect(lossOf(next)).toBe('holder_down');
  });
});

describe.each<[string, string | undefined]>([
  ['session', undefined],
  ['run', 'r1'],
])('a %s that waits', (_name, runId) => {
  /** A full limiter, and how room is made. */
  async function full() {
    const limiter = await start({ maxParallelSessions: 1, maxParallelRuns: 1 });
    const held = await ask(limiter, ['s0', runId && 'r0']);
    const makeRoom = async () => {
      await held.release();
      await settle();
    };
    return { limiter, makeRoom, [Symbol.asyncDispose]: () => limiter.stop() };
  }

  test('losing the joiner whose holder goes down, and nobody else', async () => {
    await using stage = await full();
    const { limiter, makeRoom } = stage;
    const [first, second] = [new Held(), new Held()];
    const joined = [first.options, second.options, {}].map((options) =>
      wait(limiter, ['s1', runId, options]),
    );
    await second.end();
    expect(outcomes(joined)).toEqual(['waiting', 'withdrawn', 'waiting']);
    await makeRoom();
    expect(outcomes(joined)).toEqual(['granted', 'withdrawn', 'granted']);
  });

  test('leaving the queue with the holder of its last caller', async () => {
    await using stage = await full();
    const { limiter } = stage;
    const [first, second] = [new Held(), new Held()];
    const joined = [first, second].map(({ options }) => wait(limiter, ['s1', runId, options]));
    const isWaiting = () => {
      const { waitingSessions, waitingRuns } = counts(limiter);
      return waitingSessions + waitingRuns === 1;
    };
    await first.end();
    expect(isWaiting()).toBe(true);
    await second.end();
    expect(isWaiting()).toBe(false);
    expect(outcomes(joined)).toEqual(['withdrawn', 'withdrawn']);
  });

  test('being granted to the holder of the oldest caller', async () => {
    await using stage = await full();
    const { limiter, makeRoom } = stage;
    const [first, second] = [new Held(), new Held()];
    const joined = [first, second].map(({ options }) => wait(limiter, ['s1', runId, options]));
    await makeRoom();
    await second.end();
    expect(joined.map(({ value }) => value && lossOf(value))).toEqual([undefined, undefined]);
    expect(outcomes(joined)).toEqual(['granted', 'granted']);
    await first.end();
    expect(joined.map(({ value }) => value && lossOf(value))).toEqual([
      'holder_down',
      'holder_down',
    ]);
  });

  test('being granted to the next holder, when the oldest has gone down', async () => {
    await using stage = await full();
    const { limiter, makeRoom } = stage;
    const [first, second, third] = [new Held(), new Held(), new Held()];
    const joined = [first, second, third].map(({ options }) =>
      wait(limiter, ['s1', runId, options]),
    );
    await first.end();
    await makeRoom();
    expect(outcomes(joined)).toEqual(['withdrawn', 'granted', 'granted']);
    await third.end();
    expect(joined[1]?.value && lossOf(joined[1].value)).toBe(undefined);
    await second.end();
    expect(joined[1]?.value && lossOf(joined[1].value)).toBe('holder_down');
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('being granted to the next holder, when the oldest caller has given up', async () => {
    await using stage = await full();
    const { limiter, makeRoom } = stage;
    const [first, second] = [new Held(), new Held()];
    const { signal, abort } = fickle();
    const gone = wait(limiter, ['s1', runId, { ...first.options, signal }]);
    const stays = wait(limiter, ['s1', runId, second.options]);
    abort();
    await makeRoom();
    await first.end();
    expect(outcomes([gone, stays])).toEqual(['AbortError', 'granted']);
    expect(stays.value && lossOf(stays.value)).toBe(undefined);
    await second.end();
    expect(stays.value && lossOf(stays.value)).toBe('holder_down');
  });

  test('being granted to nobody, when the oldest caller has named nobody', async () => {
    await using stage = await full();
    const { limiter, makeRoom } = stage;
    const second = new Held();
    const joined = [{}, second.options].map((options) => wait(limiter, ['s1', runId, options]));
    await makeRoom();
    await second.end();
    expect(outcomes(joined)).toEqual(['granted', 'granted']);
    expect(joined.map(({ value }) => value && lossOf(value))).toEqual([undefined, undefined]);
  });

  test('going to who has a holder, once the oldest without one has given up', async () => {
    await using stage = await full();
    const { limiter, makeRoom } = stage;
    const second = new Held();
    const { signal, abort } = fickle();
    wait(limiter, ['s1', runId, { signal }]);
    const stays = wait(limiter, ['s1', runId, second.options]);
    abort();
    await makeRoom();
    expect(stays.outcome).toBe('granted');
    await second.end();
    expect(stays.value && lossOf(stays.value)).toBe('holder_down');
  });

  test('knowing its callers and their order after a restart', async () => {
    await using stage = await full();
    const { limiter, makeRoom } = stage;
    const [first, second] = [new Held(), new Held()];
    const joined = [first, second].map(({ options }) => wait(limiter, ['s1', runId, options]));
    exit(limiter.ref, new Error('crash'));
    await settle();
    await first.end();
    await makeRoom();
    expect(outcomes(joined)).toEqual(['withdrawn', 'granted']);
    await second.end();
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

describe('a join that is refused', () => {
  test('having no part in the wait: its holder counts for nothing', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await ask(limiter, ['s1', 'r0']);
    const waiting = wait(limiter, ['s1', 'r1']);
    const hasty = new Held();
    const refusal = await refusalOf(ask(limiter, ['s1', 'r1', hasty.options]));
    await hasty.end();
    expect([refusal.code, waiting.outcome]).toEqual(['max_runs_exceeded', 'waiting']);
    await held.release();
    await settle();
    expect(waiting.outcome).toBe('granted');
  });
});

function fickle() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
