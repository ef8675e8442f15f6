/**
 * Where the results of `slotkeeper run` go, and what becomes of the work when they cannot go there.
 *
 * On the built package: `npm test` builds first.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ResultRow } from '../../src/cli/run/result-row.ts';
import { until } from '../support/command-place.ts';
import { freshFolder } from '../support/journal-places.ts';
import { Runner, ran, ranFile, script, workFile } from '../support/runner.ts';

const SIX = Array.from({ length: 6 }, (_, at) => ({ cmd: ['sh', '-c', `exit ${at % 2}`] }));

describe('results', () => {
  test('being one row for each job, with all that is known of it', async () => {
    const { status, rows } = await ranFile(freshFolder(), [
      script('echo out; echo err >&2; exit 3', { id: 'a', session: 's' }),
    ]);
    expect(status).toBe(1);
    expect(rows).toEqual([
      {
        id: 'a',
        session: 's',
        state: 'failed',
        exitCode: 3,
        signal: null,
        startedAt: expect.any(Number),
        endedAt: expect.any(Number),
        waitedMs: expect.any(Number),
        stdoutFile: expect.stringMatching(/^\//),
        stderrFile: expect.stringMatching(/^\//),
        reason: null,
        error: 'The command exited with 3',
      },
    ]);
    expect(readFileSync(rows[0]?.stdoutFile ?? '', 'utf8')).toBe('out\n');
    expect(readFileSync(rows[0]?.stderrFile ?? '', 'utf8')).toBe('err\n');
  });

  test('going to a file, and nowhere else', async () => {
    const folder = freshFolder();
    const file = join(folder, 'rows');
    writeFileSync(file, 'what was there before\n');
    const ending = await ranFile(folder, SIX, '--results', file);
    expect(ending).toMatchObject({ status: 1, rows: [], told: '' });
    const rows = readFileSync(file, 'utf8').trimEnd().split('\n');
    const ids = rows.map((row) => (JSON.parse(row) as ResultRow).id); // as it promises
    expect(ids.sort()).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  test('being for nobody else to read', async () => {
    const folder = freshFolder();
    await ranFile(folder, SIX, '--results', 'rows');
    expect(statSync(join(folder, 'rows')).mode & 0o777).toBe(0o600);
  });

  test('starting nothing when their file cannot be made', async () => {
    const folder = freshFolder();
    const ending = await ranFile(folder, [script('echo > begun')], '--results', 'no/such/folder');
    expect(ending).toMatchObject({ status: 1, rows: [] });
    expect(ending.told).toMatch(
      /cannot be written to no\/such\/folder: ENOENT.*results_unavailable/,
    );
    expect(existsSync(join(folder, 'begun'))).toBe(false);
  });

  test('ending the work when their file is full', async () => {
    const ending = await ranFile(freshFolder(), SIX, '--results', '/dev/full');
    expect(ending.status).toBe(1);
    expect(ending.told).toMatch(/cannot be written to \/dev\/full: ENOSPC.*results_unavailable/);
  });
});

describe('a reader of the results that goes away', () => {
  test('ending the work, with nothing left behind', async () => {
    const folder = freshFolder();
    const waiting = script('while [ ! -e go ]; do sleep 0.02; done');
    const others = Array.from({ length: 40 }, () => script('echo begun >> ledger'));
    const work = workFile(folder, [script('true'), waiting, ...others]);
    const runner = new Runner(folder, [work, '--max-runs', '1']);
    await until(() => runner.rows.length === 1);
    runner.child.stdout.destroy();
    writeFileSync(join(folder, 'go'), '');
    const { status, told } = await runner.ending;
    expect(status).toBe(1);
    expect(told).toMatch(/cannot be written to standard output: EPIPE.*\[results_unavailable\]\n$/);
    const ledger = join(folder, 'ledger');
    const begun = existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').length - 1 : 0;
    expect(begun).toBeLessThan(20);
    expect(runner.alive()).toEqual([]);
  });

  test('losing no row when it only reads late', async () => {
    const folder = freshFolder();
    const work = workFile(
      folder,
      Array.from({ length: 100 }, () => script(':')),
    );
    const runner = new Runner(folder, [work, '--max-runs', '8']);
    runner.child.stdout.pause();
    await until(() => existsSync(join(folder, 'slotkeeper-data')));
    runner.child.stdout.resume();
    const { status, rows } = await runner.ending;
    expect(status).toBe(0);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(100);
  });
});

describe('the exit status', () => {
  test.each([
    ['0 when all have succeeded', ['true', 'true'], 0],
    ['1 when one has not', ['true', 'false', 'true'], 1],
    ['1 when one is not there', ['true', '/nonexistent/program'], 1],
  ])('being %s', async (_, programs, status) => {
    const ending = await ranFile(
      freshFolder(),
      programs.map((program) => ({ cmd: [program] })),
    );
    expect(ending.status).toBe(status);
    expect(ending.rows.length).toBe(programs.length);
  });

  test.each([['--no-such-flag'], ['work', 'and another']])(
    'being 2 when it is asked wrongly: %j',
    async (...args) => {
      expect(await ran(freshFolder(), args)).toMatchObject({ status: 2, rows: [] });
    },
  );
});
