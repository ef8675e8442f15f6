/**
 * Changing limits while slots are held: nobody is evicted, waiters are granted in the same turn, and a
 * value that cannot be changes nothing.
 */
import { describe, expect, test } from 'vitest';
import { type Limits, sys } from '../../../src/index.ts';
import { recordEvents, SimulatedClock, settle } from '../../../src/testing.ts';
import {
  attempt,
  counts,
  outcomes,
  PATIENT,
  refusalOf,
  start,
  wait,
} from '../../support/callers.ts';
import { EPOCH } from '../../support/rows.ts';
import { faultOf } from '../../support/servers.ts';

describe('setLimits', () => {
  test('resolving with all limits, as getLimits tells them', async () => {
    await using limiter = await start({ maxParallelRuns: 5, maxRunsPerSession: 2 });
    const limits = await limiter.setLimits({ maxParallelRuns: 6 });
    expect(limits).toMatchObject({ maxParallelRuns: 6, maxRunsPerSession: 2 });
    expect(limiter.getLimits()).toEqual(limits);
    expect(Object.isFrozen(limits)).toBe(true);
  });

  test('showing in the status, in the same turn', async () => {
    await using limiter = await start();
    const changed = limiter.setLimits({ maxParallelSessions: 7, maxParallelRuns: 8 });
    expect(limiter.getStatus()).toMatchObject({
      maxParallelSessions: 7,
      maxParallelRuns: 8,
      availableSessionSlots: 7,
      availableRunSlots: 8,
    });
    await changed;
  });

  test('leaving the limits that were told before as they were', async () => {
    await using limiter = await start({ maxParallelRuns: 5 });
    const before = limiter.getLimits();
    await limiter.setLimits({ maxParallelRuns: 6 });
    expect(before.maxParallelRuns).toBe(5);
  });

  test('changing nothing with nothing', async () => {
    await using limiter = await start();
    const before = limiter.getLimits();
    expect(await limiter.setLimits({})).toEqual(before);
  });
});

describe('setLimits: lowering', () => {
  test('evicting nobody, and telling no room rather than less than none', async () => {
    await using limiter = await start({ maxParallelRuns: 3 });
    const ids = ['r1', 'r2', 'r3'];
    const slots = await Promise.all(ids.map((id) => limiter.acquireRunSlot('s1', id)));
    await limiter.setLimits({ maxParallelRuns: 1 });
    expect(limiter.getStatus()).toMatchObject({ activeRuns: 3, availableRunSlots: 0 });
    expect(slots.map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
  });

  test('granting nobody until there is room under the new limit', async () => {
    await using limiter = await start({ maxParallelRuns: 3 });
    for (const id of ['r1', 'r2', 'r3']) await limiter.acquireRunSlot('s1', id);
    await limiter.setLimits({ maxParallelRuns: 1 });
    const waiting = wait(limiter, ['s1', 'r4']);
    const seen: string[] = [];
    for (const id of ['r1', 'r2', 'r3']) {
      await limiter.releaseRunSlot(id);
      await settle();
      seen.push(waiting.outcome);
    }
    expect(seen).toEqual(['waiting', 'waiting', 'granted']);
  });

  test('naming in refusals how many are active above the limit', async () => {
    await using limiter = await start({ maxParallelRuns: 3 });
    for (const id of ['r1', 'r2', 'r3']) await limiter.acquireRunSlot('s1', id);
    await limiter.setLimits({ maxParallelRuns: 1 });
    const refusal = await refusalOf(limiter.acquireRunSlot('s1', 'r4'));
    expect(refusal.message).toBe('Maximum parallel runs limit (1) exceeded. Currently active: 3');
  });

  test('answering those who hold their slots as before', async () => {
    await using limiter = await start({ maxParallelRuns: 2 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireRunSlot('s1', 'r2');
    await limiter.setLimits({ maxParallelRuns: 1 });
    expect((await limiter.acquireRunSlot('s1', 'r1')).token).toBe(held.token);
  });

  test('sending no waiter away that is above maxWaiters now', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const waiting = ['r2', 'r3'].map((id) => wait(limiter, ['s1', id]));
    await limiter.setLimits({ maxWaiters: 1 });
    await settle();
    expect(outcomes(waiting)).toEqual(['waiting', 'waiting']);
    expect((await refusalOf(limiter.acquireRunSlot('s1', 'r4', PATIENT))).code).toBe('queue_full');
  });

  test('limiting a session, an owner and a kind that hold already', async () => {
    await using limiter = await start();
    const options = { owner: 'alice', kind: 'exec' };
    await limiter.acquireRunSlot('s1', 'r1', options);
    const codes: string[] = [];
    for (const limits of [
      { maxRunsPerKind: { exec: 1 } },
      { maxRunsPerOwner: 1 },
      { maxRunsPerSession: 1 },
    ]) {
      await limiter.setLimits(limits);
      codes.push((await refusalOf(limiter.acquireRunSlot('s1', 'r2', options))).code);
    }
    expect(codes).toEqual([
      'max_runs_per_kind_exceeded',
      'max_runs_per_owner_exceeded',
      'max_runs_per_session_exceeded',
    ]);
  });
});

describe('setLimits: raising', () => {
  test('granting waiters in their order, as many as there is room for', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r0');
    const waiting = [0, 1, 0].map((priority, n) =>
      wait(limiter, ['s1', `r${n + 1}`, { priority }]),
    );
    await limiter.setLimits({ maxParallelRuns: 3 });
    await settle();
    expect(outcomes(waiting)).toEqual(['granted', 'granted', 'waiting']);
    expect(counts(limiter)).toMatchObject({ activeRuns: 3, waitingRuns: 1 });
  });

  test.each<[string, Partial<Limits>, Partial<Limits>]>([
    ['maxRunsPerSession', { maxRunsPerSession: 1 }, { maxRunsPerSession: 2 }],
    ['maxRunsPerOwner', { maxRunsPerOwner: 1 }, { maxRunsPerOwner: 2 }],
    ['maxRunsPerKind', { maxRunsPerKind: { exec: 1 } }, { maxRunsPerKind: { exec: 2 } }],
    ['maxRunsPerKind', { maxRunsPerKind: { exec: 1 } }, { maxRunsPerKind: { exec: Infinity } }],
    ['maxParallelRuns', { maxParallelRuns: 1 }, { maxParallelRuns: Infinity }],
  ])('granting who waits for %s', async (_name, low, high) => {
    await using limiter = await start(low);
    const options = { owner: 'alice', kind: 'exec' };
    await limiter.acquireRunSlot('s1', 'r1', options);
    const waiting = wait(limiter, ['s1', 'r2', options]);
    await settle();
    expect(waiting.outcome).toBe('waiting');
    await limiter.setLimits(high);
    await settle();
    expect(waiting.outcome).toBe('granted');
  });

  test.each<[Partial<Limits>, Partial<Limits>]>([
    [{ maxParallelSessions: 1 }, { maxParallelSessions: 2 }],
    [{ maxSessionsPerOwner: 1 }, { maxSessionsPerOwner: 2 }],
  ])('granting a session that waits: %o, then %o', async (low, high) => {
    await using limiter = await start(low);
    await limiter.acquireSessionSlot('s1', { owner: 'alice' });
    const waiting = wait(limiter, ['s2', undefined, { owner: 'alice' }]);
    await limiter.setLimits(high);
    await settle();
    expect(waiting.outcome).toBe('granted');
  });
});

describe('setLimits: maxRunsPerKind', () => {
  test('being merged, kind by kind', async () => {
    await using limiter = await start({ maxRunsPerKind: { exec: 1, tool: 2 } });
    await limiter.setLimits({ maxRunsPerKind: { tool: 3, agent: 4 } });
    expect(limiter.getLimits().maxRunsPerKind).toMatchObject({ exec: 1, tool: 3, agent: 4 });
  });

  test('being lifted by Infinity', async () => {
    await using limiter = await start({ maxRunsPerKind: { exec: 1 } });
    await limiter.setLimits({ maxRunsPerKind: { exec: Infinity } });
    const ids = ['r1', 'r2', 'r3'];
    await Promise.all(ids.map((id) => limiter.acquireRunSlot('s1', id, { kind: 'exec' })));
    expect(limiter.getStatus().activeRuns).toBe(3);
  });
});

describe('setLimits: values that cannot be', () => {
  test.each([0, -1, 1.5, NaN, null, '10', 2 ** 31])(
    'rejecting %o, and changing nothing beside it',
    async (value) => {
      await using limiter = await start({ maxParallelRuns: 5 });
      const before = [limiter.getLimits(), limiter.getStatus()];
      const wrong = { maxParallelRuns: 6, maxRunsPerSession: value } as unknown as Partial<Limits>;
      const fault = await faultOf(limiter.setLimits(wrong));
      expect(fault.code).toBe('invalid_option');
      expect(fault.message).toContain('maxRunsPerSession');
      expect([limiter.getLimits(), limiter.getStatus()]).toEqual(before);
    },
  );

  test('rejecting a kind whose limit cannot be, and changing no other kind', async () => {
    await using limiter = await start({ maxRunsPerKind: { exec: 1 } });
    const fault = await faultOf(limiter.setLimits({ maxRunsPerKind: { exec: 2, tool: 0 } }));
    expect(fault.code).toBe('invalid_option');
    expect(limiter.getLimits().maxRunsPerKind).toEqual({ exec: 1 });
  });

  test('rejecting a limit that is not there', async () => {
    await using limiter = await start();
    const fault = await faultOf(limiter.setLimits({ maxParalelRuns: 5 } as object));
    expect(fault.code).toBe('invalid_option');
    expect(fault.message).toContain('maxParalelRuns');
  });

  test.each([null, undefined, 5, 'all'])('rejecting %o instead of limits', async (limits) => {
    await using limiter = await start();
    await expect(limiter.setLimits(limits as unknown as Partial<Limits>)).rejects.toThrow();
    expect(limiter.getStatus().state).toBe('accepting');
  });
});

describe('resetLimits', () => {
  const first = { maxParallelRuns: 2, maxRunsPerKind: { exec: 1 } };

  test('making the limits those of the start again, kinds too', async () => {
    await using limiter = await start(first);
    const before = limiter.getLimits();
    await limiter.setLimits({ maxParallelRuns: 1, maxRunsPerKind: { exec: Infinity, tool: 2 } });
    await limiter.setLimits({ maxWaiters: 3 });
    expect(await limiter.resetLimits()).toEqual(before);
    expect([limiter.getLimits(), limiter.getStatus().maxParallelRuns]).toEqual([before, 2]);
  });

  test('granting waiters in their order, as many as there is room for', async () => {
    await using limiter = await start(first);
    await limiter.setLimits({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r0');
    const waiting = [0, 1].map((priority, n) => wait(limiter, ['s1', `r${n + 1}`, { priority }]));
    await limiter.resetLimits();
    await settle();
    expect(outcomes(waiting)).toEqual(['waiting', 'granted']);
  });

  test('changing nothing where nothing was changed', async () => {
    await using limiter = await start(first);
    const before = limiter.getLimits();
    expect(await limiter.resetLimits()).toEqual(before);
  });

  test('telling the limits in an event, as every change', async () => {
    await using limiter = await start(first);
    await limiter.setLimits({ maxParallelRuns: 1 });
    using recorder = recordEvents(['limits_changed']);
    await limiter.resetLimits();
    expect(recorder.events).toMatchObject([{ limits: { maxParallelRuns: 2 } }]);
  });
});

describe('getLimitsChange', () => {
  test('telling when limits were changed or set back last, and by whom', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    expect(limiter.getLimitsChange()).toBe(undefined);
    await clock.advance(1_000);
    await limiter.setLimits({ maxParallelRuns: 1 }, { by: 'alice' });
    expect(limiter.getLimitsChange()).toEqual({ at: EPOCH + 1_000, by: 'alice' });
    await clock.advance(1_000);
    await limiter.resetLimits();
    expect(limiter.getLimitsChange()).toEqual({ at: EPOCH + 2_000, by: undefined });
    expect(Object.isFrozen(limiter.getLimitsChange())).toBe(true);
  });

  test.each([{ by: '' }, { by: 'a'.repeat(257) }, { by: 5 }, { who: 'alice' }, null])(
    'telling nothing of a change that says %j',
    async (options) => {
      await using limiter = await start({ maxParallelRuns: 5 });
      const wrong = options as { by: string };
      const faults = [
        await faultOf(limiter.setLimits({ maxParallelRuns: 6 }, wrong)),
        await faultOf(limiter.resetLimits(wrong)),
      ];
      expect(faults.map(({ code }) => code)).toEqual(['invalid_option', 'invalid_option']);
      expect(limiter.getLimits().maxParallelRuns).toBe(5);
      expect(limiter.getLimitsChange()).toBe(undefined);
    },
  );
});

describe('setLimits: time', () => {
  test('timing out while the limiter is suspended, and having no effect later', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 5 }, { clock });
    await sys.suspend(limiter.ref);
    const asked = attempt(limiter.setLimits({ maxParallelRuns: 6 }));
    await clock.advance(5_000);
    expect(asked.outcome).toBe('call_timeout');
    await sys.resume(limiter.ref);
    await settle();
    expect(limiter.getLimits().maxParallelRuns).toBe(5);
  });

  test('coming in its turn, between the acquires around it', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await sys.suspend(limiter.ref);
    const before = ['r1', 'r2'].map((id) => attempt(limiter.acquireRunSlot('s1', id)));
    const changed = limiter.setLimits({ maxParallelRuns: 2 });
    const after = ['r3', 'r4'].map((id) => attempt(limiter.acquireRunSlot('s1', id)));
    await sys.resume(limiter.ref);
    await changed;
    await settle();
    expect(outcomes([...before, ...after])).toEqual([
      'granted',
      'max_runs_exceeded',
      'granted',
      'max_runs_exceeded',
    ]);
  });
});
