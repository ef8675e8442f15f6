/**
 * What a process finds again: a limiter ends, by a stop or as a kill would end it, and the next one opens
 * the same journal.
 */
import { copyFileSync, existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type LimiterOptions,
  type RunRecord,
  type StandaloneLimiter,
  startConcurrencyLimiter,
} from '../../src/index.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { ConcurrencyLimiter } from '../../src/limiter/limiter.ts';
import { recordEvents, SimulatedClock } from '../../src/testing.ts';
import { startLimiterTree } from '../../supervisors/start-limiter.ts';
import { freshPlace } from '../support/journal-places.ts';

const DURABLE = { durable: true };
const T0 = 1_700_000_000_000;

/** The next process: on the files as a kill would leave them now, then the first one may end. */
async function killed(limiter: StandaloneLimiter, path: string): Promise<string> {
  const left = freshPlace();
  for (const ending of ['', '-wal']) {
    if (existsSync(`${path}${ending}`)) copyFileSync(`${path}${ending}`, `${left}${ending}`);
  }
  await limiter.stop();
  return left;
}

async function stopped(limiter: StandaloneLimiter, path: string): Promise<string> {
  await limiter.stop();
  return path;
}

const ends = { stopped, killed } as const;
type End = keyof typeof ends;

const start = (path: string, options: LimiterOptions = {}) =>
  startConcurrencyLimiter({ ...options, journal: { path } });

test('a run slot given back with a note, which stands in the journal and in no event', async () => {
  const path = freshPlace();
  const limiter = await start(path);
  using recorder = recordEvents(['run_slot_ended']);
  const slot = await limiter.acquireRunSlot('s', 'r', { order: 'its order' });
  await slot.release({ note: 'its note' });
  await (await limiter.acquireRunSlot('s', 'other')).release({ note: 'nobody asks for it' });
  await limiter.stop();
  expect(recorder.events).toMatchObject([{ note: undefined }, { note: undefined }]);
  expect(readJournal(path).ended).toMatchObject([
    { runId: 'r', reason: 'released', life: 'command', note: 'its note' },
  ]);
});

test.each([
  [{ maxAgeMs: Infinity, maxCount: Infinity }, ['b', 'a']],
  [{ maxAgeMs: Infinity, maxCount: 1 }, ['b']],
  [{ maxCount: 0 }, []],
])('what has ended being kept within %j', async (retention, expected) => {
  const path = freshPlace();
  for (const runId of ['a', 'b']) {
    const limiter = await start(path, { retention });
    await limiter.acquireRunSlot('s', runId);
    await limiter.stop();
  }
  const { ended } = readJournal(path);
  expect(ended.map(({ runId }) => runId)).toEqual(expected);
});

describe.each(Object.keys(ends) as End[])('a limiter that was %s', (how) => {
  const end = ends[how];

  test('having its durable sessions held again, and nothing else', async () => {
    const path = freshPlace();
    const first = await start(path);
    await first.acquireSessionSlot('kept', { owner: 'alice', labels: { of: 'us' }, ...DURABLE });
    await first.acquireSessionSlot('other');
    await first.acquireRunSlot('kept', 'run');
    const next = await start(await end(first, path));
    expect([...next.list()]).toMatchObject([
      { sessionId: 'kept', owner: 'alice', labels: { of: 'us' }, state: 'held', leaseMs: null },
    ]);
    expect(next.getStatus()).toMatchObject({ activeSessions: 1, activeRuns: 0 });
    await next.stop();
  });

  test('giving a handle on a session to who asks for it, by its first token', async () => {
    const path = freshPlace();
    const first = await start(path, { limits: { maxParallelSessions: 1 } });
    const { token } = await first.acquireSessionSlot('s', { owner: 'alice', ...DURABLE });
    const next = await start(await end(first, path), { limits: { maxParallelSessions: 1 } });
    const again = await next.acquireSessionSlot('s', { owner: 'alice' });
    expect(again.token).toBe(token);
    await expect(next.acquireSessionSlot('s', { owner: 'bob' })).rejects.toMatchObject({
      code: 'session_id_conflict',
    });
    await expect(next.acquireSessionSlot('t')).rejects.toMatchObject({
      code: 'max_sessions_exceeded',
    });
    expect(await again.release()).toEqual({ sessions: 1, runs: 0, waiters: 0 });
    await next.stop();
  });

  test('not having a session that was released', async () => {
    const path = freshPlace();
    const first = await start(path);
    const slot = await first.acquireSessionSlot('s', DURABLE);
    await slot.release();
    const next = await start(await end(first, path));
    expect(next.getStatus().activeSessions).toBe(0);
    await next.stop();
  });

  test('never giving a token twice', async () => {
    const path = freshPlace();
    const first = await start(path);
    const { token } = await first.acquireRunSlot('s', 'r');
    const next = await start(await end(first, path));
    expect((await next.acquireRunSlot('s', 'r')).token).toBeGreaterThan(token);
    await next.stop();
  });

  test('having the limits that were set above those it is started with, one by one', async () => {
    const path = freshPlace();
    const first = await start(path, { limits: { maxParallelRuns: 5, maxRunsPerKind: { a: 1 } } });
    await first.setLimits({ maxParallelRuns: 7 });
    await first.setLimits({ maxRunsPerKind: { a: Infinity, b: 2 } });
    const options = {
      limits: { maxParallelRuns: 9, maxWaiters: 3, maxRunsPerKind: { a: 4, c: 5 } },
    };
    const next = await start(await end(first, path), options);
    expect(next.getLimits()).toMatchObject({ maxParallelRuns: 7, maxWaiters: 3 });
    expect(next.getLimits().maxRunsPerKind).toEqual({ b: 2, c: 5 });
    await next.stop();
  });

  const early = { limits: { maxParallelRuns: 5, maxRunsPerKind: { a: 1 } } };
  const late = { limits: { maxParallelRuns: 9, maxRunsPerKind: { c: 5 } } };

  test('having no limits that were set back: those that it is started with count', async () => {
    const path = freshPlace();
    const limiter = await start(path, early);
    await limiter.setLimits({ maxParallelRuns: 7, maxRunsPerKind: { a: Infinity, b: 2 } });
    await limiter.resetLimits({ by: 'alice' });
    const change = limiter.getLimitsChange();
    const next = await start(await end(limiter, path), late);
    expect(next.getLimits()).toMatchObject({ maxParallelRuns: 9 });
    expect(next.getLimits().maxRunsPerKind).toEqual({ c: 5 });
    expect([change?.by, next.getLimitsChange()]).toEqual(['alice', change]);
    await next.stop();
  });

  test('setting back what a process before it has set', async () => {
    const path = freshPlace();
    const limiter = await start(path, early);
    await limiter.setLimits({ maxParallelRuns: 7 }, { by: 'alice' });
    const later = await end(limiter, path);
    const second = await start(later, late);
    expect(second.getLimits().maxParallelRuns).toBe(7);
    expect(second.getLimitsChange()?.by).toBe('alice');
    expect(await second.resetLimits()).toMatchObject({ maxParallelRuns: 9 });
    const third = await start(await end(second, later), early);
    expect(third.getLimits()).toMatchObject({ maxParallelRuns: 5, maxRunsPerKind: { a: 1 } });
    await third.stop();
  });
});

describe('a limiter that finds a journal', () => {
  test('saying in one event what was found', async () => {
    const path = freshPlace();
    const first = await start(path);
    await first.acquireSessionSlot('kept', DURABLE);
    await first.acquireSessionSlot('other');
    await Promise.all([1, 2, 3].map((id) => first.acquireRunSlot('kept', `r${id}`)));
    const left = await killed(first, path);
    using recorder = recordEvents();
    const next = await start(left);
    const found = recorder.events.filter(({ type }) => type === 'journal_recovered');
    expect(found.map((event) => ({ ...event, durationMs: 0 }))).toEqual([
      {
        type: 'journal_recovered',
        journal: left,
        sessions: 1,
        runs: 0,
        waitingRuns: 0,
        interruptedSessions: 1,
        interruptedRuns: 3,
        durationMs: 0,
      },
    ]);
    await next.stop();
  });

  test('letting a lease run anew, for its whole term', async () => {
    const path = freshPlace();
    const clock = new SimulatedClock();
    const first = await start(path, { clock });
    await first.acquireSessionSlot('s', { leaseMs: 1_000, ...DURABLE });
    await clock.advance(900);
    const left = await killed(first, path);
    const later = new SimulatedClock();
    const next = await start(left, { clock: later });
    await later.advance(999);
    expect(next.getStatus().activeSessions).toBe(1);
    await later.advance(2);
    expect(next.getStatus().activeSessions).toBe(0);
    expect(readJournal(left).ended.map(({ reason }) => reason)).toContain('expired');
    await next.stop();
  });

  test('telling the time of a grant, and now for one that lies in the future', async () => {
    const path = freshPlace();
    const first = await start(path, { clock: new SimulatedClock(T0 + 5_000) });
    await first.acquireSessionSlot('s', DURABLE);
    await first.stop();
    const since = async (now: number): Promise<number | undefined> => {
      const next = await start(path, { clock: new SimulatedClock(now) });
      const [row] = next.list();
      await next.stop();
      return row?.sinceAt;
    };
    expect(await since(T0 + 60_000)).toBe(T0 + 5_000);
    expect(await since(T0)).toBe(T0);
  });

  test('evicting nobody, and granting nobody, when the limits were lowered meanwhile', async () => {
    const path = freshPlace();
    const first = await start(path);
    await first.acquireSessionSlot('a', DURABLE);
    await first.acquireSessionSlot('b', DURABLE);
    await first.stop();
    const next = await start(path, { limits: { maxParallelSessions: 1 } });
    expect(next.getStatus()).toMatchObject({ activeSessions: 2, availableSessionSlots: 0 });
    expect(next.tryAcquireSessionSlot('c')).toMatchObject({ code: 'max_sessions_exceeded' });
    await next.stop();
  });

  test('keeping what was interrupted among the ended, the newest, up to the retention', async () => {
    const path = freshPlace();
    const first = await start(path, { limits: { maxParallelRuns: 20 } });
    for (let id = 1; id <= 20; id += 1) await first.acquireRunSlot('s', `r${id}`);
    const left = await killed(first, path);
    const next = await start(left, { retention: { maxCount: 3 } });
    const { ended } = readJournal(left);
    expect(ended.map(({ runId }) => runId).sort()).toEqual(['r18', 'r19', 'r20']);
    expect(new Set(ended.map(({ reason }) => reason))).toEqual(new Set(['interrupted']));
    await next.stop();
  });

  test('forgetting what has ended longer ago than the retention', async () => {
    const path = freshPlace();
    const clock = new SimulatedClock();
    const limiter = await start(path, { clock, retention: { maxAgeMs: 120_000 } });
    await limiter.acquireRunSlot('s', 'old');
    await limiter.evict('old', 'enough');
    await clock.advance(100_000);
    await limiter.acquireRunSlot('s', 'newer');
    await limiter.evict('newer', 'enough');
    expect(readJournal(path).ended).toHaveLength(2);
    await clock.advance(61_000);
    await limiter.acquireRunSlot('s', 'newest');
    await limiter.evict('newest', 'enough');
    expect(readJournal(path).ended.map(({ runId }) => runId)).toEqual(['newest', 'newer']);
    await limiter.stop();
  });

  test('knowing when a session was last active', async () => {
    const path = freshPlace();
    const clock = new SimulatedClock(T0);
    const first = await start(path, { clock });
    await first.acquireSessionSlot('idle', DURABLE);
    await first.acquireSessionSlot('used', DURABLE);
    await clock.advance(1_000);
    const run = await first.acquireRunSlot('used', 'r');
    await clock.advance(1_000);
    await run.release();
    await first.stop();
    const journal = openSqliteJournal({ path });
    const { sessions } = journal.recover(T0 + 9_000);
    expect(sessions.map(({ lastActiveAt }) => lastActiveAt)).toEqual([T0, T0 + 2_000]);
    journal.close();
  });
});

describe('the command of a process that has ended', () => {
  const command = (runId: string, token: number): RunRecord => {
    const terms = { owner: 'alice', kind: 'exec', labels: undefined, leaseMs: undefined };
    const order = 'an order';
    return { runId, token, sessionId: 's', life: 'command', grantedAt: T0, order, ...terms };
  };

  /** A journal in which two commands run. */
  function withCommands(): string {
    const path = freshPlace();
    const journal = openSqliteJournal({ path });
    journal.recover(T0);
    const first = journal.reserveTokens(2);
    journal.commit([
      { type: 'run_slot_granted', ...command('alive', first) },
      { type: 'run_slot_granted', ...command('gone', first + 1) },
    ]);
    journal.close();
    return path;
  }

  test('being held again when it lives, and interrupted when it does not', async () => {
    const path = withCommands();
    const asked: string[] = [];
    const { survivors, tree } = await startLimiterTree({ journal: { path } }, [], ({ runId }) => {
      asked.push(runId);
      return runId === 'alive' ? 'alive' : 'gone';
    });
    const limiter = new ConcurrencyLimiter(survivors);
    expect(asked).toEqual(['alive', 'gone']);
    expect([...limiter.list()]).toMatchObject([{ runId: 'alive', owner: 'alice', kind: 'exec' }]);
    const { runs, ended } = readJournal(path);
    expect(runs.map(({ runId }) => runId)).toEqual(['alive']);
    expect(ended).toMatchObject([{ runId: 'gone', reason: 'interrupted' }]);
    expect(await limiter.releaseRunSlot('alive')).toEqual({ sessions: 0, runs: 1, waiters: 0 });
    await tree.stop();
  });

  test('being gone where nobody can say that it lives', async () => {
    const limiter = await start(withCommands());
    expect(limiter.getStatus().activeRuns).toBe(0);
    await limiter.stop();
  });

  test('outliving a limiter that is stopped', async () => {
    const path = withCommands();
    const { tree } = await startLimiterTree({ journal: { path } }, [], () => 'alive');
    await tree.stop();
    expect(readJournal(path).runs.map(({ runId }) => runId)).toEqual(['alive', 'gone']);
  });
});

describe('the option durable', () => {
  test('being refused where nothing outlives the process', async () => {
    const limiter = await startConcurrencyLimiter();
    await expect(limiter.acquireSessionSlot('s', DURABLE)).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('journal'),
    });
    expect((await limiter.acquireSessionSlot('s', { durable: false })).sessionId).toBe('s');
    await limiter.stop();
  });

  test.each([
    ['with a holder', { durable: true, holder: new AbortController().signal }],
    ['as a word', { durable: 'yes' as never }],
  ])('being refused %s', async (_how, options) => {
    const limiter = await start(freshPlace());
    await expect(limiter.acquireSessionSlot('s', options)).rejects.toMatchObject({
      code: 'invalid_option',
    });
    await limiter.stop();
  });

  test('being none of runs', async () => {
    const limiter = await start(freshPlace());
    await expect(limiter.acquireRunSlot('s', 'r', DURABLE as never)).rejects.toMatchObject({
      code: 'invalid_option',
    });
    await limiter.stop();
  });
});

describe('the option journal', () => {
  test.each([
    ['another word', 'disk'],
    ['no path', {}],
    ['an empty path', { path: '' }],
    ['the name of a database in memory', { path: ':memory:' }],
    ['a path with a null character', { path: 'a\0b' }],
    ['another level', { path: 'j.db', durability: 'full' }],
    ['a misspelt option', { path: 'j.db', durabilty: 'power' }],
  ])('being refused with %s', async (_what, journal) => {
    await expect(startConcurrencyLimiter({ journal: journal as never })).rejects.toMatchObject({
      code: 'invalid_option',
    });
  });

  test.each([{ maxAgeMs: -1 }, { maxCount: 1.5 }, { maxCout: 1 }, 'none'])(
    'being refused with a retention of %j',
    async (retention) => {
      await expect(
        startConcurrencyLimiter({ retention: retention as never }),
      ).rejects.toMatchObject({ code: 'invalid_option' });
    },
  );
});
