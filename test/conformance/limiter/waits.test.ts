/**
 * Waiting: in which order waiters are granted, what holds whom back, when a wait ends, and what a wait
 * costs in timers.
 */
import { describe, expect, test } from 'vitest';
import { sys } from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import {
  type AcquireOptions,
  type Attempt,
  attempt,
  counts,
  EMPTY,
  type Limiter,
  outcomes,
  PATIENT,
  refusalOf,
  saidOf,
  start,
  wait,
} from '../../support/callers.ts';

/** Runs that wait, each in a session of its own, and the order in which they are granted. */
function queue(limiter: Limiter, asked: readonly [string, AcquireOptions?][]) {
  const order: string[] = [];
  for (const [id, options] of asked) {
    const waiting = limiter.acquireRunSlot(`session-of-${id}`, id, { ...PATIENT, ...options });
    waiting.then(
      () => order.push(id),
      () => {},
    );
  }
  return order;
}

/** Releases whoever is granted, one after the other. */
async function releaseAll(limiter: Limiter, first: string, order: string[]) {
  await limiter.releaseRunSlot(first);
  await settle();
  for (let next = 0; next < order.length; next++) {
    await limiter.releaseRunSlot(order[next] ?? '');
    await settle();
  }
}

describe('waitTimeoutMs', () => {
  test.each<AcquireOptions>([{}, { waitTimeoutMs: 0 }])('not waiting with %o', async (options) => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const refusal = await refusalOf(limiter.acquireRunSlot('s1', 'r2', options));
    expect(refusal.code).toBe('max_runs_exceeded');
    expect(limiter.getStatus().waitingRuns).toBe(0);
  });

  test('waiting until there is room', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const waiting = attempt(limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: 1_000 }));
    await settle();
    expect(waiting.outcome).toBe('waiting');
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1, waitingRuns: 1 });
    await held.release();
    await settle();
    expect(waiting.value).toMatchObject({ sessionId: 's1', runId: 'r2' });
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('refusing at the deadline, not before, with what blocks at that moment', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 2 }, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireRunSlot('s1', 'r2');
    const waiting = attempt(limiter.acquireRunSlot('s1', 'r3', { waitTimeoutMs: 1_000 }));
    await clock.advance(999);
    expect(waiting.outcome).toBe('waiting');
    await clock.advance(1);
    expect(saidOf(waiting)).toEqual({
      code: 'wait_timeout',
      limit: 2,
      active: 2,
      scope: 'global',
      retryable: true,
    });
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 2 });
  });

  test('refusing a session at its deadline too', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxSessionsPerOwner: 1 }, { clock });
    await limiter.acquireSessionSlot('s1', { owner: 'alice' });
    const options = { owner: 'alice', waitTimeoutMs: 10 };
    const waiting = attempt(limiter.acquireSessionSlot('s2', options));
    await clock.advance(10);
    expect(saidOf(waiting)).toMatchObject({ code: 'wait_timeout', limit: 1, scope: 'owner' });
  });

  test('naming the limit that blocks at the deadline, not the one that did at first', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxRunsPerSession: 1, maxParallelRuns: 2 }, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = attempt(limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: 1_000 }));
    await limiter.acquireRunSlot('s2', 'r3');
    await limiter.setLimits({ maxRunsPerSession: 2 });
    await clock.advance(1_000);
    expect(saidOf(waiting)).toMatchObject({ code: 'wait_timeout', limit: 2, scope: 'global' });
  });

  test('having no deadline with Infinity, and setting no timer for it', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    const timers = clock.allTimers;
    const waiting = wait(limiter, ['s1', 'r2']);
    await settle();
    expect(clock.allTimers).toBe(timers);
    await clock.advance(365 * 86_400_000);
    expect(waiting.outcome).toBe('waiting');
  });

  test('keeping a deadline that is longer than a timer of Node', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = attempt(limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: 2 ** 31 }));
    await clock.advance(2 ** 31 - 1);
    expect(waiting.outcome).toBe('waiting');
    await clock.advance(1);
    expect(waiting.outcome).toBe('wait_timeout');
  });

  test('granting in time what is released in the last moment', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const waiting = attempt(limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: 1_000 }));
    await clock.advance(999);
    await held.release();
    await clock.advance(1_000);
    expect(waiting.outcome).toBe('granted');
    expect(limiter.getStatus().activeRuns).toBe(1);
  });

  test('measuring by monotonic time: a wall clock that jumps ends no wait', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = attempt(limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: 1_000 }));
    clock.jumpWall(3_600_000);
    await clock.advance(999);
    expect(waiting.outcome).toBe('waiting');
  });

  test('giving the room of who gave up to the next', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const first = attempt(limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: 10 }));
    const second = wait(limiter, ['s1', 'r3']);
    await clock.advance(10);
    await held.release();
    await settle();
    expect(outcomes([first, second])).toEqual(['wait_timeout', 'granted']);
  });
});

describe('order', () => {
  test('granting by arrival', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s0', 'r0');
    const order = queue(limiter, [['a'], ['b'], ['c']]);
    await releaseAll(limiter, 'r0', order);
    expect(order).toEqual(['a', 'b', 'c']);
  });

  test('granting higher priorities first, then by arrival', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s0', 'r0');
    const order = queue(limiter, [
      ['last', { priority: -1 }],
      ['default'],
      ['zero', { priority: 0 }],
      ['high', { priority: 10 }],
      ['higher', { priority: 11 }],
      ['high too', { priority: 10 }],
    ]);
    await releaseAll(limiter, 'r0', order);
    expect(order).toEqual(['higher', 'high', 'high too', 'default', 'zero', 'last']);
  });

  test('ordering sessions in the same way', async () => {
    await using limiter = await start({ maxParallelSessions: 1 });
    await limiter.acquireSessionSlot('s0');
    const low = wait(limiter, ['low', undefined, { priority: -5 }]);
    const first = wait(limiter, ['first']);
    const urgent = wait(limiter, ['urgent', undefined, { priority: 5 }]);
    const seen: string[][] = [];
    for (const id of ['s0', 'urgent', 'first']) {
      await limiter.releaseSessionSlot(id);
      await settle();
      seen.push(outcomes([urgent, first, low]));
    }
    expect(seen).toEqual([
      ['granted', 'waiting', 'waiting'],
      ['granted', 'granted', 'waiting'],
      ['granted', 'granted', 'granted'],
    ]);
  });

  test('granting exactly one waiter for one slot', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s0', 'r0');
    const order = queue(limiter, [['a'], ['b'], ['c']]);
    await limiter.releaseRunSlot('r0');
    await settle();
    expect(order).toEqual(['a']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1, waitingRuns: 2 });
  });

  test('having granted the next in the turn of the release', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    wait(limiter, ['s1', 'r2']);
    const released = held.release();
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
    await released;
  });

  test('granting as many as a cascade frees, in their order', async () => {
    await using limiter = await start({ maxParallelRuns: 3 });
    for (const id of ['x', 'y', 'z']) await limiter.acquireRunSlot('s1', id);
    const order = queue(limiter, [['a'], ['b', { priority: 1 }], ['c'], ['d']]);
    await limiter.releaseSessionSlot('s1');
    await settle();
    expect(order).toEqual(['b', 'a', 'c']);
  });

  test('taking turns over one slot for a thousand waiters', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s0', 'r0');
    const ids = Array.from({ length: 1_000 }, (_, n) => `w${n}`);
    const order = queue(
      limiter,
      ids.map((id) => [id]),
    );
    await limiter.releaseRunSlot('r0');
    for (const id of ids) await limiter.releaseRunSlot(id);
    await settle();
    expect(order).toEqual(ids);
  });
});

describe('what holds back whom', () => {
  test.each<[string, AcquireOptions, AcquireOptions]>([
    ['session', {}, {}],
    ['owner', { owner: 'alice' }, { owner: 'bob' }],
    ['kind', { kind: 'exec' }, { kind: 'tool' }],
  ])('a waiter blocked by its own %s not holding back others', async (by, own, others) => {
    const limits = { session: { maxRunsPerSession: 1 }, owner: { maxRunsPerOwner: 1 } };
    const perKind = { maxRunsPerKind: { exec: 1 } };
    const limit = by === 'kind' ? perKind : limits[by as 'session' | 'owner'];
    await using limiter = await start({ ...limit, maxParallelRuns: 2 });
    await limiter.acquireRunSlot('s1', 'r1', own);
    await limiter.acquireRunSlot('s0', 'r0', { owner: 'carol', kind: 'other' });
    const blocked = wait(limiter, ['s1', 'r2', { ...own, priority: 9 }]);
    const free = wait(limiter, ['s2', 'r3', others]);
    await limiter.releaseRunSlot('r0');
    await settle();
    expect(outcomes([blocked, free])).toEqual(['waiting', 'granted']);
  });

  test('granting the higher priority once its own limit has room too', async () => {
    await using limiter = await start({ maxRunsPerSession: 1, maxParallelRuns: 2 });
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireRunSlot('s2', 'r2');
    const low = wait(limiter, ['s3', 'low']);
    const high = wait(limiter, ['s1', 'high', { priority: 9 }]);
    await limiter.releaseRunSlot('r1');
    await settle();
    expect(outcomes([high, low])).toEqual(['granted', 'waiting']);
  });

  test('granting a newcomer whom no limit concerns, past waiters who are blocked', async () => {
    await using limiter = await start({ maxRunsPerSession: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    wait(limiter, ['s1', 'r2', { priority: 9 }]);
    expect((await limiter.acquireRunSlot('s2', 'r3')).runId).toBe('r3');
  });

  test('a session that waits not holding back runs, nor a run sessions', async () => {
    await using limiter = await start({ maxParallelSessions: 1, maxParallelRuns: 1 });
    await limiter.acquireSessionSlot('s1');
    wait(limiter, ['s2', undefined, { priority: 9 }]);
    const run = await limiter.acquireRunSlot('s2', 'r1');
    wait(limiter, ['s1', 'r2', { priority: 9 }]);
    await limiter.releaseSessionSlot('s1');
    await settle();
    expect(run.runId).toBe('r1');
    expect(counts(limiter)).toMatchObject({ activeSessions: 1, waitingSessions: 0 });
  });

  test('a run waiting in a session that waits being granted before it', async () => {
    await using limiter = await start({ maxParallelSessions: 1, maxParallelRuns: 1 });
    await limiter.acquireSessionSlot('s1');
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const session = wait(limiter, ['s2']);
    const run = wait(limiter, ['s2', 'r2']);
    await held.release();
    await settle();
    expect(outcomes([session, run])).toEqual(['waiting', 'granted']);
  });

  test('room in one group letting no group with a full limit in', async () => {
    await using limiter = await start({ maxRunsPerSession: 1, maxRunsPerOwner: 1 });
    await limiter.acquireRunSlot('s1', 'r1', { owner: 'alice' });
    await limiter.acquireRunSlot('s2', 'r2', { owner: 'bob' });
    const both = wait(limiter, ['s1', 'r3', { owner: 'bob' }]);
    await limiter.releaseRunSlot('r1');
    await settle();
    expect(both.outcome).toBe('waiting');
    await limiter.releaseRunSlot('r2');
    await settle();
    expect(both.outcome).toBe('granted');
  });
});

describe('a wait that ends in vain', () => {
  test('changing nothing for the others, in whatever way it ends', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s0', 'r0');
    const controller = new AbortController();
    const order = queue(limiter, [
      ['aborted', { signal: controller.signal }],
      ['a'],
      ['late', { waitTimeoutMs: 10 }],
      ['b'],
      ['withdrawn'],
      ['c'],
    ]);
    controller.abort();
    await limiter.releaseRunSlot('withdrawn');
    await clock.advance(10);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1, waitingRuns: 3 });
    await releaseAll(limiter, 'r0', order);
    expect(order).toEqual(['a', 'b', 'c']);
  });

  test('putting who asks again at the end', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s0', 'r0');
    const gone = wait(limiter, ['s1', 'r1']);
    const patient = wait(limiter, ['s2', 'r2']);
    await limiter.releaseRunSlot('r1');
    const again = wait(limiter, ['s1', 'r1']);
    await limiter.releaseRunSlot('r0');
    await settle();
    expect(outcomes([gone, patient, again])).toEqual(['withdrawn', 'granted', 'waiting']);
  });
});

describe('timers', () => {
  test('having none when nobody waits', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    await settle();
    expect(clock.pendingTimers).toBe(0);
  });

  test('having one, whatever the number of deadlines', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s0', 'r0');
    const before = clock.allTimers;
    const waiting = Array.from({ length: 1_000 }, (_, n) =>
      attempt(limiter.acquireRunSlot('s1', `r${n + 1}`, { waitTimeoutMs: 1_000 + (n % 7) })),
    );
    await settle();
    expect(clock.pendingTimers).toBe(1);
    expect(clock.allTimers - before).toBeLessThanOrEqual(1);
    await clock.advance(1_006);
    expect(new Set(outcomes(waiting))).toEqual(new Set(['wait_timeout']));
  });

  test('keeping the process alive only while somebody awaits a deadline', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    const held = await limiter.acquireRunSlot('s0', 'r0');
    const waiting = attempt(limiter.acquireRunSlot('s1', 'r1', { waitTimeoutMs: 1_000 }));
    await settle();
    expect(clock.pendingTimers).toBe(1);
    await held.release();
    await settle();
    expect([waiting.outcome, clock.pendingTimers]).toEqual(['granted', 0]);
  });

  test('firing an early deadline although a later one came first', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s0', 'r0');
    const late = attempt(limiter.acquireRunSlot('s1', 'late', { waitTimeoutMs: 5_000 }));
    const early = attempt(limiter.acquireRunSlot('s1', 'early', { waitTimeoutMs: 10 }));
    await clock.advance(10);
    expect(outcomes([late, early])).toEqual(['waiting', 'wait_timeout']);
    await clock.advance(4_990);
    expect(late.outcome).toBe('wait_timeout');
  });
});

describe('a limiter that is suspended', () => {
  test('granting nothing, and refusing nothing, until it is resumed', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await sys.suspend(limiter.ref);
    const asked = ['r1', 'r2'].map((id) => attempt(limiter.acquireRunSlot('s1', id)));
    await settle();
    expect(outcomes(asked)).toEqual(['waiting', 'waiting']);
    expect(counts(limiter)).toEqual(EMPTY);
    await sys.resume(limiter.ref);
    await settle();
    expect(outcomes(asked)).toEqual(['granted', 'max_runs_exceeded']);
  });

  test('granting no waiter, although a release has come', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    await sys.suspend(limiter.ref);
    const released = held.release();
    await settle();
    expect([waiting.outcome, limiter.getStatus().activeRuns]).toEqual(['waiting', 1]);
    await sys.resume(limiter.ref);
    await released;
    await settle();
    expect(waiting.outcome).toBe('granted');
  });

  test('letting who is not yet decided end at the wait deadline, with no effect later', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await sys.suspend(limiter.ref);
    const asked = attempt(limiter.acquireRunSlot('s1', 'r1', { waitTimeoutMs: 1_000 }));
    await clock.advance(999);
    expect(asked.outcome).toBe('waiting');
    await clock.advance(1);
    expect(asked.outcome).toBe('wait_timeout');
    await sys.resume(limiter.ref);
    await settle();
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test.each([0, 5_000, 60_000, Infinity])(
    'letting the call of who would wait %s ms time out when it stays undecided',
    async (waitTimeoutMs) => {
      const clock = new SimulatedClock();
      await using limiter = await start({}, { clock });
      await sys.suspend(limiter.ref);
      const asked = attempt(limiter.acquireRunSlot('s1', 'r1', { waitTimeoutMs }));
      await clock.advance(4_999);
      expect(asked.outcome).toBe('waiting');
      await clock.advance(1);
      expect(asked.outcome).toBe('call_timeout');
      await sys.resume(limiter.ref);
      await settle();
      expect(counts(limiter)).toEqual(EMPTY);
    },
  );

  test('not letting a call time out that waits in the queue by now', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    await clock.advance(3_600_000);
    expect(waiting.outcome).toBe('waiting');
  });

  test('letting a waiter go at its deadline', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = attempt(limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: 1_000 }));
    await sys.suspend(limiter.ref);
    await clock.advance(1_000);
    expect(waiting.outcome).toBe('wait_timeout');
    await sys.resume(limiter.ref);
    await settle();
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('letting a waiter go when its signal aborts, at once', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const controller = new AbortController();
    const waiting = wait(limiter, ['s1', 'r2', { signal: controller.signal }]);
    await sys.suspend(limiter.ref);
    controller.abort('gone');
    await settle();
    expect(waiting.error).toBe('gone');
    await sys.resume(limiter.ref);
    await settle();
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('giving no slot to who aborted before the decision', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const controller = new AbortController();
    await sys.suspend(limiter.ref);
    const gone = attempt(limiter.acquireRunSlot('s1', 'r1', { signal: controller.signal }));
    const next = attempt(limiter.acquireRunSlot('s1', 'r2'));
    controller.abort('gone');
    await sys.resume(limiter.ref);
    await settle();
    expect([gone.error, next.outcome]).toEqual(['gone', 'granted']);
    expect(limiter.getStatus().activeRuns).toBe(1);
  });

  test('not granting who aborted while a release waited', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const controller = new AbortController();
    const gone = wait(limiter, ['s1', 'r2', { signal: controller.signal }]);
    const next = wait(limiter, ['s1', 'r3']);
    await sys.suspend(limiter.ref);
    const released = held.release();
    controller.abort('gone');
    await sys.resume(limiter.ref);
    await released;
    await settle();
    expect([gone.outcome, next.outcome]).toEqual(['gone', 'granted']);
  });
});

describe('a burst', () => {
  const refusedOf = (asked: Attempt<unknown>[], code: string) =>
    asked.filter(({ outcome }) => outcome === code).length;

  test('answering 100,000 acquires of one tick, none with mailbox_full', async () => {
    await using limiter = await start({ maxParallelRuns: 50 });
    const asked = Array.from({ length: 100_000 }, (_, n) =>
      attempt(limiter.acquireRunSlot('s1', `r${n}`)),
    );
    await settle();
    expect(refusedOf(asked, 'granted')).toBe(50);
    expect(refusedOf(asked, 'max_runs_exceeded')).toBe(99_950);
  });

  test('letting as many wait as maxWaiters, and telling the others', async () => {
    await using limiter = await start({ maxParallelRuns: 50 });
    const asked = Array.from({ length: 100_000 }, (_, n) => wait(limiter, ['s1', `r${n}`]));
    await settle();
    expect(refusedOf(asked, 'granted')).toBe(50);
    expect(refusedOf(asked, 'waiting')).toBe(10_000);
    expect(refusedOf(asked, 'queue_full')).toBe(89_950);
  });

  test('letting all wait when maxWaiters is Infinity', async () => {
    await using limiter = await start({ maxParallelRuns: 50, maxWaiters: Infinity });
    const asked = Array.from({ length: 100_000 }, (_, n) => wait(limiter, ['s1', `r${n}`]));
    await settle();
    expect(limiter.getStatus().waitingRuns).toBe(99_950);
    await limiter.releaseSessionSlot('s1');
    await settle();
    expect(refusedOf(asked, 'session_released')).toBe(99_950);
  });

  test('keeping 100,000 acquires of one tick while it is suspended', async () => {
    await using limiter = await start({ maxParallelRuns: 50 });
    await sys.suspend(limiter.ref);
    const asked = Array.from({ length: 100_000 }, (_, n) =>
      attempt(limiter.acquireRunSlot('s1', `r${n}`)),
    );
    await settle();
    expect(refusedOf(asked, 'mailbox_full')).toBe(0);
    await sys.resume(limiter.ref);
    await settle();
    expect(refusedOf(asked, 'granted')).toBe(50);
  });
});
