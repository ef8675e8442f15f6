/**
 * The standard input of a command: nothing, a text, or a file.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CommandOrder, type Slotkeeper, startSlotkeeper } from '../../src/index.ts';
import { printed } from '../support/commands.ts';
import { freshFolder } from '../support/journal-places.ts';

let keeper: Slotkeeper;

beforeAll(async () => {
  keeper = await startSlotkeeper();
});

afterAll(() => keeper.stop());

async function runOf(order: CommandOrder) {
  const session = await keeper.openSession();
  return session.run(order);
}

async function outputOf(order: CommandOrder): Promise<string> {
  const run = await runOf(order);
  expect(await run.outcome).toMatchObject({ state: 'succeeded' });
  return printed(run);
}

describe('no input', () => {
  test('ending at once', async () => {
    expect(await outputOf({ cmd: ['cat'] })).toBe('');
  });
});

describe('a text as input', () => {
  test.each(['', 'a', 'no\nend', 'ä€😀\n', '\0\n'])('arriving whole: %j', async (stdin) => {
    expect(await outputOf({ cmd: ['cat'], stdin })).toBe(stdin);
  });

  test('arriving whole though it is longer than any pipe', async () => {
    const stdin = 'ä'.repeat(500_000);
    expect(await outputOf({ cmd: ['wc', '-c'], stdin })).toMatch(/^\s*1000000\s*$/);
  });

  test.each([
    ['ends', 'exit 0'],
    ['closes it and goes on', 'exec <&-; sleep 0.1; echo well'],
    ['reads a little of it', 'head -c 3 > /dev/null'],
  ])('being left by a program that %s', async (_what, script) => {
    const run = await runOf({ cmd: ['sh', '-c', script], stdin: 'x'.repeat(1_000_000) });
    expect(await run.outcome).toMatchObject({ state: 'succeeded', value: { exitCode: 0 } });
  });

  test('being left by a program that is stopped while it does not read', async () => {
    const run = await runOf({ cmd: ['sleep', '60'], stdin: 'x'.repeat(1_000_000) });
    expect(await run.cancel()).toMatchObject({ state: 'cancelled', value: { signal: 'SIGTERM' } });
  });

  test('being for a program that is not there', async () => {
    const run = await runOf({ cmd: ['/no/such/program'], stdin: 'x'.repeat(1_000_000) });
    expect(await run.outcome).toMatchObject({ error: { code: 'command_not_started' } });
  });
});

describe('a file as input', () => {
  test('being read from its beginning by each', async () => {
    const file = join(freshFolder(), 'in');
    writeFileSync(file, 'ä\nb');
    const order = { cmd: ['cat'], stdin: { file } };
    expect(await Promise.all([outputOf(order), outputOf(order)])).toEqual(['ä\nb', 'ä\nb']);
  });

  test('being a device', async () => {
    const order = { cmd: ['head', '-c', '5'], stdin: { file: '/dev/zero' } };
    expect(await outputOf(order)).toBe('\0'.repeat(5));
  });

  test.each([
    ['is not there', () => join(freshFolder(), 'none')],
    ['is a folder', () => freshFolder()],
    [
      'is a pipe to which nobody writes',
      () => {
        const pipe = join(freshFolder(), 'pipe');
        execFileSync('mkfifo', [pipe]);
        return pipe;
      },
    ],
  ])('failing the run when it %s, also for who follows it', async (_what, path) => {
    const file = path();
    const run = await runOf({ cmd: ['cat'], stdin: { file } });
    const read = printed(run);
    expect(await run.outcome).toMatchObject({
      state: 'failed',
      error: { code: 'command_not_started', message: expect.stringContaining(file) },
    });
    expect(await read).toBe('');
  });
});
