/**
 * Options, of the start and of each acquire: what is misspelt or cannot be is refused by its name, as a
 * rejection; what was not given has its default.
 */
import { describe, expect, test } from 'vitest';
import {
  type LimiterOptions,
  startConcurrencyLimiter,
  startSlotkeeper,
  sys,
} from '../../../src/index.ts';
import { SimulatedClock } from '../../../src/testing.ts';
import { type AcquireOptions, attempt, counts, EMPTY, start } from '../../support/callers.ts';
import { faultOf, recordingLogger } from '../../support/servers.ts';

const STARTS = [
  ['startConcurrencyLimiter', startConcurrencyLimiter],
  ['startSlotkeeper', startSlotkeeper],
] as const;

describe.each(STARTS)('%s', (_name, startIt) => {
  const wrong = (options: unknown) => faultOf(startIt(options as LimiterOptions));

  test.each([
    ['limit', { limit: { maxParallelRuns: 1 } }],
    ['maxParallelRuns', { maxParallelRuns: 1 }],
    ['maxParalelRuns', { limits: { maxParalelRuns: 1 } }],
    ['callTimeout', { callTimeout: 5 }],
    ['within', { restartIntensity: { restarts: 1, within: 5 } }],
  ])('refusing the option %s, which is not there', async (option, options) => {
    const fault = await wrong(options);
    expect(fault.code).toBe('invalid_option');
    expect(fault.message).toContain(option);
  });

  test.each([
    ['limits', null],
    ['limits', 5],
    ['limits', 'many'],
    ['journal', 'disk'],
    ['journal', 5],
    ['callTimeoutMs', -1],
    ['callTimeoutMs', NaN],
    ['callTimeoutMs', '5000'],
    ['callTimeoutMs', null],
    ['restartIntensity', 3],
    ['restartIntensity', { restarts: -1, withinMs: 5_000 }],
    ['restartIntensity', { restarts: 3, withinMs: 0 }],
    ['restartIntensity', { restarts: '3', withinMs: 5_000 }],
  ])('refusing %s %o', async (option, value) => {
    const fault = await wrong({ [option]: value });
    expect(fault.code).toBe('invalid_option');
    expect(fault.message).toContain(option);
  });

  test.each([null, 5, 'limits'])('rejecting %o instead of options', async (options) => {
    await expect(startIt(options as unknown as LimiterOptions)).rejects.toThrow();
  });

  test('never throwing synchronously', async () => {
    const started = [{ nothing: 1 }, null, 5].map((options) =>
      attempt<unknown>(startIt(options as unknown as LimiterOptions)),
    );
    expect(started).toHaveLength(3);
    await Promise.resolve();
  });

  test('leaving nothing behind when it is refused', async () => {
    const clock = new SimulatedClock();
    await wrong({ clock, limits: { maxParallelRuns: 0 } });
    expect(clock.allTimers).toBe(0);
  });

  test('taking every option there is', async () => {
    await using started = await startIt({
      limits: { maxParallelRuns: 2 },
      journal: 'memory',
      clock: new SimulatedClock(),
      logger: recordingLogger(),
      callTimeoutMs: 100,
      restartIntensity: { restarts: 5, withinMs: 1_000 },
      faultPoints: { reach: () => {} },
      inspect: () => {},
    });
    expect(started.getStatus()).toMatchObject({ state: 'accepting', maxParallelRuns: 2 });
  });
});

describe('startSlotkeeper', () => {
  test('giving the limiter, its status, and a stop', async () => {
    const keeper = await startSlotkeeper({ limits: { maxParallelRuns: 1 } });
    await keeper.limiter.acquireRunSlot('s1', 'r1');
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 1, availableRunSlots: 0 });
    await keeper.stop();
    expect(keeper.getStatus().state).toBe('stopped');
    expect((await faultOf(keeper.limiter.acquireRunSlot('s1', 'r2'))).code).toBe('stopped');
  });

  test('stopping at the end of a block', async () => {
    const keepers = [];
    {
      await using keeper = await startSlotkeeper();
      keepers.push(keeper);
    }
    expect(keepers.map((keeper) => keeper.getStatus().state)).toEqual(['stopped']);
  });
});

describe('callTimeoutMs', () => {
  test('bounding the time until an acquire is decided', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock, callTimeoutMs: 100 });
    await sys.suspend(limiter.ref);
    const asked = [
      attempt(limiter.acquireRunSlot('s1', 'r1')),
      attempt(limiter.acquireSessionSlot('s1')),
      attempt(limiter.setLimits({ maxParallelRuns: 1 })),
    ];
    await clock.advance(99);
    expect(asked.map(({ outcome }) => outcome)).toEqual(['waiting', 'waiting', 'waiting']);
    await clock.advance(1);
    expect(new Set(asked.map(({ outcome }) => outcome))).toEqual(new Set(['call_timeout']));
  });

  test('having one timer, whatever the number of calls', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await sys.suspend(limiter.ref);
    for (let n = 0; n < 100; n++) attempt(limiter.acquireRunSlot('s1', `r${n}`));
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(5_000);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('logger', () => {
  test('being silent by default: nothing is printed', async () => {
    const printed: unknown[] = [];
    const { write } = process.stdout;
    process.stdout.write = (chunk: unknown) => printed.push(chunk) > 0;
    try {
      await using limiter = await start();
      await limiter.acquireRunSlot('s1', 'r1');
    } finally {
      process.stdout.write = write;
    }
    expect(printed).toEqual([]);
  });
});

const BAD_FOR_BOTH: readonly [string, object][] = [
  ['waitTimeout', { waitTimeout: 10 }],
  ['prio', { prio: 1 }],
  ['priority', { priority: 1.5 }],
  ['priority', { priority: NaN }],
  ['priority', { priority: '1' }],
  ['priority', { priority: Infinity }],
  ['priority', { priority: null }],
  ['owner', { owner: 5 }],
  ['owner', { owner: null }],
  ['labels', { labels: 'a' }],
  ['labels', { labels: { a: 1 } }],
  ['labels', { labels: null }],
];

const BAD_FOR_WAITS: readonly [string, object][] = [
  ['waitTimeoutMs', { waitTimeoutMs: -1 }],
  ['waitTimeoutMs', { waitTimeoutMs: NaN }],
  ['waitTimeoutMs', { waitTimeoutMs: '10' }],
  ['waitTimeoutMs', { waitTimeoutMs: null }],
  ['signal', { signal: {} }],
  ['signal', { signal: 'abort' }],
  ['signal', { signal: null }],
];

const BAD_FOR_RUNS: readonly [string, object][] = [
  ['kind', { kind: 5 }],
  ['kind', { kind: null }],
];

const BAD_FOR_SESSIONS: readonly [string, object][] = [['kind', { kind: 'exec' }]];

describe('the options of an acquire', () => {
  const asWrong = (options: object) => options as AcquireOptions;

  test.each([...BAD_FOR_BOTH, ...BAD_FOR_WAITS, ...BAD_FOR_RUNS])(
    'refusing for a run: %s in %o',
    async (option, options) => {
      await using limiter = await start();
      const fault = await faultOf(limiter.acquireRunSlot('s1', 'r1', asWrong(options)));
      expect(fault.code).toBe('invalid_option');
      expect(fault.message).toContain(option);
      expect(counts(limiter)).toEqual(EMPTY);
    },
  );

  test.each([...BAD_FOR_BOTH, ...BAD_FOR_WAITS, ...BAD_FOR_SESSIONS])(
    'refusing for a session: %s in %o',
    async (option, options) => {
      await using limiter = await start();
      const fault = await faultOf(limiter.acquireSessionSlot('s1', asWrong(options)));
      expect(fault.code).toBe('invalid_option');
      expect(fault.message).toContain(option);
      expect(counts(limiter)).toEqual(EMPTY);
    },
  );

  test.each([...BAD_FOR_BOTH, ...BAD_FOR_WAITS, ...BAD_FOR_RUNS])(
    'refusing for withRunSlot: %s in %o',
    async (_option, options) => {
      await using limiter = await start();
      const called: unknown[] = [];
      const running = limiter.withRunSlot('s1', (slot) => called.push(slot), asWrong(options));
      expect((await faultOf(running)).code).toBe('invalid_option');
      expect(called).toEqual([]);
    },
  );

  test.each([
    ...BAD_FOR_BOTH,
    ...BAD_FOR_RUNS,
    ['waitTimeoutMs', { waitTimeoutMs: 10 }] as const,
    ['signal', { signal: new AbortController().signal }] as const,
  ])('throwing from tryAcquireRunSlot: %s in %o', async (option, options) => {
    await using limiter = await start();
    expect(() => limiter.tryAcquireRunSlot('s1', 'r1', asWrong(options))).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringContaining(option) }),
    );
  });

  test.each([
    ...BAD_FOR_BOTH,
    ...BAD_FOR_SESSIONS,
    ['waitTimeoutMs', { waitTimeoutMs: 10 }] as const,
    ['signal', { signal: new AbortController().signal }] as const,
  ])('throwing from tryAcquireSessionSlot: %s in %o', async (option, options) => {
    await using limiter = await start();
    expect(() => limiter.tryAcquireSessionSlot('s1', asWrong(options))).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringContaining(option) }),
    );
  });

  test('taking every option there is', async () => {
    await using limiter = await start();
    const { signal } = new AbortController();
    const both = { waitTimeoutMs: 10, signal, priority: -3, owner: 'alice', labels: { a: 'b' } };
    await limiter.acquireSessionSlot('s1', both);
    await limiter.acquireRunSlot('s1', 'r1', { ...both, kind: 'exec' });
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1 });
  });

  test('refusing wrong options although the id is held', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    const asked = limiter.acquireRunSlot('s1', 'r1', asWrong({ priority: 1.5 }));
    expect((await faultOf(asked)).code).toBe('invalid_option');
  });

  test('not being changed from outside while the acquire waits', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxRunsPerKind: { exec: 1 } });
    await limiter.acquireRunSlot('s1', 'r1', { kind: 'exec' });
    const options = { kind: 'exec', owner: 'alice', waitTimeoutMs: Infinity };
    const waiting = attempt(limiter.acquireRunSlot('s1', 'r2', options));
    Object.assign(options, { kind: 'tool', owner: 'bob' });
    await limiter.setLimits({ maxParallelRuns: 5 });
    await Promise.resolve();
    expect(waiting.outcome).toBe('waiting');
  });
});
