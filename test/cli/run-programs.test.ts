/**
 * What `slotkeeper run` gives to the programs that it runs: their time, their folder, their environment, their
 * input. Where one of them cannot have it, that job fails and the others go on.
 *
 * On the built package: `npm test` builds first.
 */
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { WorkOrder } from '../../src/config/work-order.ts';
import { freshFolder } from '../support/journal-places.ts';
import { outputAt } from '../support/outputs.ts';
import { type Ending, Runner, ranFile, script, workFile } from '../support/runner.ts';

function rowOf({ rows }: Ending, id: string) {
  return rows.find((row) => row.id === id) ?? expect.unreachable(`there is no row of ${id}`);
}

function stdoutOf(ending: Ending, id: string): string {
  return outputAt(rowOf(ending, id).stdoutFile).toString();
}

describe('deadlineMs', () => {
  test('ending what takes longer, and nothing else', async () => {
    const work: WorkOrder[] = [
      script('echo begun; sleep 3600', { id: 'long', deadlineMs: 300 }),
      script('echo done', { id: 'short', deadlineMs: 60_000 }),
    ];
    const ending = await ranFile(freshFolder(), work);
    expect(ending.status).toBe(1);
    expect(rowOf(ending, 'short')).toMatchObject({ state: 'succeeded', reason: null });
    const { startedAt, endedAt, ...long } = rowOf(ending, 'long');
    expect(long).toMatchObject({ state: 'timed_out', reason: 'deadline', signal: 'SIGTERM' });
    expect((endedAt ?? 0) - (startedAt ?? 0)).toBeGreaterThanOrEqual(299);
    expect(stdoutOf(ending, 'long')).toBe('begun\n');
  });

  test('not counting the time of the wait', async () => {
    const work: WorkOrder[] = [
      script('sleep 1.5', { id: 'first' }),
      script('true', { id: 'second', deadlineMs: 1_200 }),
    ];
    const ending = await ranFile(freshFolder(), work, '--max-runs', '1');
    expect(ending.status).toBe(0);
    expect(rowOf(ending, 'second').waitedMs).toBeGreaterThan(1_200);
  });
});

describe('cwd', () => {
  test('being the folder of the call, or what is asked for, from there on', async () => {
    const folder = realpathSync(freshFolder());
    mkdirSync(join(folder, 'inner'));
    const work: WorkOrder[] = [
      { cmd: ['pwd'], id: 'own' },
      { cmd: ['pwd'], id: 'inner', cwd: 'inner' },
      { cmd: ['pwd'], id: 'root', cwd: '/' },
    ];
    const ending = await ranFile(folder, work);
    const told = ['own', 'inner', 'root'].map((id) => stdoutOf(ending, id).trim());
    expect(told).toEqual([folder, join(folder, 'inner'), '/']);
  });

  test('failing the job whose folder is not there, while the others go on', async () => {
    const work: WorkOrder[] = [
      { cmd: ['true'], id: 'nowhere', cwd: 'no/such/folder' },
      { cmd: ['true'], id: 'in a file', cwd: 'work.ndjson' },
      { cmd: ['true'], id: 'here' },
    ];
    const ending = await ranFile(freshFolder(), work);
    expect(ending.status).toBe(1);
    for (const id of ['nowhere', 'in a file']) {
      expect(rowOf(ending, id)).toMatchObject({ state: 'failed', exitCode: null, signal: null });
      expect(rowOf(ending, id).error).toContain('cwd of a command must be a folder that is there');
    }
    expect(rowOf(ending, 'here').state).toBe('succeeded');
  });
});

describe('the environment', () => {
  test('being what is asked for, what is on the list, and nothing else of the caller', async () => {
    const folder = freshFolder();
    const env = { GREETING: 'good day', EMPTY: '', HOME: '/elsewhere' };
    const work = workFile(folder, [{ cmd: ['env', '-0'], id: 'env', env }]);
    const secrets = { SECRET_TOKEN: 'x', NODE_OPTIONS: '--no-warnings', TERM: 'vt100', TZ: 'UTC' };
    const runner = new Runner(folder, [work], { ...secrets, LANG: 'C.UTF-8', HOME: '/home' });
    const ending = await runner.ending;
    const lines = stdoutOf(ending, 'env').split('\0').filter(Boolean);
    const variables = Object.fromEntries(lines.map((line) => line.split('=', 2)));
    expect(variables).toEqual({
      ...env,
      PATH: process.env.PATH,
      TERM: 'vt100',
      TZ: 'UTC',
      LANG: 'C.UTF-8',
      LC_TEST_TREE: expect.any(String),
      SLOTKEEPER_RUN_TAG: expect.any(String),
    });
  });

  test('differing from job to job', async () => {
    const work = ['one', 'two'].map((id) => ({ cmd: ['printenv', 'WHO'], id, env: { WHO: id } }));
    const ending = await ranFile(freshFolder(), work);
    expect(['one', 'two'].map((id) => stdoutOf(ending, id))).toEqual(['one\n', 'two\n']);
  });
});

describe('stdin', () => {
  test('being a text, a file, or nothing, and never the input of run', async () => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'input'), Buffer.from([0xff, 0x00, 0x0a]));
    const runner = new Runner(folder, ['-', '--max-runs', '1']);
    runner.say(
      { cmd: ['cat'], id: 'text', stdin: 'a text\nwithout an end' },
      { cmd: ['od', '-An', '-tx1'], id: 'file', stdin: { file: 'input' } },
      { cmd: ['cat'], id: 'none' },
      { cmd: ['cat'], id: 'missing', stdin: { file: 'no-such-file' } },
      { cmd: ['true'], id: 'last' },
    );
    runner.child.stdin.end();
    const ending = await runner.ending;
    expect(ending.rows.length).toBe(5);
    expect(stdoutOf(ending, 'text')).toBe('a text\nwithout an end');
    expect(stdoutOf(ending, 'file').trim()).toBe('ff 00 0a');
    expect(stdoutOf(ending, 'none')).toBe('');
    expect(rowOf(ending, 'missing')).toMatchObject({ state: 'failed', exitCode: null });
    expect(rowOf(ending, 'missing').error).toContain('no-such-file');
    expect(rowOf(ending, 'last').state).toBe('succeeded');
  });
});
