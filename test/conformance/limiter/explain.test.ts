/**
 * Explaining: why an id waits and behind whom, or since when it is held. Refusals are explained in
 * explain-refusals.test.ts, estimates in estimates.test.ts.
 */
import { describe, expect, test } from 'vitest';
import { type BlockingLimit, exit, startServer, sys } from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import {
  type AcquireOptions,
  ask,
  attempt,
  type Limiter,
  lossOf,
  start,
  wait,
} from '../../support/callers.ts';
import { EPOCH, runRow, sessionRow } from '../../support/rows.ts';
import { puppet, surroundings } from '../../support/servers.ts';

type Explanation = ReturnType<Limiter['explain']>;

/** What blocks, of an explanation that tells it. */
function blocksOf(explanation: Explanation): readonly BlockingLimit[] {
  if ('blockedBy' in explanation) return explanation.blockedBy;
  throw new Error(`Expected to be told what blocks, got ${JSON.stringify(explanation)}`);
}

const limitsOf = (explanation: Explanation) => blocksOf(explanation).map(({ limit }) => limit);

/** How many go before it. */
function aheadOf(limiter: Limiter, runId: string): unknown {
  const explanation = limiter.explain({ runId });
  return 'ahead' in explanation ? explanation.ahead : explanation;
}

describe('a run that waits', () => {
  test('being told everything', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await ask(limiter, ['s0', 'r0', { owner: 'alice' }]);
    await clock.advance(100);
    const holder = await startServer(puppet(), { ...surroundings(), name: 'keeper' });
    const common = { owner: 'bob', kind: 'exec', labels: { tool: 'lint' }, leaseMs: 500 };
    wait(limiter, ['s1', 'r1', { ...common, priority: 3, holder }]);
    await clock.advance(250);
    const row = runRow({ ...common, sessionId: 's1', runId: 'r1', state: 'waiting', priority: 3 });
    const { token: _token, ...fields } = { ...row, holder: 'keeper', sinceAt: EPOCH + 100 };
    const owned = { runId: 'r0', sessionId: 's0', owner: 'alice' };
    expect(limiter.explain({ runId: 'r1' })).toStrictEqual({
      ...fields,
      waitedMs: 250,
      blockedBy: [
        {
          limit: 'maxParallelRuns',
          code: 'max_runs_exceeded',
          scope: 'global',
          key: null,
          max: 1,
          active: 1,
          holders: [{ ...owned, sinceAt: EPOCH, heldMs: 350 }],
          holderCount: 1,
        },
      ],
      ahead: 0,
      estimatedWait: null,
      text: expect.any(String),
    });
  });

  test('being told every limit that is full, the narrowest first, with its own holders', async () => {
    await using limiter = await start({
      maxRunsPerSession: 1,
      maxRunsPerOwner: 1,
      maxRunsPerKind: { exec: 1 },
      maxParallelRuns: 4,
    });
    await ask(limiter, ['s1', 'in-session']);
    await ask(limiter, ['s2', 'of-owner', { owner: 'alice' }]);
    await ask(limiter, ['s3', 'of-kind', { kind: 'exec' }]);
    await ask(limiter, ['s4', 'any']);
    wait(limiter, ['s1', 'r1', { owner: 'alice', kind: 'exec' }]);
    const blocks = blocksOf(limiter.explain({ runId: 'r1' }));
    const told = blocks.map(({ limit, code, scope, key, max, active, holders, holderCount }) => [
      [limit, code, scope, key, max, active, holderCount],
      holders.map(({ runId }) => runId),
    ]);
    const all = ['in-session', 'of-owner', 'of-kind', 'any'];
    expect(told).toEqual([
      [
        ['maxRunsPerSession', 'max_runs_per_session_exceeded', 'session', 's1', 1, 1, 1],
        ['in-session'],
      ],
      [['maxRunsPerOwner', 'max_runs_per_owner_exceeded', 'owner', 'alice', 1, 1, 1], ['of-owner']],
      [['maxRunsPerKind', 'max_runs_per_kind_exceeded', 'kind', 'exec', 1, 1, 1], ['of-kind']],
      [['maxParallelRuns', 'max_runs_exceeded', 'global', null, 4, 4, 4], all],
    ]);
  });

  test('being told only limits that are full now', async () => {
    await using limiter = await start({ maxRunsPerSession: 1, maxParallelRuns: 2 });
    await ask(limiter, ['s1', 'r1']);
    const other = await ask(limiter, ['s2', 'r2']);
    wait(limiter, ['s1', 'r3']);
    const seen = [limitsOf(limiter.explain({ runId: 'r3' }))];
    await other.release();
    seen.push(limitsOf(limiter.explain({ runId: 'r3' })));
    await limiter.setLimits({ maxParallelRuns: 1 });
    seen.push(limitsOf(limiter.explain({ runId: 'r3' })));
    expect(seen).toEqual([
      ['maxRunsPerSession', 'maxParallelRuns'],
      ['maxRunsPerSession'],
      ['maxRunsPerSession', 'maxParallelRuns'],
    ]);
  });

  test('being told what is held above a limit that was lowered', async () => {
    await using limiter = await start({ maxParallelRuns: 3 });
    for (const id of ['r1', 'r2', 'r3']) await ask(limiter, ['s1', id]);
    wait(limiter, ['s1', 'r4']);
    await limiter.setLimits({ maxParallelRuns: 1 });
    const blocks = blocksOf(limiter.explain({ runId: 'r4' }));
    expect(blocks).toMatchObject([{ max: 1, active: 3, holderCount: 3 }]);
  });

  test('being told the ten that hold longest, the oldest first, and how many there are', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 12 }, { clock });
    for (let n = 0; n < 12; n++) {
      await ask(limiter, [`s${n}`, `r${n}`]);
      await clock.advance(10);
    }
    await limiter.releaseRunSlot('r1');
    await ask(limiter, ['s1', 'r1']);
    wait(limiter, ['s1', 'r99']);
    const [block] = blocksOf(limiter.explain({ runId: 'r99' }));
    expect(block?.holderCount).toBe(12);
    expect(block?.holders.map(({ runId, heldMs }) => [runId, heldMs])).toEqual(
      [0, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => [`r${n}`, 120 - 10 * n]),
    );
  });
});

describe('who is ahead of a run that waits', () => {
  test('being those of higher priority, and those who came before, blocked or not', async () => {
    await using limiter = await start({ maxParallelRuns: 2, maxRunsPerSession: 1 });
    await ask(limiter, ['s1', 'r1']);
    await ask(limiter, ['s2', 'r2']);
    const asked: [string, string, AcquireOptions][] = [
      ['s1', 'blocked', { priority: 5 }],
      ['s3', 'first', {}],
      ['s4', 'second', {}],
      ['s5', 'urgent', { priority: 1 }],
      ['s6', 'idle', { priority: -1 }],
    ];
    for (const one of asked) wait(limiter, one);
    const seen = asked.map(([, runId]) => [runId, aheadOf(limiter, runId)]);
    expect(seen).toEqual([
      ['blocked', 0],
      ['first', 2],
      ['second', 3],
      ['urgent', 1],
      ['idle', 4],
    ]);
  });

  test('being no session that waits, and each wait once, however many have joined it', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxParallelSessions: 1 });
    await ask(limiter, ['s1']);
    await ask(limiter, ['s1', 'r1']);
    wait(limiter, ['s2', undefined, { priority: 9 }]);
    for (let joiner = 0; joiner < 3; joiner++) wait(limiter, ['s2', 'r2']);
    wait(limiter, ['s2', 'r3']);
    expect(aheadOf(limiter, 'r3')).toBe(1);
    await limiter.releaseRunSlot('r2');
    expect(aheadOf(limiter, 'r3')).toBe(0);
  });
});

describe('a session that waits', () => {
  test('being told everything', async () => {
    const clock = new SimulatedClock();
    const limits = { maxParallelSessions: 2, maxSessionsPerOwner: 1 };
    await using limiter = await start(limits, { clock });
    await ask(limiter, ['s1', undefined, { owner: 'alice' }]);
    await clock.advance(40);
    await ask(limiter, ['s2']);
    wait(limiter, ['s3', undefined, { priority: 1 }]);
    wait(limiter, ['s4', undefined, { owner: 'alice' }]);
    await clock.advance(60);
    const row = sessionRow({ sessionId: 's4', state: 'waiting', owner: 'alice' });
    const { token: _token, ...fields } = { ...row, sinceAt: EPOCH + 40 };
    const first = { runId: null, sessionId: 's1', owner: 'alice', sinceAt: EPOCH, heldMs: 100 };
    const later = { runId: null, sessionId: 's2', owner: null, sinceAt: EPOCH + 40, heldMs: 60 };
    expect(limiter.explain({ sessionId: 's4' })).toStrictEqual({
      ...fields,
      waitedMs: 60,
      blockedBy: [
        {
          limit: 'maxSessionsPerOwner',
          code: 'max_sessions_per_owner_exceeded',
          scope: 'owner',
          key: 'alice',
          max: 1,
          active: 1,
          holders: [first],
          holderCount: 1,
        },
        {
          limit: 'maxParallelSessions',
          code: 'max_sessions_exceeded',
          scope: 'global',
          key: null,
          max: 2,
          active: 2,
          holders: [first, later],
          holderCount: 2,
        },
      ],
      ahead: 1,
      estimatedWait: null,
      text: expect.any(String),
    });
  });
});

describe('what is held', () => {
  test('telling its row, how long it is held, and when its lease is over', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await clock.advance(100);
    const common = { owner: 'alice', labels: { a: 'b' }, leaseMs: 1_000 };
    const session = await ask(limiter, ['s1', undefined, common]);
    const run = await ask(limiter, ['s1', 'r1', { ...common, kind: 'exec', priority: 9 }]);
    await clock.advance(300);
    const told = { ...common, sessionId: 's1', state: 'held', sinceAt: EPOCH + 100 } as const;
    const held = { heldMs: 300, expiresAt: EPOCH + 1_100, text: expect.any(String) };
    const runs = runRow({ ...told, runId: 'r1', kind: 'exec', token: run.token });
    const { priority: _runs, ...runFields } = runs;
    const { priority: _sessions, ...sessionFields } = sessionRow({ ...told, token: session.token });
    expect(limiter.explain({ runId: 'r1' })).toStrictEqual({ ...runFields, ...held });
    expect(limiter.explain({ sessionId: 's1' })).toStrictEqual({ ...sessionFields, ...held });
  });

  test('never being over without a lease, and later with each renewal', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await ask(limiter, ['s1', 'r1']);
    const leased = await ask(limiter, ['s1', 'r2', { leaseMs: 1_000 }]);
    await clock.advance(600);
    await limiter.renewRunSlot('r2', leased.token);
    expect(limiter.explain({ runId: 'r1' })).toMatchObject({ expiresAt: null });
    expect(limiter.explain({ runId: 'r2' })).toMatchObject({ expiresAt: EPOCH + 1_600 });
    await clock.advance(1_000);
    expect(lossOf(leased)).toBe('expired');
  });
});

describe('explain', () => {
  test('knowing nothing of what is neither held nor waits', async () => {
    await using limiter = await start();
    const slot = await ask(limiter, ['s1', 'r1']);
    await slot.release();
    const unknown = { state: 'unknown' };
    expect(limiter.explain({ runId: 'r1' })).toStrictEqual(unknown);
    expect(limiter.explain({ sessionId: 's1' })).toStrictEqual(unknown);
    await ask(limiter, ['same', 'same']);
    expect(limiter.explain({ sessionId: 'same' })).toStrictEqual(unknown);
  });

  test('following an id from its wait to its end', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await ask(limiter, ['s1', 'r1']);
    const waiting = wait(limiter, ['s1', 'r2']);
    const seen = [limiter.explain({ runId: 'r2' }).state];
    await held.release();
    seen.push(limiter.explain({ runId: 'r2' }).state);
    await settle();
    await waiting.value?.release();
    seen.push(limiter.explain({ runId: 'r2' }).state);
    expect(seen).toEqual(['waiting', 'held', 'unknown']);
  });

  test('answering while the limiter is suspended or down, and the same after a restart', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await ask(limiter, ['s1', 'r1']);
    wait(limiter, ['s1', 'r2']);
    const explained = () => ['r1', 'r2', 'r3'].map((runId) => limiter.explain({ runId }));
    const before = explained();
    await sys.suspend(limiter.ref);
    attempt(limiter.acquireRunSlot('s1', 'r3'));
    expect(explained()).toStrictEqual(before);
    exit(limiter.ref, new Error('crash'));
    expect(explained()).toStrictEqual(before);
    await settle();
    expect(explained()).toStrictEqual(before);
  });

  test('giving plain JSON', async () => {
    await using limiter = await start({ maxParallelRuns: 1, maxRunsPerSession: 1 });
    await ask(limiter, ['s1', 'r1', { leaseMs: 100 }]);
    wait(limiter, ['s1', 'r2']);
    for (const runId of ['r1', 'r2', 'r3']) {
      const explanation = limiter.explain({ runId });
      expect(JSON.parse(JSON.stringify(explanation))).toStrictEqual(explanation);
    }
  });

  test('telling people of the limit, its oldest holder and the position, in lines', async () => {
    await using limiter = await start({ maxParallelRuns: 37 });
    for (let n = 0; n < 37; n++) await ask(limiter, ['s1', `holder-${n}`]);
    for (let n = 0; n < 522; n++) wait(limiter, ['s1', `waiter-${n}`]);
    wait(limiter, ['s1', 'last']);
    const explanation = limiter.explain({ runId: 'last' });
    const text = 'text' in explanation ? explanation.text : '';
    expect(text.split('\n').length).toBeGreaterThan(1);
    for (const said of ['last', '37', 'holder-0']) expect(text).toContain(said);
    // Its position, or how many are ahead.
    expect(text).toMatch(/\b52[23]\b/);
    const held = limiter.explain({ runId: 'holder-3' });
    expect('text' in held && held.text).toContain('holder-3');
  });

  test.each([
    undefined,
    null,
    5,
    'r1',
    {},
    { run: 'r1' },
    { runId: '' },
    { runId: 5 },
    { sessionId: 'a\u0000b' },
    new Error('no refusal'),
  ])('throwing for %o', async (asked) => {
    await using limiter = await start();
    const wrong = asked as unknown as Parameters<Limiter['explain']>[0];
    expect(() => limiter.explain(wrong)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^invalid_(option|id)$/) }),
    );
  });
});
