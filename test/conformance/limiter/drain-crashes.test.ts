/**
 * Draining and crashes of the limiter: a drain that crashes, wherever in its work, is a drain that nobody
 * saw crash.
 */
import { describe, expect, test } from 'vitest';
import { exit } from '../../../src/index.ts';
import { CrashAt, recordEvents, SimulatedClock, settle } from '../../../src/testing.ts';
import {
  ask,
  attempt,
  counts,
  EMPTY,
  LIMITER_EVENTS,
  type Limiter,
  outcomes,
  refusalOf,
  start,
  wait,
} from '../../support/callers.ts';
import { expectNoCrashSeen, MANY_RESTARTS, underFire } from '../../support/crash-points.ts';
import { eventsBySlot, MOMENTS, type Saboteur, STEPS } from '../../support/crashes.ts';

const record = () => recordEvents([...LIMITER_EVENTS, 'drain_started', 'drain_ended', 'resumed']);

/** Two runs held, a run and a session waiting. */
async function setTheStage(faultPoints: Saboteur) {
  const clock = new SimulatedClock();
  const options = { clock, faultPoints, restartIntensity: MANY_RESTARTS };
  const limiter = await start({ maxParallelRuns: 2, maxParallelSessions: 1 }, options);
  const held = [await ask(limiter, ['s1', 'r1']), await ask(limiter, ['s1', 'r2'])];
  await ask(limiter, ['s1']);
  const waiting = [wait(limiter, ['s1', 'r3']), wait(limiter, ['s2'])];
  await settle();
  return { limiter, clock, held, waiting, [Symbol.asyncDispose]: () => limiter.stop() };
}

const stateOf = (limiter: Limiter) => limiter.getStatus().state;

describe('a crash of the limiter', () => {
  test('changing nothing of the beginning of a drain', async () => {
    const { trace, points } = await expectNoCrashSeen(async (faultPoints) => {
      await using stage = await setTheStage(faultPoints);
      const { limiter, waiting } = stage;
      using recorder = record();
      const drained = await underFire(faultPoints, () => [attempt(limiter.drain())]);
      const late = (await refusalOf(limiter.acquireRunSlot('s3', 'r4'))).code;
      await limiter.releaseSessionSlot('s1');
      await settle();
      const told = [...outcomes(waiting), late, stateOf(limiter)];
      return { told, report: drained[0]?.value, events: eventsBySlot(recorder.events) };
    });
    expect(points).toBeGreaterThan(0);
    expect(trace.told).toEqual(['draining', 'draining', 'draining', 'draining']);
    expect(trace.report).toEqual({ drained: true, heldRuns: 0, refusedWaiters: 2, holders: [] });
  });

  test('changing nothing of the release that ends a drain', async () => {
    const { trace, points } = await expectNoCrashSeen(async (faultPoints) => {
      await using stage = await setTheStage(faultPoints);
      const { limiter } = stage;
      using recorder = record();
      const drained = attempt(limiter.drain());
      await limiter.releaseRunSlot('r1');
      const released = await underFire(faultPoints, () => limiter.releaseRunSlot('r2'));
      const { settlements, value } = drained;
      const events = eventsBySlot(recorder.events);
      return { released, settlements, value, state: stateOf(limiter), events };
    });
    expect(points).toBeGreaterThan(0);
    expect(trace).toMatchObject({
      released: { runs: 1 },
      settlements: 1,
      value: { drained: true, refusedWaiters: 2 },
      state: 'draining',
      events: { drain_started: [{}], drain_ended: [{ drained: true, heldRuns: 0 }] },
    });
  });

  test('changing nothing of a drain whose time is over', async () => {
    const { trace } = await expectNoCrashSeen(async (faultPoints) => {
      await using stage = await setTheStage(faultPoints);
      const { limiter, clock } = stage;
      const drained = attempt(limiter.drain({ timeoutMs: 100 }));
      await clock.advance(99);
      await underFire(faultPoints, () => clock.advance(1));
      const { settlements, value } = drained;
      return { settlements, told: [value?.drained, value?.heldRuns], state: stateOf(limiter) };
    });
    expect(trace).toEqual({ settlements: 1, told: [false, 2], state: 'draining' });
  });

  test('changing nothing of a resume', async () => {
    const { trace } = await expectNoCrashSeen(async (faultPoints) => {
      await using stage = await setTheStage(faultPoints);
      const { limiter } = stage;
      using recorder = record();
      const drained = attempt(limiter.drain());
      await settle();
      await underFire(faultPoints, () => limiter.resume());
      const told = [drained.settlements, drained.value?.drained, stateOf(limiter)];
      await limiter.releaseRunSlot('r1');
      const asked = await limiter.acquireRunSlot('s3', 'r4');
      return { told, asked: asked.runId, events: eventsBySlot(recorder.events) };
    });
    expect(trace).toMatchObject({ told: [1, false, 'accepting'], asked: 'r4' });
    expect(trace.events).toMatchObject({ resumed: [{}], drain_ended: [{ drained: false }] });
  });
});

describe('a limiter that is restarted while it is drained', () => {
  test.each([new Error('crash'), 'kill'] as const)(
    'being drained still, after %s',
    async (reason) => {
      await using limiter = await start();
      const slot = await limiter.acquireRunSlot('s1', 'r1');
      const drained = attempt(limiter.drain({ timeoutMs: Infinity }));
      for (const restarts of [1, 2]) {
        exit(limiter.ref, reason);
        await settle();
        expect(limiter.getStatus()).toMatchObject({ state: 'draining', restarts });
        expect((await refusalOf(limiter.acquireRunSlot('s2', 'r2'))).code).toBe('draining');
        expect((await limiter.acquireRunSlot('s1', 'r1')).token).toBe(slot.token);
      }
      expect(drained.outcome).toBe('waiting');
      await slot.release();
      await settle();
      expect(drained.value).toMatchObject({ drained: true, heldRuns: 0 });
    },
  );

  test('refusing who asks while it is down', async () => {
    await using limiter = await start();
    await limiter.drain();
    exit(limiter.ref, new Error('crash'));
    const asked = [wait(limiter, ['s1']), wait(limiter, ['s1', 'r1'])];
    await settle();
    expect(outcomes(asked)).toEqual(['draining', 'draining']);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('being accepting again, when it is resumed while it is down', async () => {
    await using limiter = await start();
    await limiter.drain();
    exit(limiter.ref, new Error('crash'));
    const resumed = attempt(limiter.resume());
    await settle();
    expect([resumed.outcome, stateOf(limiter)]).toEqual(['granted', 'accepting']);
  });

  test('being accepting after the restart, when it was resumed before', async () => {
    await using limiter = await start();
    await limiter.drain();
    await limiter.resume();
    exit(limiter.ref, new Error('crash'));
    await settle();
    expect(stateOf(limiter)).toBe('accepting');
    expect((await limiter.acquireRunSlot('s1', 'r1')).runId).toBe('r1');
  });

  test.each(MOMENTS.flatMap((moment) => STEPS.map((step) => [moment, step] as const)))(
    'refusing who asks when it crashes %s %s on the refusal',
    async (moment, step) => {
      const faultPoints = new CrashAt();
      await using limiter = await start({}, { faultPoints, restartIntensity: MANY_RESTARTS });
      await limiter.drain();
      faultPoints.arm(moment, step);
      const asked = attempt(limiter.acquireRunSlot('s1', 'r1'));
      await settle();
      faultPoints.disarm();
      expect([asked.outcome, asked.settlements]).toEqual(['draining', 1]);
      expect(limiter.getStatus()).toMatchObject({
        state: 'draining',
        activeRuns: 0,
        restarts: faultPoints.crashes,
      });
    },
  );
});
