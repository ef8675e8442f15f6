/**
 * Limits: what each of them counts, whom it concerns, which one a refusal names, and which values can be.
 */
import { describe, expect, test } from 'vitest';
import { type Limits, RefusalError, SlotkeeperError } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import {
  type Ask,
  ask,
  attempt,
  counts,
  EMPTY,
  PATIENT,
  refusalOf,
  said,
  saidOf,
  start,
  wait,
} from '../../support/callers.ts';
import { faultOf } from '../../support/servers.ts';

interface Row {
  readonly limits: Partial<Limits>;
  readonly held: readonly Ask[];
  readonly refused: Ask;
  readonly code: string;
  readonly scope: string;
  /** Whom the limit does not concern. */
  readonly granted: readonly Ask[];
}

const alice = { owner: 'alice' };
const bob = { owner: 'bob' };
const exec = { kind: 'exec' };

const ROWS: Record<string, Row> = {
  maxParallelSessions: {
    limits: { maxParallelSessions: 2 },
    held: [['s1'], ['s2', undefined, alice]],
    refused: ['s3', undefined, bob],
    code: 'max_sessions_exceeded',
    scope: 'global',
    granted: [['s3', 'r1']],
  },
  maxParallelRuns: {
    limits: { maxParallelRuns: 2 },
    held: [
      ['s1', 'r1', alice],
      ['s2', 'r2', exec],
    ],
    refused: ['s3', 'r3'],
    code: 'max_runs_exceeded',
    scope: 'global',
    granted: [['s3']],
  },
  maxRunsPerSession: {
    limits: { maxRunsPerSession: 2 },
    held: [
      ['s1', 'r1', alice],
      ['s1', 'r2', exec],
    ],
    refused: ['s1', 'r3', bob],
    code: 'max_runs_per_session_exceeded',
    scope: 'session',
    granted: [['s2', 'r3'], ['s1']],
  },
  maxSessionsPerOwner: {
    limits: { maxSessionsPerOwner: 2 },
    held: [
      ['s1', undefined, alice],
      ['s2', undefined, alice],
    ],
    refused: ['s3', undefined, alice],
    code: 'max_sessions_per_owner_exceeded',
    scope: 'owner',
    granted: [['s3', undefined, bob], ['s4'], ['s5', 'r1', alice]],
  },
  maxRunsPerOwner: {
    limits: { maxRunsPerOwner: 2 },
    held: [
      ['s1', 'r1', alice],
      ['s2', 'r2', { ...alice, ...exec }],
    ],
    refused: ['s3', 'r3', alice],
    code: 'max_runs_per_owner_exceeded',
    scope: 'owner',
    granted: [
      ['s1', 'r3', bob],
      ['s1', 'r4'],
      ['s1', undefined, alice],
    ],
  },
  maxJobsPerOwner: {
    limits: { maxJobsPerOwner: 2 },
    held: [
      ['s1', 'r1', alice],
      ['s2', 'r2', alice],
    ],
    refused: ['s3', 'r3', alice],
    code: 'max_jobs_per_owner_exceeded',
    scope: 'owner',
    granted: [
      ['s1', 'r3', bob],
      ['s1', 'r4'],
      ['s1', undefined, alice],
    ],
  },
  maxRunsPerKind: {
    limits: { maxRunsPerKind: { exec: 2 } },
    held: [
      ['s1', 'r1', exec],
      ['s2', 'r2', { ...exec, ...alice }],
    ],
    refused: ['s3', 'r3', exec],
    code: 'max_runs_per_kind_exceeded',
    scope: 'kind',
    granted: [['s1', 'r3', { kind: 'tool' }], ['s1', 'r4'], ['s1']],
  },
};

describe.each(Object.entries(ROWS))('limit: %s', (_name, row) => {
  const { limits, held, refused, code, scope } = row;

  test('refusing what is above it, with both numbers', async () => {
    await using limiter = await start(limits);
    for (const one of held) await ask(limiter, one);
    const refusal = await refusalOf(ask(limiter, refused));
    expect(said(refusal)).toEqual({ code, limit: 2, active: 2, scope, retryable: true });
    expect(refusal.message).toMatch(/\b2\b.*\b2\b/);
  });

  test('changing nothing when it refuses', async () => {
    await using limiter = await start(limits);
    for (const one of held) await ask(limiter, one);
    const before = limiter.getStatus();
    await refusalOf(ask(limiter, refused));
    expect(limiter.getStatus()).toBe(before);
  });

  test('granting again once there is room', async () => {
    await using limiter = await start(limits);
    const [first] = await Promise.all(held.map((one) => ask(limiter, one)));
    await first?.release();
    expect((await ask(limiter, refused)).sessionId).toBe(refused[0]);
  });

  test('not concerning others', async () => {
    await using limiter = await start(limits);
    for (const one of [...held, ...row.granted]) await ask(limiter, one);
    const { activeSessions, activeRuns } = counts(limiter);
    expect(activeSessions + activeRuns).toBe(held.length + row.granted.length);
  });

  test('never being exceeded by many at once', async () => {
    await using limiter = await start(limits);
    const [sessionId, runId, options] = refused;
    const asked = Array.from({ length: 20 }, (_, n) => {
      const id = runId && `${runId}-${n}`;
      return attempt(ask(limiter, [runId ? sessionId : `${sessionId}-${n}`, id, options]));
    });
    await settle();
    expect(asked.filter(({ outcome }) => outcome === 'granted').length).toBe(2);
    expect(asked.filter(({ outcome }) => outcome === code).length).toBe(18);
  });
});

describe('several limits that are full', () => {
  const limits = {
    maxParallelSessions: 1,
    maxParallelRuns: 1,
    maxRunsPerSession: 1,
    maxSessionsPerOwner: 1,
    maxRunsPerOwner: 1,
    maxJobsPerOwner: 1,
    maxRunsPerKind: { exec: 1 },
  };
  const both = { ...alice, ...exec };

  test.each<[string, string, Ask, Partial<Limits>]>([
    ['session', 'max_runs_per_session_exceeded', ['s1', 'r2', both], {}],
    ['owner', 'max_runs_per_owner_exceeded', ['s2', 'r2', both], {}],
    ['owner', 'max_jobs_per_owner_exceeded', ['s2', 'r2', both], { maxRunsPerOwner: Infinity }],
    ['kind', 'max_runs_per_kind_exceeded', ['s2', 'r2', exec], {}],
    ['kind', 'max_runs_per_kind_exceeded', ['s2', 'r2', { ...bob, ...exec }], {}],
    ['global', 'max_runs_exceeded', ['s2', 'r2'], {}],
    ['owner', 'max_sessions_per_owner_exceeded', ['s2', undefined, alice], {}],
    ['global', 'max_sessions_exceeded', ['s2', undefined, bob], {}],
  ])('naming the narrowest: %s, %s', async (scope, code, asked, changed) => {
    await using limiter = await start({ ...limits, ...changed });
    await limiter.acquireSessionSlot('s1', alice);
    await limiter.acquireRunSlot('s1', 'r1', both);
    const refusal = await refusalOf(ask(limiter, asked));
    expect(said(refusal)).toEqual({ code, limit: 1, active: 1, scope, retryable: true });
  });

  test('taking nothing of one limit when another refuses', async () => {
    await using limiter = await start({ maxRunsPerOwner: 1, maxRunsPerKind: { exec: 1 } });
    await limiter.acquireRunSlot('s1', 'r1', exec);
    await refusalOf(limiter.acquireRunSlot('s1', 'r2', both));
    expect((await limiter.acquireRunSlot('s1', 'r3', alice)).runId).toBe('r3');
  });
});

describe('limit: maxJobsPerOwner', () => {
  test('counting runs that wait as well as runs held', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxJobsPerOwner: 2 });
    await limiter.acquireRunSlot('s1', 'r1', alice);
    wait(limiter, ['s1', 'r2', alice]);
    const refusal = await refusalOf(limiter.acquireRunSlot('s1', 'r3', { ...alice, ...PATIENT }));
    expect(said(refusal)).toEqual({
      code: 'max_jobs_per_owner_exceeded',
      limit: 2,
      active: 2,
      scope: 'owner',
      retryable: true,
    });
  });

  test('refusing who would wait at once, also when nothing else is full', async () => {
    await using limiter = await start({ maxJobsPerOwner: 1 });
    await limiter.acquireRunSlot('s1', 'r1', alice);
    const asked = attempt(limiter.acquireRunSlot('s1', 'r2', { ...alice, ...PATIENT }));
    await settle();
    expect(saidOf(asked)).toMatchObject({ code: 'max_jobs_per_owner_exceeded', limit: 1 });
  });

  test('naming itself to who would wait, although a narrower limit is full too', async () => {
    await using limiter = await start({ maxRunsPerSession: 1, maxJobsPerOwner: 1 });
    await limiter.acquireRunSlot('s1', 'r1', alice);
    const asked = limiter.acquireRunSlot('s1', 'r2', { ...alice, ...PATIENT });
    expect((await refusalOf(asked)).code).toBe('max_jobs_per_owner_exceeded');
  });

  test('giving the job back when a wait ends in vain', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxJobsPerOwner: 2 });
    await limiter.acquireRunSlot('s1', 'r1', alice);
    wait(limiter, ['s1', 'r2', alice]);
    await limiter.releaseRunSlot('r2');
    const next = wait(limiter, ['s1', 'r3', alice]);
    await settle();
    expect(next.outcome).toBe('waiting');
  });

  test('keeping a job one job when its wait is granted', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxJobsPerOwner: 2 });
    const held = await limiter.acquireRunSlot('s1', 'r1', alice);
    wait(limiter, ['s1', 'r2', alice]);
    await held.release();
    const next = wait(limiter, ['s1', 'r3', alice]);
    const tooMany = wait(limiter, ['s1', 'r4', alice]);
    await settle();
    expect([next.outcome, tooMany.outcome]).toEqual(['waiting', 'max_jobs_per_owner_exceeded']);
  });

  test('counting no sessions, neither held nor waiting', async () => {
    await using limiter = await start({ maxParallelSessions: 1, maxJobsPerOwner: 1 });
    await limiter.acquireSessionSlot('s1', alice);
    const waiting = wait(limiter, ['s2', undefined, alice]);
    const run = await limiter.acquireRunSlot('s1', 'r1', alice);
    await settle();
    expect([waiting.outcome, run.runId]).toEqual(['waiting', 'r1']);
  });
});

describe('limit: maxWaiters', () => {
  test('refusing who would wait beyond it', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxWaiters: 2 });
    await limiter.acquireRunSlot('s0', 'r0');
    for (const id of ['r1', 'r2']) wait(limiter, ['s1', id]);
    const refusal = await refusalOf(limiter.acquireRunSlot('s1', 'r3', PATIENT));
    expect(refusal).toMatchObject({ code: 'queue_full', limit: 2, retryable: true });
  });

  test('counting sessions and runs together', async () => {
    await using limiter = await start({
      maxParallelRuns: 1,
      maxParallelSessions: 1,
      maxWaiters: 2,
    });
    await limiter.acquireSessionSlot('s0');
    await limiter.acquireRunSlot('s0', 'r0');
    wait(limiter, ['s1']);
    wait(limiter, ['s1', 'r1']);
    for (const asked of [['s2'], ['s2', 'r2']] as const) {
      const [sessionId, runId] = asked;
      const refusal = refusalOf(ask(limiter, [sessionId, runId, PATIENT]));
      expect((await refusal).code).toBe('queue_full');
    }
  });

  test('not concerning who does not wait: the full limit is named', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxWaiters: 1 });
    await limiter.acquireRunSlot('s0', 'r0');
    wait(limiter, ['s1', 'r1']);
    expect((await refusalOf(limiter.acquireRunSlot('s1', 'r2'))).code).toBe('max_runs_exceeded');
  });

  test('having room again when a waiter has left', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxWaiters: 1 });
    await limiter.acquireRunSlot('s0', 'r0');
    wait(limiter, ['s1', 'r1']);
    await limiter.releaseRunSlot('r1');
    const next = wait(limiter, ['s1', 'r2']);
    await settle();
    expect(next.outcome).toBe('waiting');
  });

  test('naming the jobs of the owner before itself', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxWaiters: 1, maxJobsPerOwner: 1 });
    await limiter.acquireRunSlot('s0', 'r0', alice);
    wait(limiter, ['s1', 'r1']);
    const asked = limiter.acquireRunSlot('s1', 'r2', { ...alice, ...PATIENT });
    expect((await refusalOf(asked)).code).toBe('max_jobs_per_owner_exceeded');
  });
});

describe('limit: maxRunsPerKind', () => {
  test('limiting each kind by itself', async () => {
    await using limiter = await start({ maxRunsPerKind: { exec: 1, tool: 2 } });
    await limiter.acquireRunSlot('s1', 'e1', exec);
    for (const id of ['t1', 't2']) await limiter.acquireRunSlot('s1', id, { kind: 'tool' });
    const refusals = await Promise.all([
      refusalOf(limiter.acquireRunSlot('s1', 'e2', exec)),
      refusalOf(limiter.acquireRunSlot('s1', 't3', { kind: 'tool' })),
    ]);
    expect(refusals.map(({ limit }) => limit)).toEqual([1, 2]);
  });

  test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'taking the kind %s for a kind like any other',
    async (kind) => {
      await using limiter = await start();
      await limiter.acquireRunSlot('s1', 'r1', { kind });
      await limiter.setLimits({ maxRunsPerKind: Object.fromEntries([[kind, 1]]) });
      const refusal = await refusalOf(limiter.acquireRunSlot('s1', 'r2', { kind }));
      expect(refusal).toMatchObject({ code: 'max_runs_per_kind_exceeded', limit: 1 });
    },
  );
});

describe.each(['constructor', '__proto__', 'hasOwnProperty'])('the name %s', (name) => {
  test('being an id and an owner like any other', async () => {
    await using limiter = await start({ maxRunsPerSession: 1, maxRunsPerOwner: 1 });
    const slot = await limiter.acquireRunSlot(name, name, { owner: name });
    const session = await limiter.acquireSessionSlot(name, { owner: name });
    expect([slot.runId, session.sessionId]).toEqual([name, name]);
    await session.release();
    expect(counts(limiter)).toEqual(EMPTY);
  });
});

const NUMBERS = [
  'maxParallelSessions',
  'maxParallelRuns',
  'maxRunsPerSession',
  'maxSessionsPerOwner',
  'maxRunsPerOwner',
  'maxJobsPerOwner',
  'maxWaiters',
] as const;

describe.each(NUMBERS)('the value of %s', (name) => {
  test.each([0, -1, 1.5, NaN, null, '10', 2 ** 31, -Infinity, true, [1]])(
    'not being %o',
    async (value) => {
      const limits = { [name]: value } as unknown as Partial<Limits>;
      const fault = await faultOf(start(limits));
      expect(fault.code).toBe('invalid_option');
      expect(fault.message).toContain(name);
      if (!Array.isArray(value)) expect(fault.message).toContain(String(value));
    },
  );

  test.each([1, 2 ** 31 - 1, Infinity])('being %o', async (value) => {
    await using limiter = await start({ [name]: value });
    expect(limiter.getLimits()[name]).toBe(value);
  });
});

describe('the value of maxRunsPerKind', () => {
  test.each([0, -1, 1.5, NaN, null, '10', 2 ** 31])('not being %o for a kind', async (value) => {
    const limits = { maxRunsPerKind: { tool: 1, exec: value } } as unknown as Partial<Limits>;
    const fault = await faultOf(start(limits));
    expect(fault.code).toBe('invalid_option');
    expect(fault.message).toMatch(/maxRunsPerKind.*exec/);
  });

  test.each([5, null, 'exec', [1]])('not being %o', async (value) => {
    const limits = { maxRunsPerKind: value } as unknown as Partial<Limits>;
    expect((await faultOf(start(limits))).code).toBe('invalid_option');
  });

  test('not being changed from outside afterwards', async () => {
    const maxRunsPerKind: Record<string, number> = { exec: 1 };
    await using limiter = await start({ maxRunsPerKind });
    maxRunsPerKind.exec = 9;
    expect(limiter.getLimits().maxRunsPerKind).toEqual({ exec: 1 });
  });
});

describe('getLimits', () => {
  test('telling every default', async () => {
    await using limiter = await start();
    expect(limiter.getLimits()).toEqual({
      maxParallelSessions: 100,
      maxParallelRuns: 50,
      maxRunsPerSession: Infinity,
      maxSessionsPerOwner: Infinity,
      maxRunsPerOwner: Infinity,
      maxJobsPerOwner: Infinity,
      maxRunsPerKind: {},
      maxWaiters: 10_000,
    });
  });

  test('being frozen, kinds and all', async () => {
    await using limiter = await start({ maxRunsPerKind: { exec: 1 } });
    const limits = limiter.getLimits();
    expect([limits, limits.maxRunsPerKind].every(Object.isFrozen)).toBe(true);
  });

  test('answering after the stop', async () => {
    const limiter = await start({ maxParallelRuns: 3 });
    await limiter.stop();
    expect(limiter.getLimits().maxParallelRuns).toBe(3);
  });
});

describe('a refusal', () => {
  test('being a RefusalError, which is a SlotkeeperError', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const refusal = await refusalOf(limiter.acquireRunSlot('s1', 'r2'));
    expect(refusal).toBeInstanceOf(RefusalError);
    expect(refusal).toBeInstanceOf(SlotkeeperError);
    expect(refusal).toBeInstanceOf(Error);
  });

  test('having a name and a message that can be logged', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const refusal = await refusalOf(limiter.acquireRunSlot('s1', 'r2'));
    expect(refusal.name).toBe('RefusalError');
    expect(JSON.parse(JSON.stringify(refusal))).toMatchObject({
      code: 'max_runs_exceeded',
      message: 'Maximum parallel runs limit (1) exceeded. Currently active: 1',
    });
  });
});
