/**
 * `slotkeeper run` with a journal: what has ended is told again and not run again, what was interrupted is run
 * again unless that is not wanted, and an order that has changed is no longer the same job.
 *
 * On the built package: `npm test` builds first.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CommandPlace, until } from '../support/command-place.ts';
import { freshFolder } from '../support/journal-places.ts';
import { Runner, workFile } from '../support/runner.ts';
import { ShiftLedger } from '../support/shift-ledger.ts';

/** Where some jobs are done, with a journal. */
function begun(folder = freshFolder()) {
  const ledger = new ShiftLedger(folder);
  const place = new CommandPlace(folder);
  const flags = ['--journal', place.path, '--max-runs', '1'];
  const job = (id: string, text: string) => ledger.job(id, text, { env: place.mark });
  return { folder, ledger, place, flags, job };
}

/** The runner of a job that waits, and of one behind it, is killed, and if asked for its host. */
async function killed(isHostKilled: boolean) {
  const it = begun();
  const { folder, ledger, place, flags, job } = it;
  const work = workFile(folder, [job('a', `${ledger.waits}; echo out of a`), job('b', ':')]);
  const runner = new Runner(folder, [work, ...flags]);
  await until(() => ledger.lines.length > 0);
  runner.child.kill('SIGKILL');
  await runner.ending;
  if (isHostKilled) await place.killHosts();
  const call = (...more: readonly string[]) => new Runner(folder, [work, ...flags, ...more]);
  return { ...it, call };
}

describe('a journal', () => {
  test('telling what has ended again, and running it no more', async () => {
    const { folder, ledger, flags, job } = begun();
    const work = [job('a', ':'), job('b', 'exit 3')];
    const first = await new Runner(folder, [workFile(folder, work), ...flags]).ending;
    const second = await new Runner(folder, [workFile(folder, work), ...flags]).ending;
    expect(second.status).toBe(1);
    expect(second.rows).toMatchObject([
      { id: 'a', state: 'succeeded', exitCode: 0 },
      { id: 'b', state: 'failed', exitCode: 3 },
    ]);
    expect(second.rows.map(({ stdoutFile }) => stdoutFile)).toEqual(
      first.rows.map(({ stdoutFile }) => stdoutFile),
    );
    expect(ledger.ids('start')).toEqual(['a', 'b']);
  });

  test('running only what has come to the work', async () => {
    const { folder, ledger, flags, job } = begun();
    await new Runner(folder, [workFile(folder, [job('a', ':')]), ...flags]).ending;
    const more = [job('a', ':'), job('b', ':')];
    const { status, rows } = await new Runner(folder, [workFile(folder, more), ...flags]).ending;
    expect(status).toBe(0);
    expect(rows.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(ledger.ids('start')).toEqual(['a', 'b']);
  });

  test('refusing another order under an id that it knows, before anything is started', async () => {
    const { folder, ledger, flags, job } = begun();
    await new Runner(folder, [workFile(folder, [job('a', ':')]), ...flags]).ending;
    const changed = workFile(folder, [job('new', ':'), job('a', 'true')]);
    const { status, rows, told } = await new Runner(folder, [changed, ...flags]).ending;
    expect({ status, rows }).toEqual({ status: 65, rows: [] });
    expect(told).toContain('line 2: id "a" stands in the journal with another order');
    expect(ledger.ids('start')).toEqual(['a']);
  });

  test('belonging to one runner at a time', async () => {
    const { folder, ledger, flags, job } = begun();
    const work = workFile(folder, [job('a', ledger.waits)]);
    const first = new Runner(folder, [work, ...flags]);
    await until(() => ledger.lines.length > 0);
    const second = await new Runner(folder, [work, ...flags]).ending;
    expect(second).toMatchObject({ status: 1, rows: [] });
    expect(second.told).toContain('[journal_in_use]');
    ledger.go();
    expect((await first.ending).status).toBe(0);
    expect(ledger.ids('start')).toEqual(['a']);
  });

  test('going on after Ctrl-C with what was not begun', async () => {
    const { folder, ledger, place, flags, job } = begun();
    const [a, b] = [job('a', ledger.waits), job('b', ':')];
    const first = new Runner(folder, [workFile(folder, [a, b, job('c', ':')]), ...flags]);
    await until(() => ledger.lines.length > 0);
    first.child.kill('SIGINT');
    await until(() => first.rows.length === 2);
    ledger.go();
    expect((await first.ending).status).toBe(130);
    // Of what was not begun nothing has come: it is not run again, and may be another order by now.
    const work = workFile(folder, [a, b, job('c', 'true')]);
    const second = new Runner(folder, [work, ...flags, '--no-rerun']);
    const { status, rows, told } = await second.ending;
    expect({ status, told }).toEqual({ status: 0, told: '' });
    expect(rows.map(({ id }) => id).sort()).toEqual(['a', 'b', 'c']);
    expect(ledger.ids('start').sort()).toEqual(['a', 'b', 'c']);
    expect(place.alive).toEqual([]);
  });
});

describe('a runner that was killed', () => {
  test('being followed by one that takes up what runs still', async () => {
    const { ledger, call, place } = await killed(false);
    const runner = call();
    ledger.go();
    const { status, rows, told } = await runner.ending;
    expect({ status, told }).toEqual({ status: 0, told: '' });
    expect(ledger.ids('start')).toEqual(['a', 'b']);
    const [a] = rows;
    expect(a).toMatchObject({ id: 'a', state: 'succeeded', exitCode: 0 });
    expect(readFileSync(a?.stdoutFile ?? '', 'utf8')).toBe('out of a\n');
    expect(place.alive).toEqual([]);
  });

  test('being followed by one that tells how it ended meanwhile', async () => {
    const { ledger, call, place } = await killed(false);
    ledger.go();
    await until(() => ledger.ids('end').length > 0 && place.alive.length === 0);
    const { status, rows } = await call().ending;
    expect(status).toBe(0);
    expect(rows[0]).toMatchObject({ id: 'a', state: 'succeeded', exitCode: 0 });
    expect(ledger.ids('start')).toEqual(['a', 'b']);
  });

  test('running again what nobody has seen end', async () => {
    const { ledger, call, place } = await killed(true);
    ledger.go();
    await until(() => place.alive.length === 0);
    const { status, rows, told } = await call().ending;
    expect(status).toBe(0);
    expect(told).toBe('slotkeeper: job a was interrupted, and is run again\n');
    expect(rows.map(({ id, state }) => `${id} ${state}`).sort()).toEqual([
      'a succeeded',
      'b succeeded',
    ]);
    expect(ledger.ids('start').sort()).toEqual(['a', 'a', 'b']);
  });

  test('not running it again with --no-rerun, and then, without it, all the same', async () => {
    const { ledger, call, place } = await killed(true);
    ledger.go();
    await until(() => place.alive.length === 0);
    const { status, rows, told } = await call('--no-rerun').ending;
    expect({ status, told }).toEqual({ status: 1, told: '' });
    expect(rows.find(({ id }) => id === 'a')).toMatchObject({ state: 'interrupted' });
    expect(ledger.ids('start').sort()).toEqual(['a', 'b']);
    expect((await call().ending).status).toBe(0);
    expect(ledger.ids('start').sort()).toEqual(['a', 'a', 'b']);
  });
});
