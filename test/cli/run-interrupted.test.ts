/**
 * `slotkeeper run` that is told to end: once, and what runs may end; twice, and it is killed. Nothing is left
 * behind either way, and each job of the input has its row.
 *
 * On the built package: `npm test` builds first.
 */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ResultRow } from '../../src/cli/run/result-row.ts';
import type { WorkOrder } from '../../src/config/work-order.ts';
import { until } from '../support/command-place.ts';
import { freshFolder } from '../support/journal-places.ts';
import { Runner, workFile } from '../support/runner.ts';
import { ShiftLedger } from '../support/shift-ledger.ts';

const NOT_BEGUN = {
  state: 'interrupted',
  reason: 'interrupted',
  startedAt: null,
  stdoutFile: null,
};
/** Ignores SIGTERM, as does its child, which has left its parent, its group and its session. */
const DEEP = 'trap "" TERM; while :; do sleep 1; done';
const STUBBORN = `trap "" TERM; ((setsid sh -c '${DEEP}' &) &); while :; do sleep 1; done`;

/** A runner, one at a time, whose first job is at work and whose others wait. */
async function atWork(text: (ledger: ShiftLedger) => string, flags: readonly string[] = []) {
  const folder = freshFolder();
  const ledger = new ShiftLedger(folder);
  const others = ['b', 'c', 'd'].map((id) => ledger.job(id, ':', { session: `of ${id}` }));
  const work = workFile(folder, [ledger.job('a', text(ledger)), ...others]);
  const runner = new Runner(folder, [work, '--max-runs', '1', ...flags]);
  await until(() => ledger.lines.length > 0);
  return { runner, ledger };
}

/** It is drained: those that have not begun have their rows. */
async function isDrained(runner: Runner): Promise<void> {
  await until(() => runner.rows.length === 3);
}

function rowOf(rows: readonly ResultRow[], id: string): ResultRow | undefined {
  return rows.find((row) => row.id === id);
}

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('letting end what runs and beginning nothing more: %s', async (signal, status) => {
    const { runner, ledger } = await atWork(({ waits }) => waits);
    runner.child.kill(signal);
    await isDrained(runner);
    expect(ledger.ids('end')).toEqual([]);
    ledger.go();
    const ending = await runner.ending;
    expect(ending).toMatchObject({ status, told: '' });
    expect(ending.rows.length).toBe(4);
    expect(rowOf(ending.rows, 'a')).toMatchObject({ state: 'succeeded', exitCode: 0 });
    for (const id of ['b', 'c', 'd']) expect(rowOf(ending.rows, id)).toMatchObject(NOT_BEGUN);
    expect(ledger.ids('start')).toEqual(['a']);
    expect(runner.alive()).toEqual([]);
  });

  test('draining also those that wait for a session', async () => {
    const { runner, ledger } = await atWork(({ waits }) => waits, ['--max-sessions', '1']);
    runner.child.kill('SIGINT');
    await isDrained(runner);
    ledger.go();
    expect((await runner.ending).status).toBe(130);
    expect(ledger.ids('start')).toEqual(['a']);
  });

  test('being the exit status, though all that ran has failed', async () => {
    const { runner, ledger } = await atWork(({ waits }) => `${waits}; exit 7`);
    runner.child.kill('SIGINT');
    await isDrained(runner);
    ledger.go();
    const { status, rows } = await runner.ending;
    expect(status).toBe(130);
    expect(rowOf(rows, 'a')).toMatchObject({ state: 'failed', exitCode: 7 });
  });

  test('ending the reading of standard input, which stays open', async () => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const runner = new Runner(folder, ['-']);
    runner.say(ledger.job('a', ':'));
    await until(() => runner.rows.length === 1);
    runner.child.kill('SIGINT');
    expect(await runner.ending).toMatchObject({ status: 130, rows: [{ id: 'a' }] });
    expect(runner.alive()).toEqual([]);
  });

  test('giving a row to what has come and not begun', async () => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const runner = new Runner(folder, ['-', '--max-runs', '1']);
    const orders: WorkOrder[] = ['b', 'c', 'd'].map((id) => ledger.job(id, ':'));
    runner.say(ledger.job('a', ledger.waits), ...orders, 'the end');
    await until(() => runner.told.includes('line 5') && ledger.lines.length > 0);
    runner.child.kill('SIGINT');
    await isDrained(runner);
    ledger.go();
    const { status, rows } = await runner.ending;
    expect(status).toBe(130);
    expect(rows.map(({ id }) => id).sort()).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('a second signal', () => {
  test.each([
    ['SIGINT', 'SIGINT', 130],
    ['SIGTERM', 'SIGINT', 143],
  ] as const)('killing a tree that does not care: %s, then %s', async (first, second, status) => {
    const { runner, ledger } = await atWork(() => STUBBORN);
    await until(() => runner.alive().length > 4);
    runner.child.kill(first);
    await isDrained(runner);
    runner.child.kill(second);
    const ending = await runner.ending;
    expect(runner.alive()).toEqual([]);
    expect(ending.status).toBe(status);
    expect(rowOf(ending.rows, 'a')).toMatchObject({
      state: 'interrupted',
      reason: 'interrupted',
      exitCode: null,
      signal: 'SIGKILL',
    });
    expect(ledger.ids('start')).toEqual(['a']);
  });

  test('letting a polite program say its last words', async () => {
    const trap = 'trap "echo bye; exit 4" TERM';
    const polite = ({ path }: ShiftLedger) =>
      `${trap}; : > '${path}.up'; while :; do sleep 0.02; done`;
    const { runner, ledger } = await atWork(polite);
    await until(() => existsSync(`${ledger.path}.up`));
    runner.child.kill('SIGINT');
    await isDrained(runner);
    runner.child.kill('SIGINT');
    const { status, rows } = await runner.ending;
    expect(status).toBe(130);
    expect(rowOf(rows, 'a')).toMatchObject({ state: 'interrupted', exitCode: 4, signal: null });
    expect(runner.alive()).toEqual([]);
  });
});
