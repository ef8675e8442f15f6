/**
 * Commands that wait for their slots outlive their keeper: the next one has them waiting in their order, with
 * what is left of their time, and each is run once.
 *
 * On the built package, with real processes: `npm test` builds first.
 */
import {
  type LimiterOptions,
  type Run,
  type Slotkeeper,
  startConcurrencyLimiter,
  startSlotkeeper,
} from 'slotkeeper';
import { SimulatedClock } from 'slotkeeper/testing';
import { describe, expect, test } from 'vitest';
import { readJournal } from '../../src/journal/journal-reader.ts';
import type { Connection } from '../../src/journal/sqlite-connection.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { CommandPlace, until } from '../support/command-place.ts';

const ONE = { limits: { maxParallelRuns: 1 } };

const startAt = ({ path }: CommandPlace, options: LimiterOptions = ONE) =>
  startSlotkeeper({ journal: { path }, ...options });
const runOf = (keeper: Slotkeeper, id: string): Run => keeper.getRun(id) as Run; // it is there, or the test fails

/** A command that writes down that it has run, with its name. */
function named(place: CommandPlace, name: string) {
  return place.script(`echo ${name} >> ${place.ledger}`, { isCounted: false });
}

/** A keeper has died with `first` at work and the others waiting, in this order. */
async function left(
  place: CommandPlace,
  others: readonly object[],
  session: object = {},
): Promise<void> {
  const first = { command: place.patient(), options: { runId: 'first' } };
  const runs = others.map((options, at) => {
    const runId = `w${at}`;
    return { command: named(place, runId), options: { runId, ...options } };
  });
  const keeper = await place.program('command-queue.mjs', [first, ...runs], session);
  await until(() => readJournal(place.path).waiting.length === others.length);
  await keeper.kill();
}

const waitingIn = ({ path }: CommandPlace) => readJournal(path).waiting.map(({ runId }) => runId);

describe('commands that wait as their keeper is killed', () => {
  test('being run by the next one in their order, each once, after the one at work', async () => {
    const place = new CommandPlace();
    const priorities = [0, 5, -1, 5, 2].map((priority) => ({ priority }));
    await left(place, priorities);
    await using keeper = await startAt(place);
    const ids = ['w0', 'w1', 'w2', 'w3', 'w4'];
    expect(ids.map((id) => runOf(keeper, id).state)).toEqual(ids.map(() => 'queued'));
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 1, waitingRuns: 5 });
    expect(waitingIn(place)).toEqual(['w1', 'w3', 'w4', 'w0', 'w2']);
    place.go();
    expect(await runOf(keeper, 'first').outcome).toMatchObject({ value: { exitCode: 7 } });
    const outcomes = await Promise.all(ids.map((id) => runOf(keeper, id).outcome));
    expect(outcomes.map(({ state }) => state)).toEqual(ids.map(() => 'succeeded'));
    expect(place.lines).toEqual(['began', 'w1', 'w3', 'w4', 'w0', 'w2']);
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 0, waitingRuns: 0 });
    expect(waitingIn(place)).toEqual([]);
  });

  test('being themselves still: owner, kind, labels, session, and when they were asked for', async () => {
    const place = new CommandPlace();
    const said = { kind: 'tool', labels: { of: 'a test' }, owner: 'bob', deadlineMs: 60_000 };
    const before = Date.now();
    await left(place, [said]);
    const [row] = readJournal(place.path).waiting;
    const died = Date.now();
    await using keeper = await startAt(place);
    const run = runOf(keeper, 'w0');
    expect(run).toMatchObject({ sessionId: 's1', owner: 'bob', kind: 'tool', labels: said.labels });
    expect(run.queuedAt).toBeGreaterThanOrEqual(before);
    expect(run.queuedAt).toBeLessThanOrEqual(row?.queuedAt ?? 0);
    expect(readJournal(place.path).waiting).toEqual([row]);
    expect(
      keeper
        .getSession('s1')
        ?.runs()
        .map(({ runId }) => runId),
    ).toEqual(['first', 'w0']);
    place.go();
    await run.outcome;
    expect(run.waitedMs).toBeGreaterThanOrEqual(died - (row?.queuedAt ?? 0));
    expect(run.waitedMs).toBeLessThanOrEqual(Date.now() - run.queuedAt);
    expect(run.deadlineAt).toBe((run.startedAt ?? 0) + 60_000);
  });

  test('beginning at once, the first of them, where there is room now', async () => {
    const place = new CommandPlace();
    await left(place, [{ priority: 1 }, { priority: 2 }]);
    const journal = openSqliteJournal({ path: place.path });
    const [first] = journal.recover(Date.now()).runs;
    const end = { reason: 'evicted', at: Date.now(), isKept: true, note: undefined } as const;
    journal.commit([{ type: 'run_slot_ended', token: first?.token ?? 0, ...end }]);
    journal.close();
    await using keeper = await startAt(place);
    await Promise.all(['w0', 'w1'].map((id) => runOf(keeper, id).outcome));
    expect(place.lines).toEqual(['began', 'w1', 'w0']);
  });

  test('being found by keeper after keeper, in the same order', async () => {
    const place = new CommandPlace();
    await left(place, [{}, { priority: 1 }, {}]);
    const order = ['w1', 'w0', 'w2'];
    for (let life = 0; life < 3; life += 1) {
      const adopter = await place.program('command-adopter.mjs', 'first', ONE);
      expect(waitingIn(place)).toEqual(order);
      await adopter.kill();
    }
    await using keeper = await startAt(place);
    place.go();
    await Promise.all(order.map((id) => runOf(keeper, id).outcome));
    expect(place.lines).toEqual(['began', ...order]);
  });

  test('being cancelled as any other, and found so by the keeper after that', async () => {
    const place = new CommandPlace();
    await left(place, [{}, {}]);
    const keeper = await startAt(place);
    // More calls before it than one turn serves.
    const others = Array.from({ length: 3_000 }, (_, index) =>
      keeper.limiter.releaseRunSlot(`nobody-${index}`),
    );
    expect(await runOf(keeper, 'w0').cancel()).toMatchObject({ state: 'cancelled' });
    // At once: a process that dies now has told of an end that stays.
    expect(waitingIn(place)).toEqual(['w1']);
    await Promise.all(others);
    await keeper.stop();
    expect(waitingIn(place)).toEqual([]);
    await using next = await startAt(place);
    expect(next.getStatus()).toMatchObject({ activeRuns: 0, waitingRuns: 0, activeSessions: 0 });
    expect(runOf(next, 'w0').state).toBe('cancelled');
    const shutdown = { state: 'interrupted', reason: 'shutdown' };
    expect(await runOf(next, 'w1').outcome).toMatchObject(shutdown);
    expect(place.lines).toEqual(['began']);
  });

  test('timing out when their time is over, also while no process was there', async () => {
    const place = new CommandPlace();
    const waits = [900_000, 600_000, 300_000];
    await left(
      place,
      waits.map((waitTimeoutMs) => ({ waitTimeoutMs })),
    );
    const rows = readJournal(place.path).waiting;
    const [, next = 0, past = 0] = rows.map(({ expiresAt }) => expiresAt ?? 0);
    const clock = new SimulatedClock(past);
    await using keeper = await startAt(place, { ...ONE, clock });
    const timedOut = { state: 'timed_out', reason: 'wait_timeout' };
    expect(await runOf(keeper, 'w2').outcome).toMatchObject(timedOut);
    expect(readJournal(place.path).waiting).toEqual(rows.slice(0, 2));
    await clock.advance(next - past - 1);
    expect(runOf(keeper, 'w1').state).toBe('queued');
    await clock.advance(1);
    expect(await runOf(keeper, 'w1').outcome).toMatchObject(timedOut);
    expect(runOf(keeper, 'w0').state).toBe('queued');
    expect(runOf(keeper, 'w2')).toMatchObject({ token: 0, startedAt: undefined, sessionId: 's1' });
    expect(keeper.getSession('s1')?.getRun('w2')).toBe(runOf(keeper, 'w2'));
  });

  test('ending with their session that has become too old meanwhile', async () => {
    const place = new CommandPlace();
    await left(place, [{}], { maxLifetimeMs: 3_600_000 });
    const [row] = readJournal(place.path).waiting;
    const clock = new SimulatedClock((row?.queuedAt ?? 0) + 3_600_000);
    await using keeper = await startAt(place, { ...ONE, clock });
    const outcome = await runOf(keeper, 'w0').outcome;
    expect(outcome).toMatchObject({ state: 'cancelled', reason: 'max_lifetime' });
    await keeper.getSession('s1')?.closed;
    expect(waitingIn(place)).toEqual([]);
    expect(place.lines).toEqual(['began']);
  });

  test('being interrupted by a limiter that has no sessions, and found so', async () => {
    const place = new CommandPlace();
    await left(place, [{ labels: { of: 'us' } }]);
    const limiter = await startConcurrencyLimiter({ journal: { path: place.path } });
    expect(limiter.getStatus().waitingRuns).toBe(0);
    await limiter.stop();
    const ended = readJournal(place.path).ended.find(({ runId }) => runId === 'w0');
    expect(ended).toMatchObject({ token: 0, reason: 'interrupted', owner: 'alice' });
    await using keeper = await startAt(place);
    expect(await runOf(keeper, 'w0').outcome).toMatchObject({ state: 'interrupted' });
    expect(runOf(keeper, 'w0')).toMatchObject({ labels: { of: 'us' }, token: 0 });
  });
});

describe('a keeper that is stopped', () => {
  const wait = { waitTimeoutMs: Infinity };

  test('leaving what waits to the next one, where it is so wanted, with its session', async () => {
    const place = new CommandPlace();
    const first = await startAt(place);
    const session = await first.openSession({ sessionId: 's1', labels: { of: 'us' } });
    const atWork = await session.run(place.patient(), { runId: 'first' });
    await until(() => place.begun === 1);
    const waiting = await session.run(named(place, 'w0'), { runId: 'w0', ...wait });
    const { queuedAt } = waiting;
    expect(await first.stop({ waiting: 'keep' })).toMatchObject({ isComplete: true });
    const shutdown = { state: 'interrupted', reason: 'shutdown' };
    expect(await atWork.outcome).toMatchObject(shutdown);
    expect(await waiting.outcome).toMatchObject(shutdown);
    await expect(waiting.result()).rejects.toThrow('goes on waiting in the journal');
    const { steps } = await session.closed;
    expect(steps.map(({ action, result }) => [action, result])).toEqual([
      ['keep_run', 'done'],
      ['stop_run', 'done'],
      ['keep_session', 'done'],
    ]);
    expect([place.alive, waitingIn(place)]).toEqual([[], ['w0']]);
    await using keeper = await startAt(place);
    expect(keeper.getSession('s1')?.labels).toEqual({ of: 'us' });
    expect(runOf(keeper, 'w0').queuedAt).toBe(queuedAt);
    expect((await runOf(keeper, 'w0').outcome).state).toBe('succeeded');
    expect(place.lines).toEqual(['began', 'w0']);
    expect(runOf(keeper, 'first').state).toBe('interrupted');
  });

  test('withdrawing what waits otherwise, in a limiter alone too', async () => {
    const place = new CommandPlace();
    const first = await startAt(place);
    const session = await first.openSession({ sessionId: 's1', durable: true });
    await session.run(place.patient(), { runId: 'first' });
    const waiting = await session.run(named(place, 'w0'), { runId: 'w0', ...wait });
    await first.stop();
    await expect(waiting.result()).rejects.toThrow('the keeper is stopped');
    expect(waitingIn(place)).toEqual([]);
    const limiter = await startConcurrencyLimiter({ journal: { path: place.path }, ...ONE });
    await limiter.acquireRunSlot('s1', 'held');
    const asked = limiter.acquireRunSlot('s1', 'asked', { order: '{"order":1}', ...wait });
    await until(() => waitingIn(place).length === 1);
    await limiter.stop();
    await expect(asked).rejects.toMatchObject({ code: 'stopped' });
    expect(waitingIn(place)).toEqual([]);
  });

  test('refusing any other word for it', async () => {
    await using keeper = await startSlotkeeper();
    const stopped = keeper.stop({ waiting: 'leave' as never });
    await expect(stopped).rejects.toMatchObject({ code: 'invalid_option' });
  });
});

describe('a command that waits', () => {
  test('being refused where its wait cannot be written down, and never accepted', async () => {
    const place = new CommandPlace();
    const journal = openSqliteJournal({ path: place.path });
    const { spool: spoolDir } = place;
    await using keeper = await startSlotkeeper({ journal, spoolDir, ...ONE });
    const session = await keeper.openSession();
    await session.run(place.patient());
    const connection = Reflect.get(journal, 'connection') as Connection; // while it is open
    connection.pragma('query_only = ON');
    for (const runId of ['as it is found', 'when it is known']) {
      const asked = session.run(named(place, 'w'), { runId, waitTimeoutMs: Infinity });
      await expect(asked).rejects.toMatchObject({ code: 'storage_unavailable' });
      expect(keeper.getRun(runId)).toBeUndefined();
    }
    connection.pragma('query_only = OFF');
  });

  test('leaving the journal with its grant, its withdrawal, its session', async () => {
    const place = new CommandPlace();
    await using keeper = await startAt(place);
    const [session, other] = [await keeper.openSession(), await keeper.openSession()];
    const first = await session.run(place.patient({ isCounted: false }), { runId: 'first' });
    const wait = { waitTimeoutMs: Infinity };
    const run = await session.run(named(place, 'a'), { runId: 'a', ...wait });
    const withdrawn = await session.run(named(place, 'b'), { runId: 'b', ...wait });
    await other.run(named(place, 'c'), { runId: 'c', ...wait });
    const late = await session.run(named(place, 'd'), { runId: 'd', waitTimeoutMs: 50 });
    expect(waitingIn(place)).toEqual(['a', 'b', 'c', 'd']);
    await keeper.limiter.releaseRunSlot('b');
    expect((await withdrawn.outcome).state).toBe('cancelled');
    expect((await late.outcome).state).toBe('timed_out');
    await other.close();
    await until(() => waitingIn(place).length === 1);
    expect(waitingIn(place)).toEqual(['a']);
    place.go();
    await Promise.all([first.outcome, run.outcome]);
    expect([waitingIn(place), place.lines]).toEqual([[], ['a']]);
  });
});
