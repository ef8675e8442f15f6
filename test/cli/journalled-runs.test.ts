/**
 * `slotkeeper list`, `explain` and `status` on the journal of a `run`, while it goes on.
 *
 * On the built package: `npm test` builds first.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { until } from '../support/commands.ts';
import { freshFolder } from '../support/journal-places.ts';
import { MAIN, Runner, workFile } from '../support/runner.ts';
import { ShiftLedger } from '../support/shift-ledger.ts';

/** One has failed, one is at work, two wait. What the command says of them, and the runner. */
async function begun() {
  const folder = freshFolder();
  const ledger = new ShiftLedger(folder);
  const journal = join(folder, 'work.db');
  const work = workFile(folder, [
    ledger.job('failed', 'exit 3', { priority: 9 }),
    ledger.job('at-work', ledger.waits, { priority: 8, kind: 'slow' }),
    ledger.job('next', ':', { priority: 7, owner: 'alice' }),
    ledger.job('last', ':'),
  ]);
  const runner = new Runner(folder, [work, '--journal', journal, '--max-runs', '1']);
  await until(() => ledger.ids('start').includes('at-work'));
  const told = async (...args: readonly string[]): Promise<string> => {
    const all = [MAIN, ...args, '--journal', journal];
    return (await promisify(execFile)(process.execPath, all)).stdout;
  };
  return { told, runner };
}

test('list naming all that are at work, wait and have ended, in this order', async () => {
  const { told } = await begun();
  const lines = (await told('list')).trimEnd().split('\n');
  const ids = lines.map((line) => line.split(/ {2,}/)[0]);
  expect(ids).toEqual(['RUN', 'at-work', 'next', 'last', 'failed']);
  expect(lines[2]).toMatch(/ waiting .* 0 before it$/);
  expect(lines[3]).toMatch(/ waiting .* 1 before it$/);
  expect(lines[4]).toMatch(/ failed .* exited with 3$/);
});

test('list naming those of a state, and of a session', async () => {
  const { told } = await begun();
  const waiting = (await told('list', '--state', 'waiting', '--json')).trimEnd().split('\n');
  expect(waiting.map((line) => JSON.parse(line))).toMatchObject([
    { id: 'next', session: 'default', state: 'waiting', position: 0, priority: 7, owner: 'alice' },
    { id: 'last', position: 1, priority: 0 },
  ]);
  expect(await told('list', '--session', 'nowhere')).toBe('none\n');
  expect(await told('list', '--session', 'nowhere', '--json')).toBe('');
});

test('explain saying where each of them stands', async () => {
  const { told } = await begun();
  expect(await told('explain', 'last')).toMatch(
    /^run last in session default\n {2}waits since .*, 1 before it, priority 0\n {2}1 at work, 1 of them in its session\n$/,
  );
  expect(await told('explain', 'at-work')).toMatch(/kind slow\n {2}holds its slot since .* s \(/);
  expect(await told('explain', 'failed')).toMatch(/ended .* ago as failed: /);
  expect(JSON.parse(await told('explain', 'failed', '--json'))).toMatchObject({
    state: 'failed',
    exitCode: 3,
    isInUse: true,
    atWork: { all: 1, inItsSession: 1, ofItsOwner: 0, ofItsKind: 0 },
  });
  const stderr = expect.stringContaining('[run_unknown]');
  await expect(told('explain', 'nobody')).rejects.toMatchObject({ code: 1, stderr });
});

test('status counting them', async () => {
  const { told, runner } = await begun();
  const text = await told('status');
  expect(text).toContain(`process ${runner.child.pid}`);
  expect(text).toMatch(/runs {6}1\n/);
  expect(text).toMatch(/waiting {3}2/);
});
