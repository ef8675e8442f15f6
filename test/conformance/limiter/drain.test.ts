/**
 * Draining: nobody new is taken, who waits is sent away, and the promise tells when no run is held any
 * more. Until `resume`, whatever crashes.
 */
import { describe, expect, test } from 'vitest';
import { exit, RefusalError, startSlotkeeper } from '../../../src/index.ts';
import { recordEvents, SimulatedClock, settle } from '../../../src/testing.ts';
import {
  type Ask,
  ask,
  attempt,
  counts,
  EMPTY,
  type Limiter,
  lossOf,
  outcomes,
  PATIENT,
  refusalOf,
  said,
  saidOf,
  start,
  tryAsk,
  wait,
} from '../../support/callers.ts';
import { EPOCH, runRow } from '../../support/rows.ts';
import { faultOf } from '../../support/servers.ts';

const DRAINING = { code: 'draining', retryable: true };
const DRAINED = { drained: true, heldRuns: 0, refusedWaiters: 0, holders: [] };
const stateOf = (limiter: Limiter) => limiter.getStatus().state;

/** A limiter with one run held, which is being drained. */
async function draining(timeoutMs = Infinity) {
  const clock = new SimulatedClock();
  const limiter = await start({}, { clock });
  const slot = await limiter.acquireRunSlot('s1', 'r1');
  const drained = attempt(limiter.drain({ timeoutMs }));
  await settle();
  return { limiter, clock, slot, drained, [Symbol.asyncDispose]: () => limiter.stop() };
}

describe('a limiter that is being drained', () => {
  test('showing it in its status, to keepers too', async () => {
    await using keeper = await startSlotkeeper();
    await keeper.limiter.acquireRunSlot('s1', 'r1');
    const drained = attempt(keeper.limiter.drain({ timeoutMs: Infinity }));
    await settle();
    expect(keeper.getStatus().state).toBe('draining');
    await keeper.limiter.releaseRunSlot('r1');
    await settle();
    expect([drained.outcome, keeper.getStatus().state]).toEqual(['granted', 'draining']);
  });

  test.each<[string, Ask]>([
    ['a session', ['s2']],
    ['a run', ['s2', 'r2']],
    ['a run of a session that is held', ['s1', 'r2']],
    ['a session that would wait', ['s2', undefined, PATIENT]],
    ['a run that would wait, of high priority', ['s2', 'r2', { ...PATIENT, priority: 99 }]],
  ])('refusing %s', async (_what, asked) => {
    await using world = await draining();
    const { limiter } = world;
    expect(said(await refusalOf(ask(limiter, asked)))).toEqual(DRAINING);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('refusing who asks synchronously, as a value', async () => {
    await using world = await draining();
    for (const asked of [['s2'], ['s2', 'r2']] as const) {
      const answer = tryAsk(world.limiter, asked);
      expect(answer).toBeInstanceOf(RefusalError);
      expect(answer).toMatchObject(DRAINING);
    }
  });

  test('refusing withRunSlot, whose function does not run', async () => {
    await using world = await draining();
    const called: unknown[] = [];
    const running = world.limiter.withRunSlot('s1', (slot) => called.push(slot), PATIENT);
    expect([(await refusalOf(running)).code, called]).toEqual(['draining', []]);
  });

  test('answering an id that is held with its slot, and a conflict as ever', async () => {
    await using world = await draining();
    const { limiter, slot } = world;
    const again = await limiter.acquireRunSlot('s1', 'r1');
    expect(again.token).toBe(slot.token);
    expect(limiter.tryAcquireRunSlot('s1', 'r1')).toMatchObject({ token: slot.token });
    expect((await refusalOf(limiter.acquireRunSlot('s2', 'r1'))).code).toBe('run_id_conflict');
  });

  test('refusing an id that was held, once it was released', async () => {
    await using world = await draining();
    await world.slot.release();
    const asked = world.limiter.acquireRunSlot('s1', 'r1');
    expect(said(await refusalOf(asked))).toEqual(DRAINING);
  });

  test('refusing all who wait, sessions and runs, in the turn in which it begins', async () => {
    await using limiter = await start({ maxParallelSessions: 1, maxParallelRuns: 1 });
    await ask(limiter, ['s1']);
    await ask(limiter, ['s1', 'r1']);
    const waiting = [['s2'], ['s1', 'r2'], ['s2', 'r3', { waitTimeoutMs: 10 }]] as const;
    const asked = waiting.map((one) => wait(limiter, one));
    using recorder = recordEvents(['session_slot_refused', 'run_slot_refused']);
    const drained = attempt(limiter.drain({ timeoutMs: Infinity }));
    await settle();
    expect(asked.map(saidOf)).toEqual(Array(3).fill(DRAINING));
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 1 });
    expect(recorder.events).toMatchObject(Array(3).fill({ code: 'draining' }));
    await limiter.releaseRunSlot('r1');
    await settle();
    expect(drained.value).toEqual({ ...DRAINED, refusedWaiters: 3 });
  });

  test('granting nobody for limits that are raised', async () => {
    await using world = await draining();
    const { limiter } = world;
    await limiter.setLimits({ maxParallelRuns: 1_000 });
    expect((await refusalOf(limiter.acquireRunSlot('s1', 'r2'))).code).toBe('draining');
  });

  test('renewing leases still', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    const slot = await limiter.acquireRunSlot('s1', 'r1', { leaseMs: 1_000 });
    attempt(limiter.drain({ timeoutMs: Infinity }));
    await clock.advance(900);
    await limiter.renewRunSlot('r1', slot.token);
    await clock.advance(900);
    expect(lossOf(slot)).toBe(undefined);
  });
});

describe('the end of a drain', () => {
  test('coming at once when no run is held, with sessions held or without', async () => {
    await using limiter = await start();
    const session = await limiter.acquireSessionSlot('s1');
    expect(await limiter.drain()).toEqual(DRAINED);
    expect([stateOf(limiter), lossOf(session)]).toEqual(['draining', undefined]);
  });

  test.each<[string, (limiter: Limiter, clock: SimulatedClock) => unknown]>([
    ['a release', (limiter) => limiter.releaseRunSlot('r1')],
    ['a cascade', (limiter) => limiter.releaseSessionSlot('s1')],
    ['an eviction', (limiter) => limiter.evict('r1', 'time is up')],
    ['a lease that runs out', (_limiter, clock) => clock.advance(1_000)],
  ])('coming with the end of the last run: %s', async (_how, end) => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await limiter.acquireRunSlot('s1', 'r1', { leaseMs: 1_000 });
    const other = await limiter.acquireRunSlot('s2', 'r2');
    const drained = attempt(limiter.drain({ timeoutMs: Infinity }));
    await other.release();
    await settle();
    expect(drained.outcome).toBe('waiting');
    await end(limiter, clock);
    await settle();
    expect(drained.value).toEqual(DRAINED);
  });

  test('coming with the holder of the last run', async () => {
    await using limiter = await start();
    const controller = new AbortController();
    await limiter.acquireRunSlot('s1', 'r1', { holder: controller.signal });
    const drained = attempt(limiter.drain({ timeoutMs: Infinity }));
    controller.abort();
    await settle();
    expect(drained.value).toEqual(DRAINED);
  });

  test('coming after ten seconds if no other time is said', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    const drained = [attempt(limiter.drain()), attempt(limiter.drain({}))];
    await clock.advance(9_999);
    expect(outcomes(drained)).toEqual(['waiting', 'waiting']);
    await clock.advance(1);
    expect(outcomes(drained)).toEqual(['granted', 'granted']);
  });

  test('telling, after its time, who holds still; the draining goes on', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 13 }, { clock });
    const rows = [];
    for (let n = 0; n < 13; n++) {
      const runId = `r${n}`;
      const { token } = await limiter.acquireRunSlot('s1', runId, { kind: 'exec' });
      const row = { sessionId: 's1', runId, state: 'held', kind: 'exec', token } as const;
      rows.push(runRow({ ...row, sinceAt: EPOCH + n }));
      await clock.advance(1);
    }
    wait(limiter, ['s1', 'r13']);
    const drained = attempt(limiter.drain({ timeoutMs: 500 }));
    await clock.advance(499);
    expect(drained.outcome).toBe('waiting');
    await clock.advance(1);
    const holders = rows.slice(0, 10);
    expect(drained.value).toEqual({ drained: false, heldRuns: 13, refusedWaiters: 1, holders });
    expect(stateOf(limiter)).toBe('draining');
    expect((await refusalOf(limiter.acquireRunSlot('s2', 'newcomer'))).code).toBe('draining');
  });

  test('coming at once with a time of 0, drained or not', async () => {
    await using world = await draining();
    const { limiter, slot } = world;
    const held = await limiter.drain({ timeoutMs: 0 });
    expect(held).toMatchObject({ drained: false, heldRuns: 1, holders: [{ runId: 'r1' }] });
    await slot.release();
    expect(await limiter.drain({ timeoutMs: 0 })).toEqual(DRAINED);
  });

  test('never coming by itself with Infinity, and setting no timer for it', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    const timers = clock.allTimers;
    const drained = attempt(limiter.drain({ timeoutMs: Infinity }));
    await settle();
    expect(clock.allTimers).toBe(timers);
    await clock.advance(365 * 86_400_000);
    expect(drained.outcome).toBe('waiting');
  });

  test('leaving no timer when it comes before its time', async () => {
    await using world = await draining(10_000);
    const { clock, slot, drained } = world;
    await slot.release();
    await settle();
    expect([drained.outcome, clock.pendingTimers]).toEqual(['granted', 0]);
  });

  test('coming for each of several at its own time, and for all with the last run', async () => {
    await using world = await draining();
    const { limiter, clock, slot, drained } = world;
    const others = [100, 200, 300].map((timeoutMs) => attempt(limiter.drain({ timeoutMs })));
    await clock.advance(100);
    expect(outcomes(others)).toEqual(['granted', 'waiting', 'waiting']);
    await clock.advance(100);
    expect(outcomes(others)).toEqual(['granted', 'granted', 'waiting']);
    await slot.release();
    await settle();
    const all = [...others, drained].map(({ value }) => value?.drained);
    expect(all).toEqual([false, false, true, true]);
  });

  test('telling of the moment at which it came, whatever was begun in the same tick', async () => {
    await using world = await draining();
    const { limiter, slot, drained } = world;
    void slot.release();
    void limiter.resume();
    void limiter.acquireRunSlot('s2', 'r2');
    await settle();
    expect(drained.value).toEqual(DRAINED);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('coming with the stop, once, in whatever way', async () => {
    await using world = await draining();
    const { limiter, slot, drained } = world;
    await limiter.stop();
    await settle();
    expect([drained.settlements, lossOf(slot)]).toEqual([1, 'stopped']);
  });
});

describe('resume', () => {
  test('taking newcomers again', async () => {
    await using world = await draining();
    const { limiter } = world;
    expect(await limiter.resume()).toBe(undefined);
    expect(stateOf(limiter)).toBe('accepting');
    const asked = [await ask(limiter, ['s2']), await ask(limiter, ['s2', 'r2'])];
    expect(asked).toHaveLength(2);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 2 });
  });

  test('resolving the drains that wait still, as not drained', async () => {
    await using world = await draining(10_000);
    const { limiter, clock, drained } = world;
    const other = attempt(limiter.drain({ timeoutMs: Infinity }));
    await limiter.resume();
    await settle();
    for (const { value } of [drained, other]) {
      expect(value).toMatchObject({ drained: false, heldRuns: 1 });
    }
    expect(clock.pendingTimers).toBe(0);
  });

  test('doing nothing when nothing is drained', async () => {
    await using limiter = await start();
    const before = limiter.getStatus();
    using recorder = recordEvents(['resumed', 'drain_started', 'drain_ended']);
    expect(await limiter.resume()).toBe(undefined);
    expect(limiter.getStatus()).toBe(before);
    expect(recorder.events).toEqual([]);
  });

  test('letting it be drained again', async () => {
    await using world = await draining();
    const { limiter, slot } = world;
    await limiter.resume();
    const again = attempt(limiter.drain());
    await settle();
    expect([stateOf(limiter), again.outcome]).toEqual(['draining', 'waiting']);
    await slot.release();
    await settle();
    expect(again.value).toEqual(DRAINED);
  });
});

describe('the options of a drain', () => {
  test.each([
    { timeoutMs: -1 },
    { timeoutMs: NaN },
    { timeoutMs: '10' },
    { timeoutMs: null },
    { timeout: 10 },
    null,
    5,
  ])('not being %o', async (options) => {
    await using limiter = await start();
    const drained = limiter.drain(options as Parameters<Limiter['drain']>[0]); // wrong on purpose
    expect((await faultOf(drained)).code).toBe('invalid_option');
    expect(stateOf(limiter)).toBe('accepting');
  });
});

describe('the events of a drain', () => {
  const record = () => recordEvents(['drain_started', 'drain_ended', 'resumed']);

  test('telling its beginning, its end, and that newcomers are taken again', async () => {
    await using limiter = await start();
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    using recorder = record();
    const drained = limiter.drain();
    await settle();
    expect(recorder.events).toEqual([{ type: 'drain_started', heldRuns: 1, refusedWaiters: 0 }]);
    await slot.release();
    await drained;
    await limiter.resume();
    expect(recorder.events).toEqual([
      { type: 'drain_started', heldRuns: 1, refusedWaiters: 0 },
      { type: 'drain_ended', drained: true, heldRuns: 0 },
      { type: 'resumed', heldRuns: 0 },
    ]);
  });

  test('telling that its time was over', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    using recorder = record();
    attempt(limiter.drain({ timeoutMs: 100 }));
    await clock.advance(100);
    const [, ...ends] = recorder.events;
    expect(ends).toEqual([{ type: 'drain_ended', drained: false, heldRuns: 1 }]);
  });
});

describe('a drain of a limiter that is restarted', () => {
  test('going on, with its time and its promise', async () => {
    await using world = await draining(1_000);
    const { limiter, clock, drained } = world;
    await clock.advance(600);
    exit(limiter.ref, new Error('crash'));
    await clock.advance(399);
    expect([stateOf(limiter), drained.outcome]).toEqual(['draining', 'waiting']);
    expect((await refusalOf(limiter.acquireRunSlot('s2', 'r2'))).code).toBe('draining');
    await clock.advance(1);
    expect(drained.value).toMatchObject({ drained: false, heldRuns: 1 });
  });
});
