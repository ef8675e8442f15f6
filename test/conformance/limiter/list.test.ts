/**
 * Listing: who holds and who waits, as it was at the moment of the call.
 */
import { describe, expect, test } from 'vitest';
import { exit, type SlotRow, startServer, sys } from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import { ask, attempt, counts, EMPTY, type Limiter, start, wait } from '../../support/callers.ts';
import { EPOCH, runRow, sessionRow } from '../../support/rows.ts';
import { puppet, surroundings } from '../../support/servers.ts';

type Filter = NonNullable<Parameters<Limiter['list']>[0]>;

/** Rows by type and id: no order of the listing itself is promised. */
function rowsOf(limiter: Limiter, filter?: Filter): SlotRow[] {
  return [...limiter.list(filter)].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

function keyOf(row: SlotRow): string {
  return row.type === 'run' ? `run ${row.runId}` : `session ${row.sessionId}`;
}

const keysOf = (limiter: Limiter, filter?: Filter) => rowsOf(limiter, filter).map(keyOf);

describe('a row', () => {
  test('telling all of what was acquired without an option, and nulls for the rest', async () => {
    await using limiter = await start();
    const { token } = await limiter.acquireSessionSlot('s1');
    const run = await limiter.acquireRunSlot('s2', 'r1');
    expect(rowsOf(limiter)).toStrictEqual([
      runRow({ sessionId: 's2', runId: 'r1', state: 'held', token: run.token }),
      sessionRow({ sessionId: 's1', state: 'held', token }),
    ]);
  });

  test('telling all of what was acquired with every option', async () => {
    await using limiter = await start();
    const holder = await startServer(puppet(), { ...surroundings(), name: 'keeper of s1' });
    const common = { owner: 'alice', labels: { tool: 'lint' }, leaseMs: 5_000 };
    const options = { ...common, holder, priority: 7 };
    const session = await limiter.acquireSessionSlot('s1', options);
    const run = await limiter.acquireRunSlot('s1', 'r1', { ...options, kind: 'exec' });
    const told = { ...common, sessionId: 's1', state: 'held', holder: 'keeper of s1' } as const;
    expect(rowsOf(limiter)).toStrictEqual([
      runRow({ ...told, runId: 'r1', kind: 'exec', token: run.token }),
      sessionRow({ ...told, token: session.token }),
    ]);
  });

  test('telling who waits, with priority and without a token', async () => {
    await using limiter = await start({ maxParallelSessions: 1, maxParallelRuns: 1 });
    await ask(limiter, ['s0']);
    await ask(limiter, ['s0', 'r0']);
    const holder = await startServer(puppet(), { ...surroundings(), name: 'keeper' });
    const options = { owner: 'bob', priority: -3, labels: { a: 'b' }, leaseMs: 100, holder };
    wait(limiter, ['s1', undefined, options]);
    wait(limiter, ['s1', 'r1', { ...options, kind: 'tool' }]);
    wait(limiter, ['s2', 'r2']);
    const told = { ...options, sessionId: 's1', state: 'waiting', holder: 'keeper' } as const;
    expect(rowsOf(limiter, { state: 'waiting' })).toStrictEqual([
      runRow({ ...told, runId: 'r1', kind: 'tool' }),
      runRow({ sessionId: 's2', runId: 'r2', state: 'waiting' }),
      sessionRow(told),
    ]);
  });

  test('being one for all who have joined a wait', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await ask(limiter, ['s1', 'r0']);
    for (const priority of [1, 9]) wait(limiter, ['s1', 'r1', { priority }]);
    const row = runRow({ sessionId: 's1', runId: 'r1', state: 'waiting', priority: 1 });
    expect(rowsOf(limiter, { state: 'waiting' })).toStrictEqual([row]);
  });

  test('telling since when it waits, and then since when it holds, by the wall', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    const held = await ask(limiter, ['s1', 'r0']);
    await clock.advance(100);
    wait(limiter, ['s1', 'r1']);
    await clock.advance(100);
    const sinces = () => rowsOf(limiter).map(({ sinceAt }) => sinceAt - EPOCH);
    expect(sinces()).toEqual([0, 100]);
    await held.release();
    expect(sinces()).toEqual([200]);
  });

  test('having its right age when the wall clock has jumped', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    await ask(limiter, ['s1', 'r0']);
    clock.jumpWall(3_600_000);
    await ask(limiter, ['s1', 'r1']);
    expect(rowsOf(limiter).map(({ sinceAt }) => sinceAt - EPOCH)).toEqual([3_600_000, 3_600_000]);
  });

  test('having no lease with Infinity', async () => {
    await using limiter = await start();
    await ask(limiter, ['s1', 'r1', { leaseMs: Infinity }]);
    expect(rowsOf(limiter)).toMatchObject([{ leaseMs: null }]);
  });

  test('being plain JSON, nothing of the limiter: a change of it changes nothing', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const { signal } = new AbortController();
    const options = { labels: { tool: 'lint' }, holder: signal };
    await ask(limiter, ['s1', undefined, options]);
    await ask(limiter, ['s1', 'r1', options]);
    wait(limiter, ['s1', 'r2', options]);
    const rows = rowsOf(limiter);
    expect(JSON.parse(JSON.stringify(rows))).toStrictEqual(rows);
    for (const row of rows) {
      Reflect.set(row, 'owner', 'mallory');
      Reflect.set(row.labels, 'tool', 'changed');
    }
    expect(rowsOf(limiter)).toMatchObject(Array(3).fill({ owner: null, labels: { tool: 'lint' } }));
  });
});

describe('list', () => {
  /** Alice has a session with two runs, Bob a run without, and some wait. */
  async function populated() {
    const limiter = await start({ maxParallelSessions: 1, maxParallelRuns: 3 });
    const [alice, bob] = [{ owner: 'alice' }, { owner: 'bob' }];
    await ask(limiter, ['s1', undefined, alice]);
    await ask(limiter, ['s1', 'a1', { ...alice, kind: 'exec' }]);
    await ask(limiter, ['s1', 'a2', { ...alice, kind: 'tool' }]);
    await ask(limiter, ['s2', 'b1', { ...bob, kind: 'exec' }]);
    wait(limiter, ['s2', undefined, bob]);
    wait(limiter, ['s1', 'a3', alice]);
    wait(limiter, ['s2', 'b2', { ...bob, kind: 'exec' }]);
    return limiter;
  }

  test.each<[Filter, string[]]>([
    [{}, ['run a1', 'run a2', 'run a3', 'run b1', 'run b2', 'session s1', 'session s2']],
    [{ state: 'held' }, ['run a1', 'run a2', 'run b1', 'session s1']],
    [{ state: 'waiting' }, ['run a3', 'run b2', 'session s2']],
    [{ sessionId: 's1' }, ['run a1', 'run a2', 'run a3', 'session s1']],
    [{ sessionId: 's9' }, []],
    [{ owner: 'bob' }, ['run b1', 'run b2', 'session s2']],
    [{ kind: 'exec' }, ['run a1', 'run b1', 'run b2']],
    [{ kind: 'exec', state: 'waiting' }, ['run b2']],
    [{ owner: 'alice', state: 'held', sessionId: 's1' }, ['run a1', 'run a2', 'session s1']],
    [{ owner: 'alice', kind: 'tool', state: 'held', sessionId: 's1' }, ['run a2']],
    [{ owner: 'alice', sessionId: 's2' }, []],
  ])('giving what fits %o', async (filter, keys) => {
    await using limiter = await populated();
    expect(keysOf(limiter, filter)).toEqual(keys);
  });

  test('giving everything without a filter', async () => {
    await using limiter = await populated();
    expect(keysOf(limiter)).toHaveLength(7);
  });

  test('giving nothing of what has ended, and nothing when it has stopped', async () => {
    await using limiter = await populated();
    await limiter.releaseSessionSlot('s1');
    expect(keysOf(limiter)).toEqual(['run b1', 'run b2', 'session s2']);
    await limiter.stop();
    expect(keysOf(limiter)).toEqual([]);
  });

  test('giving an iterator that can be iterated, once', async () => {
    await using limiter = await populated();
    const rows = limiter.list();
    expect(rows[Symbol.iterator]()).toBe(rows);
    expect(rows.next()).toMatchObject({ done: false, value: { sessionId: expect.any(String) } });
    expect([...rows]).toHaveLength(6);
    expect(rows.next()).toEqual({ done: true, value: undefined });
  });

  test('giving the rows of the moment of the call, whatever changes before and while', async () => {
    await using limiter = await populated();
    const before = rowsOf(limiter);
    const untouched = limiter.list();
    const begun = limiter.list();
    const seen = [begun.next().value as SlotRow]; // there are seven
    await limiter.releaseSessionSlot('s1');
    await limiter.releaseRunSlot('b1');
    await ask(limiter, ['s5', 'new']);
    await settle();
    const sorted = (rows: SlotRow[]) =>
      rows.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
    expect(sorted([...untouched])).toStrictEqual(before);
    expect(sorted([...seen, ...begun])).toStrictEqual(before);
    expect(keysOf(limiter)).not.toEqual(before.map(keyOf));
  });

  test('giving the same after a restart, and answering while it is down or suspended', async () => {
    await using limiter = await populated();
    const before = rowsOf(limiter);
    exit(limiter.ref, new Error('crash'));
    expect(rowsOf(limiter)).toStrictEqual(before);
    await settle();
    expect(rowsOf(limiter)).toStrictEqual(before);
    await sys.suspend(limiter.ref);
    attempt(limiter.acquireRunSlot('s3', 'undecided'));
    expect(rowsOf(limiter)).toStrictEqual(before);
    await sys.resume(limiter.ref);
  });

  test('giving ten thousand rows', async () => {
    await using limiter = await start({ maxParallelRuns: 5_000 });
    for (let n = 0; n < 5_000; n++) limiter.tryAcquireRunSlot('s1', `r${n}`);
    for (let n = 0; n < 5_000; n++) wait(limiter, ['s1', `w${n}`]);
    const ids = new Set(keysOf(limiter));
    expect(ids.size).toBe(10_000);
    await limiter.releaseSessionSlot('s1');
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test.each([
    ['session', { session: 's1' }],
    ['runId', { runId: 'r1' }],
    ['sessionId', { sessionId: 5 }],
    ['sessionId', { sessionId: '' }],
    ['owner', { owner: null }],
    ['owner', { owner: 5 }],
    ['kind', { kind: {} }],
    ['state', { state: 'lost' }],
    ['state', { state: null }],
  ])('throwing at once for a wrong %s: %o', async (option, filter) => {
    await using limiter = await start();
    expect(() => limiter.list(filter as Filter)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringContaining(option) }),
    );
  });

  test.each([null, 5, 'held'])('throwing at once for %o instead of options', async (filter) => {
    await using limiter = await start();
    expect(() => limiter.list(filter as unknown as Filter)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });
});
