/**
 * Commands that are children of this process: what is told of them, and that a full or removed folder
 * takes nothing down with it.
 */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AttemptFolder, attemptOf } from '../../src/executors/attempt-folder.ts';
import { completeCommand } from '../../src/executors/command-order.ts';
import type { CommandOrder, WorkEnd, WorkPlace } from '../../src/executors/executor.ts';
import { isAtWork, killLocalWorks, LocalWork } from '../../src/executors/local-work.ts';
import { marked, until } from '../support/commands.ts';
import { freshFolder } from '../support/journal-places.ts';
import { mountTmpfs, testWithMount } from '../support/tmpfs.ts';

function work(order: CommandOrder, folder = attemptOf(freshFolder(), '1', 1)) {
  const { env, alive } = marked();
  let gone: WorkPlace['gone'] = () => {};
  const end = new Promise<WorkEnd>((resolve) => {
    gone = resolve;
  });
  const place = { sessionId: 's', runId: 'r', token: 1, deadlineAt: undefined, gone };
  const local = new LocalWork(folder, completeCommand({ ...order, env }), place);
  return { local, end, folder, alive };
}

describe('local work', () => {
  test('telling its result, and where its output is', async () => {
    const { end, folder } = work({ cmd: ['sh', '-c', 'echo a; echo b >&2'] });
    expect(await end).toEqual({
      state: 'succeeded',
      value: {
        exitCode: 0,
        signal: null,
        stdout: {
          path: `${folder.path}/stdout`,
          bytes: 2,
          bytesSeen: 2,
          lines: 1,
          isTruncated: false,
        },
        stderr: {
          path: `${folder.path}/stderr`,
          bytes: 2,
          bytesSeen: 2,
          lines: 1,
          isTruncated: false,
        },
        outputFault: null,
        killed: 0,
        startedAt: expect.any(Number),
        endedAt: expect.any(Number),
      },
    });
    expect(readdirSync(folder.path).sort()).toEqual(['records', 'stderr', 'stdout']);
  });

  test('failing with the result, when it does not exit with 0', async () => {
    const { end } = work({ cmd: ['sh', '-c', 'exit 3'] });
    expect(await end).toMatchObject({
      state: 'failed',
      error: { code: 'command_failed', message: 'The command exited with 3' },
      value: { exitCode: 3, signal: null },
    });
  });

  test('telling an exit with 137 from a death of SIGKILL', async () => {
    const [exited, died] = ['exit 137', 'kill -9 $$'].map(
      (script) => work({ cmd: ['sh', '-c', script] }).end,
    );
    expect(await exited).toMatchObject({ error: { message: 'The command exited with 137' } });
    expect(await died).toMatchObject({
      error: { message: 'The command died of SIGKILL' },
      value: { exitCode: null, signal: 'SIGKILL' },
    });
  });

  test('failing without a result when it cannot be started', async () => {
    const { end, local } = work({ cmd: ['/no/such/program'] });
    local.stop();
    local.pause();
    local.resume();
    const told = await end;
    expect(told).toMatchObject({ state: 'failed', error: { code: 'command_not_started' } });
    expect(told).not.toHaveProperty('value');
  });

  test('failing when its folder cannot be made', async () => {
    const { end } = work({ cmd: ['true'] }, new AttemptFolder('/dev/null', '1.1'));
    expect(await end).toMatchObject({ state: 'failed', error: { code: 'command_not_started' } });
  });

  test('having a folder for nobody else to read', async () => {
    const { end, folder } = work({ cmd: ['sh', '-c', 'echo a; echo b >&2'] });
    await end;
    expect(statSync(folder.path).mode & 0o777).toBe(0o700);
    for (const file of ['stdout', 'stderr', 'records']) {
      expect(statSync(`${folder.path}/${file}`).mode & 0o777).toBe(0o600);
    }
  });

  test('being at work until it is gone', async () => {
    const { local, end, folder } = work({ cmd: ['sleep', '60'] });
    expect(isAtWork(folder.path)).toBe(true);
    local.stop();
    await end;
    expect(isAtWork(folder.path)).toBe(false);
  });

  test('ending without a fault when its folder was removed', async () => {
    const { local, end, folder } = work({ cmd: ['sh', '-c', 'echo a; sleep 60'] });
    await until(() => existsSync(`${folder.path}/records`));
    rmSync(folder.path, { recursive: true });
    local.stop();
    expect(await end).toMatchObject({ value: { signal: 'SIGTERM' } });
    expect(existsSync(folder.path)).toBe(false);
  });

  testWithMount('ending without a fault when it has filled its disk', async () => {
    const folder = attemptOf(mountTmpfs('256k'), '1', 1);
    const { end } = work({ cmd: ['head', '-c', '10000000', '/dev/zero'] }, folder);
    expect(await end).toMatchObject({
      state: 'succeeded',
      value: {
        outputFault: expect.stringContaining('ENOSPC'),
        stdout: { bytesSeen: 10_000_000, isTruncated: true },
      },
    });
    expect(isAtWork(folder.path)).toBe(false);
  });
});

describe('killing what is at work in a folder', () => {
  test('reaching that, and nothing else', async () => {
    const [mine, other] = [work({ cmd: ['sleep', '60'] }), work({ cmd: ['sleep', '60'] })];
    killLocalWorks(dirname(mine.folder.path));
    expect(await mine.end).toMatchObject({ value: { signal: 'SIGKILL' } });
    expect(mine.alive()).toEqual([]);
    expect(isAtWork(other.folder.path)).toBe(true);
    killLocalWorks(dirname(other.folder.path));
    await other.end;
  });

  test('reaching its whole tree', async () => {
    const script = 'trap "" TERM; (setsid sleep 60 &); sleep 60';
    const { folder, end, alive } = work({ cmd: ['sh', '-c', script] });
    await until(() => alive().length === 3);
    killLocalWorks(dirname(folder.path));
    expect(await end).toMatchObject({ value: { signal: 'SIGKILL' } });
    expect(alive()).toEqual([]);
  });
});
