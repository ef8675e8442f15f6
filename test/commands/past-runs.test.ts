/**
 * Runs of commands that have ended are found in the next process too, with their outcome, their times and
 * their output, for as long as they would have been in their own.
 *
 * On the built package, with real processes: `npm test` builds first.
 */
import { randomUUID } from 'node:crypto';
import {
  CommandError,
  type LimiterOptions,
  type Run,
  RunStoppedError,
  type Slotkeeper,
  SlotkeeperError,
  startSlotkeeper,
} from 'slotkeeper';
import { describe, expect, test } from 'vitest';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { CommandPlace, until } from '../support/command-place.ts';
import { commitIntent } from '../support/command-states.ts';
import { freshFolder } from '../support/journal-places.ts';

const FOR_EVER = { maxAgeMs: Infinity, maxCount: Infinity };

const startAt = ({ path }: CommandPlace, options: LimiterOptions = {}) =>
  startSlotkeeper({ journal: { path }, ...options });
const runOf = (keeper: Slotkeeper, id = 'r1'): Run => keeper.getRun(id) as Run; // it is there, or the test fails

async function printed(run: Run, follow = false): Promise<string> {
  let text = '';
  for await (const record of run.output({ follow })) text += record.text;
  return text;
}

/** All that a run shows; its end is told a moment after its slot's. */
function shown(run: Run): object {
  const { endedAt: _, ...rest } = run.toJSON() as { endedAt: number };
  return rest;
}

/** A keeper runs these commands one after the other and stops. What it has shown of their runs, by id. */
async function past(
  place: CommandPlace,
  commands: Readonly<Record<string, object>>,
  session: object = {},
): Promise<ReadonlyMap<string, Run>> {
  const keeper = await startAt(place);
  const opened = await keeper.openSession({ sessionId: 's1', ...session });
  const runs = new Map<string, Run>();
  for (const [runId, command] of Object.entries(commands)) {
    const said = { runId, kind: 'tool', labels: { of: runId } };
    const run = await opened.run(command as never, said); // a script of the place, or what is like one
    await run.outcome;
    runs.set(runId, run);
  }
  await keeper.stop();
  return runs;
}

describe('a run of a command that has ended', () => {
  test.each([
    ['with success', 'true', 'succeeded'],
    ['with a code', 'echo printed; exit 7', 'failed'],
    ['by a signal', 'kill -9 $$', 'failed'],
  ])('%s being found in the next process as it was', async (_, script, state) => {
    const place = new CommandPlace();
    const was = (await past(place, { r1: place.script(script) }, { owner: 'alice' })).get('r1');
    await using keeper = await startAt(place);
    const run = runOf(keeper);
    expect(run).toMatchObject({ state, owner: 'alice', kind: 'tool', labels: { of: 'r1' } });
    expect(shown(run)).toEqual(was && shown(was));
    expect(await run.outcome).toEqual(await was?.outcome);
    expect(Math.abs((run.endedAt ?? 0) - (was?.endedAt ?? 0))).toBeLessThan(1_000);
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 0, activeSessions: 0 });
  });

  test('rejecting its result with the error that it was', async () => {
    const place = new CommandPlace();
    await past(place, {
      r1: place.script('exit 7'),
      r2: { ...place.script('true', { isCounted: false }), cmd: ['/no/such/program'] },
    });
    await using keeper = await startAt(place);
    const exited = runOf(keeper).result();
    await expect(exited).rejects.toBeInstanceOf(CommandError);
    await expect(exited).rejects.toMatchObject({ result: { exitCode: 7 } });
    const never = runOf(keeper, 'r2').result();
    await expect(never).rejects.toBeInstanceOf(SlotkeeperError);
    await expect(never).rejects.toMatchObject({ code: 'command_not_started' });
  });

  test('having what it has printed still, also for who follows', async () => {
    const place = new CommandPlace();
    await past(place, { r1: place.script('echo one; echo two') });
    await using keeper = await startAt(place);
    expect(await printed(runOf(keeper))).toBe('one\ntwo\n');
    expect(await printed(runOf(keeper), true)).toBe('one\ntwo\n');
  });

  test('having what it has printed for a keeper with another spool', async () => {
    const place = new CommandPlace();
    await past(place, { r1: place.script('echo one') });
    await using keeper = await startAt(place, { spoolDir: freshFolder() });
    expect(await printed(runOf(keeper))).toBe('one\n');
  });

  test('taking no orders any more', async () => {
    const place = new CommandPlace();
    await past(place, { r1: place.script('true') });
    await using keeper = await startAt(place);
    const run = runOf(keeper);
    expect((await run.cancel()).state).toBe('succeeded');
    expect([run.history, run.isPaused]).toEqual([[], false]);
    expect(() => run.pause()).toThrow(expect.objectContaining({ code: 'run_not_running' }));
    expect(() => run.resume()).toThrow(expect.objectContaining({ code: 'run_not_running' }));
  });

  test('having been cancelled, with what was said then', async () => {
    const place = new CommandPlace();
    const first = await startAt(place);
    const session = await first.openSession();
    const run = await session.run(place.patient(), { runId: 'r1', deadlineMs: 60_000 });
    await until(() => place.begun === 1);
    const was = await run.cancel('not needed');
    await first.stop();
    await using keeper = await startAt(place);
    const outcome = await runOf(keeper).outcome;
    expect(outcome).toEqual(was);
    expect(outcome).toMatchObject({
      error: expect.any(RunStoppedError),
      value: { exitCode: null },
    });
    expect(runOf(keeper).deadlineAt).toBe(run.deadlineAt);
    await expect(runOf(keeper).result()).rejects.toThrow('not needed');
  });

  test('being the newest of its id', async () => {
    const place = new CommandPlace();
    await past(place, { r1: place.script('exit 1') });
    await past(place, { r1: place.script('exit 2') });
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject({ value: { exitCode: 2 } });
    expect(place.attempts).toHaveLength(1);
  });

  test('standing behind one of its id that lives', async () => {
    const place = new CommandPlace();
    await past(place, { r1: place.script('exit 1') });
    const keeper = await place.keeperWith(place.patient());
    await keeper.kill();
    await using next = await startAt(place);
    expect(runOf(next).endedAt).toBeUndefined();
    place.go();
    expect(await runOf(next).outcome).toMatchObject({ value: { exitCode: 7 } });
  });

  test('being listed with its session where that is there again, and with no other', async () => {
    const place = new CommandPlace();
    const durable = { durable: true };
    await past(place, { r1: place.script('true'), r2: place.script('true') }, durable);
    const keeper = await startAt(place);
    const session = keeper.getSession('s1');
    expect(session?.runs({ ended: true }).map(({ runId }) => runId)).toEqual(['r1', 'r2']);
    expect(session?.getRun('r2')).toBe(keeper.getRun('r2'));
    await session?.close();
    const other = await keeper.openSession({ sessionId: 's1' });
    expect([other.runs({ ended: true }), other.getRun('r1')]).toEqual([[], undefined]);
    await keeper.stop();
    await using next = await startAt(place);
    const closed = next.getSession('s1');
    expect(closed?.runs({ ended: true }).map(({ runId }) => runId)).toEqual(['r1', 'r2']);
  });

  test('being found when its keeper was killed after it had told how it ended', async () => {
    const place = new CommandPlace();
    const first = await place.keeperWith(place.patient());
    place.go();
    await until(() => readJournal(place.path).ended.some(({ runId }) => runId === 'r1'));
    await first.kill();
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
    expect(await printed(runOf(keeper))).toBe('begun\ndone\n');
    expect([place.lines, keeper.getStatus().activeRuns]).toEqual([['began'], 0]);
  });

  test('being unknown where it was never accepted', async () => {
    const place = new CommandPlace();
    const first = await startAt(place);
    const session = await first.openSession();
    const asked = session.run(place.script('true'), { runId: 'r1' });
    const refused = expect(asked).rejects.toMatchObject({ code: 'session_closed' });
    await session.close();
    await refused;
    await first.stop();
    await using keeper = await startAt(place);
    expect(keeper.getRun('r1')).toBeUndefined();
  });

  test('being unknown where it was refused as its grant was on its way', async () => {
    const place = new CommandPlace();
    const first = await startAt(place, { limits: { maxParallelRuns: 1 } });
    const session = await first.openSession();
    await first.limiter.acquireRunSlot('other', 'held');
    const wait = { waitTimeoutMs: Infinity };
    const asked = session.run(place.script('true'), { runId: 'r1', ...wait });
    const refused = expect(asked).rejects.toMatchObject({ code: 'session_closed' });
    await Promise.all([first.limiter.releaseRunSlot('held'), session.close(), refused]);
    await first.stop();
    await using keeper = await startAt(place);
    expect([keeper.getRun('r1'), place.lines]).toEqual([undefined, []]);
  });
});

describe('a run whose slot ended otherwise', () => {
  test('by an eviction, which is its outcome', async () => {
    const place = new CommandPlace();
    const first = await startAt(place);
    const session = await first.openSession();
    await session.run(place.patient(), { runId: 'r1' });
    await until(() => place.begun === 1);
    await first.limiter.evict('r1', '{"state":"succeeded","times":{}}');
    await first.stop();
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject({ state: 'cancelled', reason: 'evicted' });
    await until(() => place.alive.length === 0);
  });

  test('in the hands of a limiter alone, being orphaned, and killed', async () => {
    const place = new CommandPlace();
    const first = await place.keeperWith(place.patient());
    await first.kill();
    const journal = openSqliteJournal({ path: place.path });
    const [run] = journal.recover(Date.now()).runs;
    const token = run?.token ?? 0;
    const end = { reason: 'interrupted', at: Date.now(), isKept: true, note: undefined } as const;
    journal.commit([{ type: 'run_slot_ended', token, ...end }]);
    journal.close();
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject({ state: 'interrupted', reason: 'orphaned' });
    expect(runOf(keeper)).toMatchObject({ sessionId: 's1', owner: 'alice', token });
    await until(() => place.alive.length === 0);
    expect(await printed(runOf(keeper), true)).toBe('begun\n');
  });

  test('without a run, being no run', async () => {
    const place = new CommandPlace();
    const first = await startAt(place);
    const slot = await first.limiter.acquireRunSlot('s1', 'raw', { order: 'of somebody else' });
    await slot.release();
    const noted = await first.limiter.acquireRunSlot('s1', 'noted', { order: 'likewise' });
    await noted.release({ note: 'likewise' });
    await first.stop();
    await using keeper = await startAt(place);
    expect([keeper.getRun('raw'), keeper.getRun('noted')]).toEqual([undefined, undefined]);
  });
});

describe('what is kept of it', () => {
  test('standing in the journal, for who reads it', async () => {
    const place = new CommandPlace();
    await past(place, { r1: place.script('exit 7') });
    const { ended } = readJournal(place.path);
    const { note, ...slot } = ended.find(({ runId }) => runId === 'r1') ?? {};
    expect(slot).toMatchObject({ reason: 'released', life: 'command', labels: { of: 'r1' } });
    expect(JSON.parse(note ?? '')).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
  });

  test('being bounded by their number, each with its folder', async () => {
    const place = new CommandPlace();
    await past(place, { r1: place.script('true'), r2: place.script('true') });
    await using keeper = await startAt(place, { retention: { maxCount: 1 } });
    expect([keeper.getRun('r1'), runOf(keeper, 'r2').state]).toEqual([undefined, 'succeeded']);
    expect(place.attempts).toEqual([`${runOf(keeper, 'r2').token}.1`]);
  });

  test('being bounded by their age, also while no process was there', async () => {
    const place = new CommandPlace();
    await past(place, { r1: place.script('true') });
    await using keeper = await startAt(place, { retention: { maxAgeMs: 0 } });
    expect([keeper.getRun('r1'), place.attempts]).toEqual([undefined, []]);
  });

  test('lasting as long as the journal where it is so wanted', async () => {
    const place = new CommandPlace();
    await past(place, { r1: place.script('true') });
    for (const runId of ['r2', 'r3']) {
      const keeper = await startAt(place, { retention: FOR_EVER });
      const session = await keeper.openSession({ sessionId: randomUUID() });
      await (await session.run(place.script('true'), { runId })).outcome;
      // It ends with all that lives as long as the process, and is kept too.
      await keeper.limiter.acquireRunSlot('raw', randomUUID());
      await keeper.stop();
    }
    await using keeper = await startAt(place, { retention: FOR_EVER });
    const found = ['r1', 'r2', 'r3'].map((id) => runOf(keeper, id).state);
    expect(found).toEqual(['succeeded', 'succeeded', 'succeeded']);
  });
});

describe('an adopted run', () => {
  test('having the times of its first process', async () => {
    const place = new CommandPlace();
    commitIntent(place, place.patient(), { agoMs: 5_000, waitedMs: 1_500 });
    const keeper = await startAt(place);
    const run = runOf(keeper);
    await until(() => run.state === 'running');
    place.go();
    await run.outcome;
    const { queuedAt, startedAt = 0 } = run;
    expect([startedAt - queuedAt, run.waitedMs]).toEqual([1_500, 1_500]);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(5_000);
    await keeper.stop();
    await using next = await startAt(place);
    expect(shown(runOf(next))).toEqual(shown(run));
  });
});
