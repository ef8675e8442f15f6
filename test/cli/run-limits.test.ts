/**
 * The limits of `slotkeeper run`, watched from outside: what the programs write down themselves.
 *
 * On the built package: `npm test` builds first.
 */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { WorkOrder } from '../../src/config/work-order.ts';
import { until } from '../support/command-place.ts';
import { freshFolder } from '../support/journal-places.ts';
import { Runner, ranFile, workFile } from '../support/runner.ts';
import { ShiftLedger } from '../support/shift-ledger.ts';

/** Jobs of some sessions, each session's of its own number. */
function jobsIn(ledger: ShiftLedger, sessions: number, each: number): WorkOrder[] {
  const jobs = [];
  for (let at = 0; at < sessions * each; at += 1) {
    jobs.push(ledger.job(`j${at}`, 'sleep 0.02', { session: `s${at % sessions}` }));
  }
  return jobs;
}

/** Two jobs that end only if they are at work at once. */
function meeting(folder: string, ledger: ShiftLedger, ...sessions: [string, string]): WorkOrder[] {
  const arrive = (own: string, other: string) =>
    `: > '${join(folder, own)}'; while [ ! -e '${join(folder, other)}' ]; do sleep 0.01; done`;
  return [
    ledger.job('one', arrive('one', 'two'), { session: sessions[0] }),
    ledger.job('two', arrive('two', 'one'), { session: sessions[1] }),
  ];
}

describe('limits', () => {
  test.each([1, 2, 5])('running no more than %d at a time', async (limit) => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const ending = await ranFile(folder, jobsIn(ledger, 4, 6), '--max-runs', String(limit));
    expect(ending.status).toBe(0);
    expect(ledger.ids('end').length).toBe(24);
    expect(ledger.mostAtOnce()).toBeLessThanOrEqual(limit);
  });

  test('running no more than two of a session at a time', async () => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const work = jobsIn(ledger, 3, 8);
    const flags = ['--max-runs', '6', '--max-runs-per-session', '2'];
    expect((await ranFile(folder, work, ...flags)).status).toBe(0);
    expect(ledger.ids('end').length).toBe(24);
    for (const session of ['s0', 's1', 's2']) {
      const most = ledger.mostAtOnce(undefined, (line) => line.session === session);
      expect(most).toBeLessThanOrEqual(2);
    }
  });

  test('opening no more than two sessions at a time, and each job in its own', async () => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const work = jobsIn(ledger, 6, 4);
    const flags = ['--max-runs', '8', '--max-sessions', '2'];
    const { status, rows } = await ranFile(folder, work, ...flags);
    expect(status).toBe(0);
    expect(ledger.ids('end').length).toBe(24);
    expect(ledger.mostAtOnce(({ session }) => session)).toBeLessThanOrEqual(2);
    const told = rows.map(({ id, session }) => `${id} ${session}`);
    expect(told.sort()).toEqual(work.map(({ id, session }) => `${id} ${session}`).sort());
  });

  test.each<[string, [string, string], string[]]>([
    ['of one session', ['s', 's'], ['--max-runs', '2', '--max-runs-per-session', '2']],
    ['of two sessions', ['s', 't'], ['--max-runs', '2', '--max-sessions', '2']],
  ])('using the room that there is, for two %s', async (_, sessions, flags) => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const ending = await ranFile(folder, meeting(folder, ledger, ...sessions), ...flags);
    expect(ending.status).toBe(0);
    expect(ledger.mostAtOnce()).toBe(2);
  });

  test('holding back nobody else by a session that is full', async () => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const [one, two] = meeting(folder, ledger, 's', 't');
    const own = ['a', 'b', 'c'].map((id) => ledger.job(id, ':', { session: 's' }));
    const work = [one, ...own, two] as WorkOrder[]; // both are there
    const flags = ['--max-runs', '2', '--max-runs-per-session', '1'];
    expect((await ranFile(folder, work, ...flags)).status).toBe(0);
    expect(ledger.ids('start').slice(0, 2).sort()).toEqual(['one', 'two']);
  });
});

describe('order', () => {
  test('being that of priority, then that of the file', async () => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const priorities = [0, 5, -1, 5, 0, 1_000, -1];
    const work = priorities.map((priority, at) => ledger.job(`j${at}`, ':', { priority }));
    expect((await ranFile(folder, work, '--max-runs', '1')).status).toBe(0);
    expect(ledger.ids('start')).toEqual(['j5', 'j1', 'j3', 'j0', 'j4', 'j2', 'j6']);
  });

  test('being that of priority and of the file across sessions', async () => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const job = (id: string, session: string, priority: number) =>
      ledger.job(id, ledger.waits, { session, priority });
    const work = [job('a', 's', 5), job('b', 't', 5), job('c', 's', 0)];
    const runner = new Runner(folder, [workFile(folder, work), '--max-runs', '2']);
    await until(() => ledger.ids('start').length === 2);
    ledger.go();
    await runner.ending;
    expect(ledger.ids('start').slice(0, 2).sort()).toEqual(['a', 'b']);
  });

  test('being that of priority among those that wait, on standard input', async () => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const runner = new Runner(folder, ['-', '--max-runs', '1']);
    runner.say(ledger.job('first', ledger.waits), ledger.job('low', ':'));
    runner.say(ledger.job('high', ':', { priority: 1 }));
    // What is said last and cannot be read is told at once: all before it has been read.
    runner.say('the end');
    await until(() => runner.told.includes('line 4') && ledger.ids('start').length === 1);
    runner.say(ledger.job('highest', ':', { priority: 2 }), 'the end again');
    await until(() => runner.told.includes('line 6'));
    ledger.go();
    runner.child.stdin.end();
    expect((await runner.ending).status).toBe(65);
    expect(ledger.ids('start')).toEqual(['first', 'highest', 'high', 'low']);
  });
});

describe('owners and kinds', () => {
  test('being many in one session', async () => {
    const work = ['ada', 'emmy', 'grace'].flatMap((owner) =>
      ['exec', 'tool'].map((kind) => ({ cmd: ['true'], session: 'shared', owner, kind })),
    );
    const { status, rows } = await ranFile(freshFolder(), work);
    expect(status).toBe(0);
    expect(new Set(rows.map(({ session }) => session))).toEqual(new Set(['shared']));
  });
});
