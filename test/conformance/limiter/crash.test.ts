/**
 * Crash-exact restarts: a limiter that crashes, wherever in its work, is a limiter that nobody saw crash.
 * The slots held are those that were answered and not released, waiters wait in their order, every event
 * comes once.
 */
import { describe, expect, test } from 'vitest';
import { exit, RefusalError, sys } from '../../../src/index.ts';
import { recordEvents, SimulatedClock, settle } from '../../../src/testing.ts';
import {
  ask,
  attempt,
  counts,
  EMPTY,
  NOTHING_RELEASED,
  outcomes,
  PATIENT,
  refusalOf,
  start,
  wait,
} from '../../support/callers.ts';
import {
  ACTS,
  MOMENTS,
  type Moment,
  type Played,
  type Point,
  play,
  Saboteur,
  STEPS,
  type Step,
} from '../../support/crashes.ts';
import { faultOf } from '../../support/servers.ts';

const POINTS = MOMENTS.flatMap((moment) => STEPS.map((step): [Moment, Step] => [moment, step]));

/** Compares a play with one that no crash disturbed. */
function expectTheSame(crashed: Played, undisturbed: Played): void {
  expect(crashed.trace).toEqual(undisturbed.trace);
  const { granted, ended } = crashed.tokens;
  expect(new Set(granted).size).toBe(granted.length);
  expect([...ended].sort()).toEqual([...granted].sort());
}

describe.each(Object.entries(ACTS))('%s', (_name, act) => {
  test.each(POINTS)('being as without a crash, when there is one %s %s', async (moment, step) => {
    const observer = new Saboteur();
    const undisturbed = await play(act, observer);
    const points = observer.seen.filter((seen) => seen.moment === moment && seen.step === step);
    for (const { index } of points) {
      const saboteur = new Saboteur((point) => point.index === index);
      const crashed = await play(act, saboteur);
      expect([saboteur.crashes, crashed.restarts]).toEqual([1, 1]);
      expectTheSame(crashed, undisturbed);
    }
  });

  test.each(POINTS)('being as without 20 crashes in a row %s %s', async (moment, step) => {
    const undisturbed = await play(act, new Saboteur());
    const saboteur = new Saboteur(
      (point, crashes) => crashes < 20 && point.moment === moment && point.step === step,
    );
    expectTheSame(await play(act, saboteur), undisturbed);
  });

  test('being as without crashes, when there are 20 at changing points', async () => {
    const undisturbed = await play(act, new Saboteur());
    for (const stride of [2, 3, 5, 7]) {
      const saboteur = new Saboteur(({ index }, crashes) => crashes < 20 && index % stride === 1);
      expectTheSame(await play(act, saboteur), undisturbed);
    }
  });

  test('crashing on its way at all', async () => {
    const observer = new Saboteur();
    await play(act, observer);
    expect(new Set(observer.seen.map(({ step }) => step))).toContain('decide');
  });
});

describe('a cascade of a thousand', () => {
  /** Releases a session of 1,000 runs and 1,000 waiters, with a crash at one point, and looks. */
  async function cascade(saboteur: Saboteur) {
    const limits = { maxParallelRuns: 1_000 };
    await using limiter = await start(limits, { faultPoints: saboteur });
    await limiter.acquireSessionSlot('s1');
    for (let n = 0; n < 1_000; n++) await limiter.acquireRunSlot('s1', `r${n}`);
    const own = Array.from({ length: 1_000 }, (_, n) => wait(limiter, ['s1', `w${n}`]));
    const others = Array.from({ length: 1_500 }, (_, n) => wait(limiter, [`o${n}`, `o${n}`]));
    await settle();
    saboteur.arm();
    const report = await limiter.releaseSessionSlot('s1');
    await settle();
    saboteur.disarm();
    const told = [...outcomes(own), ...outcomes(others)];
    return { report, told, counts: counts(limiter) };
  }

  test.each(POINTS)('being as without a crash, when there is one %s %s', async (moment, step) => {
    const crashed = await cascade(new Saboteur(once(moment, step)));
    expect(crashed.report).toEqual({ sessions: 1, runs: 1_000, waiters: 1_000 });
    expect(crashed.told).toEqual([
      ...Array(1_000).fill('session_released'),
      ...Array(1_000).fill('granted'),
      ...Array(500).fill('waiting'),
    ]);
    expect(crashed.counts).toEqual({ ...EMPTY, activeRuns: 1_000, waitingRuns: 500 });
  });
});

describe('a burst', () => {
  test('being answered in its order, although the limiter dies in the middle of it', async () => {
    await using limiter = await start({ maxParallelRuns: 2_000, maxWaiters: 500 });
    const asked = Array.from({ length: 3_000 }, (_, n) => wait(limiter, ['s1', `r${n}`]));
    exit(limiter.ref, new Error('crash'));
    await settle();
    expect(outcomes(asked)).toEqual([
      ...Array(2_000).fill('granted'),
      ...Array(500).fill('waiting'),
      ...Array(500).fill('queue_full'),
    ]);
    expect(limiter.getStatus()).toMatchObject({ activeRuns: 2_000, waitingRuns: 500, restarts: 1 });
  });
});

describe('the points of a crash', () => {
  test('being all passed by an acquire that is granted, in the order of the write path', async () => {
    const observer = new Saboteur();
    await using limiter = await start({}, { faultPoints: observer });
    observer.arm();
    await limiter.acquireRunSlot('s1', 'r1');
    observer.disarm();
    const passed = observer.seen.map(({ moment, step }) => `${moment} ${step}`);
    const firsts = passed.filter((point, n) => passed.indexOf(point) === n);
    expect([...firsts].sort()).toEqual(POINTS.map((point) => point.join(' ')).sort());
    const order = firsts
      .filter((point) => point.startsWith('after'))
      .map((point) => point.slice(6));
    expect(order.filter((step) => step !== 'mailbox')).toEqual(STEPS.slice(1));
  });

  test('writing nothing for a refusal', async () => {
    const observer = new Saboteur();
    await using limiter = await start({ maxParallelRuns: 1 }, { faultPoints: observer });
    await limiter.acquireRunSlot('s1', 'r1');
    const before = limiter.getStatus();
    observer.arm();
    await refusalOf(limiter.acquireRunSlot('s1', 'r2'));
    observer.disarm();
    expect(limiter.getStatus()).toBe(before);
  });
});

/** A limiter that restarts as often as it must, and the saboteur at its side. */
async function sabotaged(plan: (point: Point, crashes: number) => boolean) {
  const saboteur = new Saboteur(plan);
  const clock = new SimulatedClock();
  const restartIntensity = { restarts: 100, withinMs: 5_000 };
  const limiter = await start(
    { maxParallelRuns: 2 },
    { clock, faultPoints: saboteur, restartIntensity },
  );
  return { limiter, saboteur, clock, [Symbol.asyncDispose]: () => limiter.stop() };
}

const once =
  (moment: Moment, step: Step) =>
  (point: Point, crashes: number): boolean =>
    crashes === 0 && point.moment === moment && point.step === step;

describe('a caller who gives up while the limiter is being restarted', () => {
  test.each(POINTS)('keeping no slot: a crash %s %s', async (moment, step) => {
    await using stage = await sabotaged(once(moment, step));
    const { limiter, saboteur } = stage;
    const controller = new AbortController();
    saboteur.onCrash = () => controller.abort('gave up');
    saboteur.arm();
    const asked = attempt(limiter.acquireRunSlot('s1', 'r1', { signal: controller.signal }));
    await settle();
    saboteur.disarm();
    expect(saboteur.crashes).toBe(1);
    const isGranted = asked.outcome === 'granted';
    expect(isGranted || asked.error === 'gave up').toBe(true);
    expect(limiter.getStatus().activeRuns).toBe(isGranted ? 1 : 0);
    expect(await limiter.releaseRunSlot('r1')).toMatchObject({ runs: isGranted ? 1 : 0 });
  });

  test.each(POINTS)('keeping no slot that a release brought: %s %s', async (moment, step) => {
    await using stage = await sabotaged(once(moment, step));
    const { limiter, saboteur } = stage;
    for (const id of ['r1', 'r2']) await limiter.acquireRunSlot('s1', id);
    const controller = new AbortController();
    const asked = wait(limiter, ['s1', 'r3', { signal: controller.signal }]);
    const next = wait(limiter, ['s1', 'r4']);
    saboteur.onCrash = () => controller.abort('gave up');
    saboteur.arm();
    expect(await limiter.releaseRunSlot('r1')).toEqual({ sessions: 0, runs: 1, waiters: 0 });
    await settle();
    saboteur.disarm();
    const told = outcomes([asked, next]);
    expect([
      ['granted', 'waiting'],
      ['gave up', 'granted'],
    ]).toContainEqual(told);
    expect(counts(limiter)).toEqual({
      ...EMPTY,
      activeRuns: 2,
      waitingRuns: told[1] === 'waiting' ? 1 : 0,
    });
  });
});

describe('tryAcquireRunSlot', () => {
  test.each(POINTS)('telling the truth when it crashes %s %s', async (moment, step) => {
    await using stage = await sabotaged(once(moment, step));
    const { limiter, saboteur } = stage;
    saboteur.arm();
    const answer = limiter.tryAcquireRunSlot('s1', 'r1');
    await settle();
    saboteur.disarm();
    expect(saboteur.crashes).toBe(1);
    const isHeld = !(answer instanceof RefusalError);
    expect(limiter.getStatus().activeRuns).toBe(isHeld ? 1 : 0);
    if (isHeld) expect((await limiter.acquireRunSlot('s1', 'r1')).token).toBe(answer.token);
    else expect(answer).toMatchObject({ code: 'unavailable', retryable: true });
  });
});

describe('withRunSlot', () => {
  test.each(POINTS)(
    'calling its function once when there is a crash %s %s',
    async (moment, step) => {
      await using stage = await sabotaged(once(moment, step));
      const { limiter, saboteur } = stage;
      let calls = 0;
      saboteur.arm();
      const result = await limiter.withRunSlot('s1', async () => {
        calls += 1;
        await settle();
        return limiter.getStatus().activeRuns;
      });
      await settle();
      saboteur.disarm();
      expect([result, calls, saboteur.crashes]).toEqual([1, 1, 1]);
      expect(counts(limiter)).toEqual(EMPTY);
    },
  );
});

describe.each<[string, Error | 'kill']>([
  ['an error from outside', new Error('x')],
  ['a kill', 'kill'],
])('a restart after %s', (_name, reason) => {
  test('keeping what is held, its tokens and its signals', async () => {
    await using limiter = await start();
    const slots = [await ask(limiter, ['s1']), await ask(limiter, ['s1', 'r1'])];
    const signals = slots.map(({ signal }) => signal);
    exit(limiter.ref, reason);
    await settle();
    const again = [await ask(limiter, ['s1']), await ask(limiter, ['s1', 'r1'])];
    expect(again.map(({ token }) => token)).toEqual(slots.map(({ token }) => token));
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
    expect(limiter.getStatus()).toMatchObject({ state: 'accepting', activeRuns: 1, restarts: 1 });
  });

  test('letting handles of before release', async () => {
    await using limiter = await start();
    const session = await limiter.acquireSessionSlot('s1');
    const run = await limiter.acquireRunSlot('s1', 'r1');
    const { signal } = run;
    exit(limiter.ref, reason);
    expect(await session.release()).toEqual({ sessions: 1, runs: 1, waiters: 0 });
    expect(signal.reason).toMatchObject({ code: 'cascade' });
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('keeping waiters in their order, with their priorities', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r0');
    const waiting = [0, 2, 0, 1].map((priority, n) =>
      wait(limiter, ['s1', `r${n}-${n}`, { priority }]),
    );
    exit(limiter.ref, reason);
    await settle();
    const seen: string[] = [];
    for (const id of ['r0', 'r1-1', 'r3-3', 'r0-0', 'r2-2']) {
      await limiter.releaseRunSlot(id);
      await settle();
      seen.push(
        outcomes(waiting)
          .map((outcome) => outcome[0])
          .join(''),
      );
    }
    expect(seen).toEqual(['wgww', 'wgwg', 'ggwg', 'gggg', 'gggg']);
  });

  test('keeping the deadlines and signals of waiters', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s1', 'r0');
    const controller = new AbortController();
    const hasty = wait(limiter, ['s1', 'r1', { waitTimeoutMs: 1_000 }]);
    const fickle = wait(limiter, ['s1', 'r2', { signal: controller.signal }]);
    await clock.advance(400);
    exit(limiter.ref, reason);
    await clock.advance(599);
    expect(outcomes([hasty, fickle])).toEqual(['waiting', 'waiting']);
    await clock.advance(1);
    controller.abort('gone');
    await settle();
    expect(outcomes([hasty, fickle])).toEqual(['wait_timeout', 'gone']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('keeping limits that were changed', async () => {
    await using limiter = await start({ maxRunsPerKind: { exec: 1 } });
    const limits = await limiter.setLimits({ maxParallelRuns: 1, maxRunsPerKind: { tool: 2 } });
    exit(limiter.ref, reason);
    await limiter.acquireRunSlot('s1', 'r1');
    expect(limiter.getLimits()).toEqual(limits);
    expect((await refusalOf(limiter.acquireRunSlot('s1', 'r2'))).code).toBe('max_runs_exceeded');
  });

  test('keeping that limits were set back, and by whom', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.setLimits({ maxParallelRuns: 3 }, { by: 'alice' });
    await limiter.resetLimits({ by: 'bob' });
    exit(limiter.ref, reason);
    await limiter.acquireRunSlot('s1', 'r1');
    expect((await refusalOf(limiter.acquireRunSlot('s1', 'r2'))).code).toBe('max_runs_exceeded');
    expect(limiter.getLimitsChange()?.by).toBe('bob');
  });

  test('answering in order what came while it was down, releases first', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r0');
    exit(limiter.ref, reason);
    const asked = [attempt(limiter.acquireRunSlot('s1', 'r1')), attempt(held.release())];
    const after = [
      attempt(limiter.acquireRunSlot('s1', 'r2')),
      attempt(limiter.acquireRunSlot('s1', 'r3')),
    ];
    await settle();
    expect(outcomes([...asked, ...after])).toEqual([
      'granted',
      'granted',
      'max_runs_exceeded',
      'max_runs_exceeded',
    ]);
  });

  test('answering the calls that a suspended limiter had not decided', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await sys.suspend(limiter.ref);
    const asked = ['r1', 'r2'].map((id) => attempt(limiter.acquireRunSlot('s1', id)));
    exit(limiter.ref, reason);
    await settle();
    expect(outcomes(asked)).toEqual(['granted', 'max_runs_exceeded']);
  });

  test('publishing one event of the restart, and none of the slots', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    wait(limiter, ['s1', 'r2']);
    using recorder = recordEvents();
    exit(limiter.ref, reason);
    await settle();
    const slotEvents = recorder.events.filter(({ type }) => /_slot_|limiter_/.test(type));
    expect(slotEvents.map(({ type }) => type)).toEqual(['limiter_restarted']);
  });

  test('being counted in the status, whose version never falls', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    const versions = [limiter.getStatus().version];
    for (const restarts of [1, 2, 3]) {
      exit(limiter.ref, reason);
      await settle();
      expect(limiter.getStatus().restarts).toBe(restarts);
      versions.push(limiter.getStatus().version);
    }
    expect(versions).toEqual([...versions].sort((one, other) => one - other));
  });

  test('leaving no timer of its own', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    exit(limiter.ref, reason);
    await settle();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('twenty crashes in a row', () => {
  test('leaving everything as it was', async () => {
    const restartIntensity = { restarts: 20, withinMs: 5_000 };
    await using limiter = await start({ maxParallelRuns: 2 }, { restartIntensity });
    const slots = [await ask(limiter, ['s1', 'r1']), await ask(limiter, ['s1', 'r2'])];
    const waiting = ['r3', 'r4'].map((id) => wait(limiter, ['s1', id]));
    for (let crash = 0; crash < 20; crash++) {
      exit(limiter.ref, new Error(`crash ${crash}`));
      await settle();
    }
    expect(limiter.getStatus()).toMatchObject({ restarts: 20, activeRuns: 2, waitingRuns: 2 });
    for (const slot of slots) await slot.release();
    await settle();
    expect(outcomes(waiting)).toEqual(['granted', 'granted']);
  });

  test('passing one by one, when each has its own work between', async () => {
    const restartIntensity = { restarts: 20, withinMs: 5_000 };
    await using limiter = await start({ maxParallelRuns: Infinity }, { restartIntensity });
    const tokens = new Set<number>();
    for (let crash = 0; crash < 20; crash++) {
      const asked = limiter.acquireRunSlot('s1', `r${crash}`);
      exit(limiter.ref, new Error(`crash ${crash}`));
      tokens.add((await asked).token);
    }
    expect([tokens.size, limiter.getStatus().activeRuns]).toEqual([20, 20]);
  });
});

describe('a limiter that crashes too often', () => {
  /** A limiter that has given up: what its callers hold and wait for. */
  async function givenUp() {
    const clock = new SimulatedClock();
    const restartIntensity = { restarts: 2, withinMs: 5_000 };
    const limiter = await start({ maxParallelRuns: 1 }, { clock, restartIntensity });
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    const waiting = [
      wait(limiter, ['s1', 'r2']),
      wait(limiter, ['s1', 'r2']),
      wait(limiter, ['s1', 'r3', { waitTimeoutMs: 1_000 }]),
    ];
    await settle();
    for (let crash = 0; crash < 3; crash++) {
      exit(limiter.ref, new Error('crash'));
      await settle();
    }
    return { limiter, slot, waiting, clock, [Symbol.asyncDispose]: () => limiter.stop() };
  }

  test('telling who waits server_down', async () => {
    await using world = await givenUp();
    expect(outcomes(world.waiting)).toEqual(['server_down', 'server_down', 'server_down']);
  });

  test('telling the caller whose call it crashes on every time', async () => {
    const saboteur = new Saboteur(({ moment, step }) => moment === 'before' && step === 'decide');
    const restartIntensity = { restarts: 2, withinMs: 5_000 };
    await using limiter = await start({}, { faultPoints: saboteur, restartIntensity });
    saboteur.arm();
    const asked = attempt(limiter.acquireRunSlot('s1', 'r1', PATIENT));
    await settle();
    expect([asked.outcome, saboteur.crashes]).toEqual(['server_down', 3]);
    expect(limiter.getStatus().state).toBe('stopped');
  });

  test('showing stopped in the status', async () => {
    await using world = await givenUp();
    expect(world.limiter.getStatus().state).toBe('stopped');
  });

  test('rejecting later acquires with noproc', async () => {
    await using world = await givenUp();
    const { limiter } = world;
    const asked = [
      limiter.acquireSessionSlot('s1'),
      limiter.acquireRunSlot('s1', 'r9', PATIENT),
      limiter.withRunSlot('s1', () => {}),
    ];
    const codes = (await Promise.all(asked.map(faultOf))).map(({ code }) => code);
    expect(codes).toEqual(['noproc', 'noproc', 'noproc']);
  });

  test('resolving releases with zeros', async () => {
    await using world = await givenUp();
    const { limiter, slot } = world;
    const reports = [
      slot.release(),
      limiter.releaseRunSlot('r1'),
      limiter.releaseSessionSlot('s1'),
    ];
    expect(await Promise.all(reports)).toEqual(Array(3).fill(NOTHING_RELEASED));
  });

  test('leaving no timer', async () => {
    await using world = await givenUp();
    expect(world.clock.pendingTimers).toBe(0);
    await world.clock.advance(1_000);
    expect(world.clock.allTimers).toBe(0);
  });

  test('being stopped as any other', async () => {
    const { limiter } = await givenUp();
    await limiter.stop();
    expect(limiter.getStatus().state).toBe('stopped');
  });

  test('serving on when the crashes are far enough apart', async () => {
    const clock = new SimulatedClock();
    const restartIntensity = { restarts: 2, withinMs: 5_000 };
    await using limiter = await start({}, { clock, restartIntensity });
    await limiter.acquireRunSlot('s1', 'r1');
    for (let crash = 0; crash < 6; crash++) {
      exit(limiter.ref, new Error('crash'));
      await clock.advance(2_600);
    }
    expect(limiter.getStatus()).toMatchObject({ state: 'accepting', activeRuns: 1, restarts: 6 });
  });
});
