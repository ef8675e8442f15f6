/**
 * Ports: what goes through them and how often, what is lost on the way, and what they keep alive.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MessagePort } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import {
  connectLimiter,
  RefusalError,
  SlotkeeperError,
  SlotLostError,
} from '../../../src/index.ts';
import { CrashAt, settle } from '../../../src/testing.ts';
import { attempt, counts, EMPTY, PATIENT, refusalOf, start } from '../../support/callers.ts';
import { MANY_RESTARTS } from '../../support/crash-points.ts';
import { MOMENTS, STEPS } from '../../support/crashes.ts';
import { happens } from '../../support/happenings.ts';
import { relayed } from '../../support/relayed.ts';
import { faultOf } from '../../support/servers.ts';

const run = promisify(execFile);
const PROGRAM = join(import.meta.dirname, '..', '..', 'support', 'remote-alive.mjs');
const abortable = () => {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort('gave up') };
};
const ids = (count: number) => Array.from({ length: count }, (_, n) => `r${n}`);

describe('openPort', () => {
  test('giving another port each time, each with holdings of its own', async () => {
    await using limiter = await start();
    const ports = [limiter.openPort(), limiter.openPort()] as const;
    expect(ports.map((port) => port instanceof MessagePort)).toEqual([true, true]);
    expect(ports[0]).not.toBe(ports[1]);
    const [first, second] = [connectLimiter(ports[0]), connectLimiter(ports[1])];
    await first.acquireRunSlot('s1', 'r1');
    await second.acquireRunSlot('s1', 'r2');
    const ended = happens('run_slot_ended');
    first.close();
    expect(await ended).toMatchObject({ runId: 'r1', reason: 'holder_down' });
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
    second.close();
  });

  test('giving, in the same thread too, errors of its classes and slots that can be disposed', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    using relay = relayed(limiter);
    const { remote } = relay;
    {
      await using slot = await remote.acquireRunSlot('s1', 'r1');
      const refusal = await refusalOf(remote.acquireRunSlot('s1', 'r2'));
      expect(refusal).toBeInstanceOf(RefusalError);
      expect(await faultOf(remote.renewRunSlot('r1', slot.token + 1))).toBeInstanceOf(
        SlotkeeperError,
      );
    }
    expect(counts(limiter)).toEqual(EMPTY);
    const { signal } = await remote.acquireRunSlot('s1', 'r3');
    const lost = new Promise((resolve) => signal.addEventListener('abort', resolve));
    await limiter.evict('r3', 'in the way');
    await lost;
    expect(signal.reason).toBeInstanceOf(SlotLostError);
    expect(signal.reason).toMatchObject({ code: 'evicted' });
  });
});

describe('messages', () => {
  test('being one for all that is asked in one tick, and few for the answers', async () => {
    await using limiter = await start({ maxParallelRuns: 50 });
    using relay = relayed(limiter);
    const { remote, messages } = relay;
    await relay.roundTrip();
    const before = { ...messages };
    const asked = ids(100).map((id) => attempt(remote.acquireRunSlot('s1', id)));
    await relay.roundTrip();
    await settle();
    const settled = asked.filter(({ outcome }) => outcome !== 'waiting');
    expect([settled.length, limiter.getStatus().activeRuns]).toEqual([100, 50]);
    expect(messages.asked - before.asked).toBe(1);
    expect(messages.answered - before.answered).toBeLessThanOrEqual(2);
  });

  test('being few for the losses of one turn', async () => {
    await using limiter = await start({ maxParallelRuns: 100 });
    using relay = relayed(limiter);
    const { remote, messages } = relay;
    const slots = await Promise.all(ids(100).map((id) => remote.acquireRunSlot('s1', id)));
    const lost = slots.map(
      ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
    );
    await relay.roundTrip();
    const before = messages.answered;
    await limiter.releaseSessionSlot('s1');
    await Promise.all(lost);
    expect(messages.answered - before).toBeLessThanOrEqual(2);
  });
});

describe('a caller who aborts', () => {
  test('leaving no slot behind, when the grant is on its way', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    using relay = relayed(limiter);
    const held = await limiter.acquireRunSlot('s1', 'r0');
    const controller = new AbortController();
    const options = { ...PATIENT, signal: controller.signal };
    const asked = attempt(relay.remote.acquireRunSlot('s1', 'r1', options));
    await relay.roundTrip();
    relay.holdBack();
    await held.release();
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
    const ended = happens('run_slot_ended', ({ runId }) => runId === 'r1');
    controller.abort('gave up');
    await settle();
    expect([asked.error, asked.settlements]).toEqual(['gave up', 1]);
    relay.letThrough();
    await ended;
    await relay.roundTrip();
    expect([counts(limiter), asked.settlements]).toEqual([EMPTY, 1]);
  });

  test('leaving the slot to those who were given it too, when the grant is on its way', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    using relay = relayed(limiter);
    const held = await limiter.acquireRunSlot('s1', 'r0');
    const { signal, abort } = abortable();
    const gone = attempt(relay.remote.acquireRunSlot('s1', 'r1', { ...PATIENT, signal }));
    const joined = attempt(relay.remote.acquireRunSlot('s1', 'r1', PATIENT));
    await relay.roundTrip();
    await held.release();
    abort();
    await relay.roundTrip();
    await relay.roundTrip();
    expect([gone.error, joined.outcome]).toEqual(['gave up', 'granted']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
    expect(await joined.value?.release()).toMatchObject({ runs: 1 });
  });

  test('leaving the slot that is held, there or here, when he asked for it again', async () => {
    await using limiter = await start();
    using relay = relayed(limiter);
    await relay.remote.acquireRunSlot('s1', 'there');
    await limiter.acquireRunSlot('s1', 'here');
    await limiter.acquireSessionSlot('s1');
    const { signal, abort } = abortable();
    const asked = [
      attempt(relay.remote.acquireRunSlot('s1', 'there', { signal })),
      attempt(relay.remote.acquireRunSlot('s1', 'here', { signal })),
      attempt(relay.remote.acquireSessionSlot('s1', { signal })),
    ];
    abort();
    await relay.roundTrip();
    await relay.roundTrip();
    expect(asked.map(({ error }) => error)).toEqual(['gave up', 'gave up', 'gave up']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 2 });
  });

  test('being told at once although nothing comes from the limiter', async () => {
    await using limiter = await start();
    using relay = relayed(limiter);
    relay.holdBack();
    const controller = new AbortController();
    const asked = attempt(relay.remote.acquireSessionSlot('s1', { signal: controller.signal }));
    controller.abort('gave up');
    await Promise.resolve();
    await settle();
    expect(asked.error).toBe('gave up');
    relay.letThrough();
    // The first brings the late grant, if there was one; the second follows its release.
    await relay.roundTrip();
    await relay.roundTrip();
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('asking nothing when the signal is aborted already', async () => {
    await using limiter = await start();
    using relay = relayed(limiter);
    const { remote } = relay;
    const signal = AbortSignal.abort('gone before');
    await expect(remote.acquireRunSlot('s1', 'r1', { signal })).rejects.toBe('gone before');
    await relay.roundTrip();
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

describe('a crash of the limiter', () => {
  test.each(MOMENTS.flatMap((moment) => STEPS.map((step) => [moment, step] as const)))(
    'being seen by nobody behind a port: %s %s',
    async (moment, step) => {
      const faultPoints = new CrashAt();
      const options = { faultPoints, restartIntensity: MANY_RESTARTS };
      await using limiter = await start({ maxParallelRuns: 1 }, options);
      using relay = relayed(limiter);
      const { remote } = relay;
      await limiter.acquireRunSlot('s1', 'r0');
      const waiting = attempt(remote.acquireRunSlot('s1', 'r1', PATIENT));
      await relay.roundTrip();
      faultPoints.arm(moment, step);
      await limiter.releaseRunSlot('r0');
      faultPoints.disarm();
      await relay.roundTrip();
      expect([waiting.outcome, waiting.settlements]).toEqual(['granted', 1]);
      faultPoints.arm(moment, step);
      expect(await waiting.value?.release()).toEqual({ sessions: 0, runs: 1, waiters: 0 });
      faultPoints.disarm();
      expect(faultPoints.crashes).toBeGreaterThan(0);
      expect([limiter.getStatus().restarts, counts(limiter)]).toEqual([faultPoints.crashes, EMPTY]);
    },
  );

  test.each(MOMENTS.flatMap((moment) => STEPS.map((step) => [moment, step] as const)))(
    'keeping no slot of a port that closes: %s %s',
    async (moment, step) => {
      const faultPoints = new CrashAt();
      const options = { faultPoints, restartIntensity: MANY_RESTARTS };
      await using limiter = await start({ maxParallelRuns: 2 }, options);
      const remote = connectLimiter(limiter.openPort());
      await remote.acquireSessionSlot('s1');
      await remote.acquireRunSlot('s1', 'r1');
      await remote.acquireRunSlot('s2', 'r2');
      const ended = ['r1', 'r2'].map((id) =>
        happens('run_slot_ended', ({ runId }) => runId === id),
      );
      faultPoints.arm(moment, step);
      remote.close();
      await Promise.all(ended);
      await settle();
      faultPoints.disarm();
      expect(counts(limiter)).toEqual(EMPTY);
      expect(limiter.getStatus().restarts).toBe(faultPoints.crashes);
    },
  );
});

describe('the process', () => {
  test.each([
    ['opened', ''],
    ['connected', ''],
    ['idle', 'exit 0\n'],
    ['holding', 'r1\nexit 0\n'],
    ['waiting', 'r1\nexit 0\n'],
  ])('ending by itself, and its thread: %s', async (scenario, told) => {
    const { stdout, stderr } = await run(process.execPath, [PROGRAM, scenario], {
      timeout: 20_000,
    });
    expect(stdout + stderr).toBe(told);
  });
});
