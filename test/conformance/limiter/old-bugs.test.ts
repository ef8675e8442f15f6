/**
 * What was wrong with the first ConcurrencyLimiter and the queue in front of it, and is not with this one.
 * Each test is named for the behaviour that is right.
 */
import { describe, expect, test } from 'vitest';
import { exit, type Limits, sys } from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import {
  attempt,
  counts,
  EMPTY,
  outcomes,
  PATIENT,
  refusalOf,
  start,
  wait,
} from '../../support/callers.ts';
import { faultOf, gate } from '../../support/servers.ts';

describe('the status', () => {
  test('being read while the limiter answers nobody', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    await sys.suspend(limiter.ref);
    expect(limiter.getStatus()).toMatchObject({ activeRuns: 1 });
    expect(limiter.getLimits()).toMatchObject({ maxParallelRuns: 50 });
    await sys.resume(limiter.ref);
  });
});

describe('a holder that fails', () => {
  test('giving its run back when its function throws', async () => {
    await using limiter = await start();
    const failing = limiter.withRunSlot('s1', () => {
      throw new Error('holder died');
    });
    await expect(failing).rejects.toThrow('holder died');
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('giving its slots back when its block is left by a throw', async () => {
    await using limiter = await start();
    const fail = async (): Promise<void> => {
      await using _session = await limiter.acquireSessionSlot('s1');
      await using _run = await limiter.acquireRunSlot('s1', 'r1');
      throw new Error('holder died');
    };
    await expect(fail()).rejects.toThrow('holder died');
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

describe('a run that is acquired before its session', () => {
  test('staying tied to the session, and ending with it', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireSessionSlot('s1');
    expect(await limiter.releaseSessionSlot('s1')).toEqual({ sessions: 1, runs: 1, waiters: 0 });
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

describe('a run id', () => {
  test('not being given to another session while it is held', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    expect((await refusalOf(limiter.acquireRunSlot('s2', 'r1'))).code).toBe('run_id_conflict');
  });

  test('not ending with a session that it was never given to', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    await refusalOf(limiter.acquireRunSlot('s2', 'r1'));
    await limiter.releaseSessionSlot('s2');
    expect(limiter.getStatus().activeRuns).toBe(1);
  });
});

describe('what is kept of a session', () => {
  test('going with its last run, although nobody releases the session', async () => {
    await using limiter = await start();
    const churn = async (from: number, to: number): Promise<number> => {
      for (let n = from; n < to; n++) {
        await limiter.acquireRunSlot(`session-${n}`, `run-${n}`);
        await limiter.releaseRunSlot(`run-${n}`);
      }
      global.gc?.();
      return process.memoryUsage().heapUsed;
    };
    const before = await churn(0, 10_000);
    const after = await churn(10_000, 60_000);
    // 50,000 entries with a set in each would be 10 MB and more.
    expect(after - before).toBeLessThan(3_000_000);
  });
});

describe('an acquire whose call timed out', () => {
  test('taking no slot when its turn comes', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await sys.suspend(limiter.ref);
    const fault = faultOf(limiter.acquireSessionSlot('s1'));
    await clock.advance(5_000);
    expect((await fault).code).toBe('call_timeout');
    await sys.resume(limiter.ref);
    await settle();
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

describe('a limit that cannot be', () => {
  test.each([null, '10', {}, []])('stopping the start: %o', async (value) => {
    const limits = { maxParallelRuns: value } as unknown as Partial<Limits>;
    expect((await faultOf(start(limits))).code).toBe('invalid_option');
  });

  test('never making a status that cannot be read', async () => {
    await using limiter = await start({ maxParallelRuns: 2 });
    const wrong = { maxParallelRuns: '10' } as unknown as Partial<Limits>;
    expect((await faultOf(limiter.setLimits(wrong))).code).toBe('invalid_option');
    expect(limiter.getStatus()).toMatchObject({ maxParallelRuns: 2, availableRunSlots: 2 });
  });
});

describe('a restart of the limiter', () => {
  test('forgetting no holder, so that the load stays within the limit', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    exit(limiter.ref, new Error('crash'));
    expect((await refusalOf(limiter.acquireRunSlot('s1', 'r2'))).code).toBe('max_runs_exceeded');
    expect(limiter.getStatus()).toMatchObject({ activeRuns: 1, restarts: 1 });
  });

  test('being nothing that its callers see', async () => {
    await using limiter = await start();
    exit(limiter.ref, new Error('crash'));
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    expect(slot.runId).toBe('r1');
  });
});

describe('runs that queue at a full limiter', () => {
  test('waiting, each, until there is room', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('elsewhere', 'r0');
    const queued = ['r1', 'r2', 'r3'].map((id) => wait(limiter, ['s1', id]));
    await settle();
    expect(outcomes(queued)).toEqual(['waiting', 'waiting', 'waiting']);
    for (const id of ['r0', 'r1', 'r2']) await limiter.releaseRunSlot(id);
    await settle();
    expect(outcomes(queued)).toEqual(['granted', 'granted', 'granted']);
  });
});

describe('a queue that is full', () => {
  test('being no reason to refuse, or to leave hanging, what finds a slot free', async () => {
    await using limiter = await start({ maxRunsPerSession: 1, maxWaiters: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    wait(limiter, ['s1', 'r2']);
    const free = wait(limiter, ['s2', 'r3']);
    await settle();
    expect(free.outcome).toBe('granted');
  });

  test('telling who does not fit in, at once', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxWaiters: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    wait(limiter, ['s1', 'r2']);
    const refusal = await refusalOf(limiter.acquireRunSlot('s1', 'r3', PATIENT));
    expect(refusal).toMatchObject({ code: 'queue_full', limit: 1 });
  });
});

describe('a wait without end', () => {
  test('being asked for with Infinity', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const slot = await limiter.acquireRunSlot('s1', 'r1', PATIENT);
    const waiting = attempt(limiter.acquireRunSlot('s1', 'r2', PATIENT));
    await slot.release();
    await settle();
    expect(waiting.outcome).toBe('granted');
  });
});

describe('a session', () => {
  test('being limited as soon as it is acquired, whoever has runs', async () => {
    await using limiter = await start({ maxParallelSessions: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireSessionSlot('s2');
    expect((await refusalOf(limiter.acquireSessionSlot('s1'))).code).toBe('max_sessions_exceeded');
  });
});

describe('the limits that a caller gives', () => {
  test('being those that hold', async () => {
    await using limiter = await start({ maxParallelRuns: 2 });
    await Promise.all(['r1', 'r2'].map((id) => limiter.acquireRunSlot('s1', id)));
    expect(await refusalOf(limiter.acquireRunSlot('s1', 'r3'))).toMatchObject({ limit: 2 });
  });

  test('being each limiter its own', async () => {
    await using one = await start({ maxParallelRuns: 1 });
    await using other = await start({ maxParallelRuns: 2 });
    const withOne = gate();
    const busy = one.withRunSlot('s1', () => withOne.opened);
    await Promise.all(['r1', 'r2'].map((id) => other.acquireRunSlot('s1', id)));
    expect([one.getStatus().activeRuns, other.getStatus().activeRuns]).toEqual([1, 2]);
    withOne.open();
    await busy;
  });
});
