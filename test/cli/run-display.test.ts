/**
 * The display of `slotkeeper run`, as it is seen on a real terminal.
 *
 * On the built package: `npm test` builds first. The tests wait for what the screen shows.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { WorkOrder } from '../../src/config/work-order.ts';
import { freshFolder } from '../support/journal-places.ts';
import { workFile } from '../support/runner.ts';
import { ShiftLedger } from '../support/shift-ledger.ts';
import { isWithoutTerminals, Terminal } from '../support/terminal.ts';

const LONG = 'a-name-that-is-longer-than-any-terminal-is-wide-'.repeat(5);
const WIDE = '長い名前'.repeat(60);
const STUBBORN = 'trap "" TERM; while :; do sleep 1; done';
/** For a row of the results, which is not cut. */
const WIDE_ENOUGH = 1_000;
const COLOR = '\u001b[';

/** One has succeeded, one has failed, one is at work, two wait: of five, one at a time. */
function atWork(columns: number, { id = 'a', env = [] as string[], flags = [] as string[] } = {}) {
  const folder = freshFolder();
  const ledger = new ShiftLedger(folder);
  const session = 'of-a';
  const job = (program: string): WorkOrder => ({ cmd: [program], session });
  const waiting = ledger.job(id, ledger.waits, { session });
  const work = workFile(folder, [job('true'), job('false'), waiting, job('true'), job('true')]);
  const args = [work, '--max-runs', '1', '--results', 'rows', ...flags];
  return { terminal: new Terminal(columns, folder, args, env), ledger, folder };
}

const AT_WORK = /1 running {2}2 waiting {2}1 succeeded {2}1 failed/;

describe.skipIf(isWithoutTerminals).each([80, 200])('on %d columns', (columns) => {
  test('showing how far it is, and in the end a summary', async () => {
    const { terminal, ledger } = atWork(columns);
    const text = await terminal.shows(AT_WORK);
    expect(text).toMatch(/█+░+ 40 % {2}2 of 5\n/);
    expect(text).toMatch(/1 failed {2}\d+\.\d\/s {2}about .* left\n/);
    expect(text).toMatch(/ {2}a in of-a {2}\d+\.\d s/);
    await terminal.hasLines(3);
    ledger.go();
    const end = await terminal.shows(/status/);
    expect(end).toMatch(/^█+ 100 % {2}5 of 5\n4 succeeded, 1 failed in [\d.]+ s\nstatus 1$/);
    await terminal.hasLines(3);
  });

  test.each([
    ['long', LONG.slice(0, 200)],
    ['wide', WIDE],
  ])('cutting a name that is too %s', async (_, id) => {
    const { terminal, ledger } = atWork(columns, { id });
    const text = await terminal.shows(AT_WORK);
    expect(text).toContain(`  ${id.slice(0, 30)}`);
    expect(text).toMatch(/…$/);
    await terminal.hasLines(3);
    ledger.go();
    await terminal.shows(/status 1/);
  });

  test('draining by Ctrl-C', async () => {
    const { terminal, ledger } = atWork(columns);
    await terminal.shows(AT_WORK);
    terminal.press('C-c');
    await terminal.shows(/draining; again kills/);
    await terminal.hasLines(3);
    ledger.go();
    const end = await terminal.shows(/status/);
    expect(end).toMatch(/2 succeeded, 1 failed, 2 interrupted in .*\nstatus 130$/);
    expect(ledger.ids('end')).toEqual(['a']);
    expect(terminal.alive()).toEqual([]);
  });
});

describe.skipIf(isWithoutTerminals)('Ctrl-C twice', () => {
  test('killing what does not care, with nothing left behind', async () => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const work = workFile(folder, [ledger.job('a', STUBBORN), { cmd: ['true'] }]);
    const terminal = new Terminal(80, folder, [work, '--max-runs', '1', '--results', 'rows']);
    await terminal.shows(/1 running {2}1 waiting/);
    terminal.press('C-c');
    await terminal.shows(/draining; again kills/);
    terminal.press('C-c');
    await terminal.shows(/killing/);
    expect(await terminal.shows(/status/)).toMatch(/0 succeeded, 2 interrupted in .*\nstatus 130$/);
    expect(terminal.alive()).toEqual([]);
    expect(readFileSync(join(folder, 'rows'), 'utf8').split('\n').length).toBe(3);
  });
});

describe.skipIf(isWithoutTerminals)('colours', () => {
  test('being there', async () => {
    const { terminal } = atWork(80);
    await terminal.shows(AT_WORK);
    expect(terminal.colored).toContain(`${COLOR}31m1 failed`);
  });

  test('being off with NO_COLOR', async () => {
    const { terminal, ledger } = atWork(80, { env: ['NO_COLOR=1'] });
    await terminal.shows(AT_WORK);
    expect(terminal.colored).not.toContain(COLOR);
    ledger.go();
    await terminal.shows(/status 1/);
    expect(terminal.colored).not.toContain(COLOR);
  });

  test('being there when NO_COLOR is empty', async () => {
    const { terminal } = atWork(80, { env: ['NO_COLOR='] });
    await terminal.shows(AT_WORK);
    expect(terminal.colored).toContain(COLOR);
  });
});

describe.skipIf(isWithoutTerminals)('rows on the same terminal', () => {
  test('standing above the display, each once', async () => {
    const folder = freshFolder();
    const ledger = new ShiftLedger(folder);
    const work = [{ cmd: ['true'] }, { cmd: ['false'] }, ledger.job('a', ledger.waits)];
    const terminal = new Terminal(WIDE_ENOUGH, folder, [workFile(folder, work), '--max-runs', '1']);
    await terminal.shows(/1 running {2}0 waiting {2}1 succeeded {2}1 failed/);
    ledger.go();
    const lines = (await terminal.shows(/status/)).split('\n');
    expect(lines.slice(0, 3).map((line) => JSON.parse(line).id)).toEqual(['1', '2', 'a']);
    expect(lines.slice(3)).toEqual([
      expect.stringMatching(/^█+ 100 % {2}3 of 3$/),
      expect.stringMatching(/^2 succeeded, 1 failed in/),
      'status 1',
    ]);
  });

  test('being all there is without the display', async () => {
    const { terminal, ledger } = atWork(80, { flags: ['--no-progress'] });
    ledger.go();
    expect(await terminal.shows(/status/)).toBe('status 1');
  });
});

describe.skipIf(isWithoutTerminals)('work from standard input', () => {
  test('being counted as it comes', async () => {
    const folder = freshFolder();
    const terminal = new Terminal(80, folder, ['-', '--cmd', 'sh -c {}', '--results', 'rows']);
    await terminal.shows(/0 done of 0 so far/);
  });
});
