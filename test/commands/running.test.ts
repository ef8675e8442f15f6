/**
 * Commands as runs of a session: what they get, how they end, how many there are, and what they leave.
 */
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type CommandOrder,
  type LimiterOptions,
  type Limits,
  type Run,
  type RunOptions,
  type Session,
  type Slotkeeper,
  startSlotkeeper,
} from '../../src/index.ts';
import { hasPrinted, marked, printed } from '../support/commands.ts';
import { freshFolder } from '../support/journal-places.ts';

const keepers = new Set<Slotkeeper>();

afterEach(async () => {
  for (const keeper of keepers) await keeper.stop();
  keepers.clear();
});

async function open(
  limits: Partial<Limits> = {},
  options: Omit<LimiterOptions, 'limits'> = {},
): Promise<{ keeper: Slotkeeper; session: Session }> {
  const keeper = await startSlotkeeper({ ...options, limits });
  keepers.add(keeper);
  return { keeper, session: await keeper.openSession() };
}

/** What a command prints to its end. */
async function outputOf(order: CommandOrder, options: RunOptions = {}): Promise<string> {
  const { session } = await open();
  const run = await session.run(order, options);
  expect(await run.outcome).toMatchObject({ state: 'succeeded' });
  return printed(run);
}

const shell = (script: string, rest: Omit<CommandOrder, 'cmd'> = {}): CommandOrder => ({
  cmd: ['sh', '-c', script],
  ...rest,
});

describe('the arguments of a command', () => {
  test('arriving as they are, whatever is in them', async () => {
    const args = [
      '',
      ' ',
      'a b',
      '"',
      "'",
      '$HOME',
      '`id`',
      '$(id)',
      'a\nb',
      '*',
      '\\',
      'ä€😀',
      '-n',
      ';exit 3',
    ];
    const script = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))';
    const said = await outputOf({ cmd: [process.execPath, '-e', script, '--', ...args] });
    expect(JSON.parse(said)).toEqual(args);
  });

  test('being no script: there is no shell', async () => {
    expect(await outputOf({ cmd: ['echo', 'a;', 'echo', '$HOME', '>', '/dev/null'] })).toBe(
      'a; echo $HOME > /dev/null\n',
    );
  });
});

describe('the surroundings of a command', () => {
  test('having what is on the list and what was asked for, and no secret of this process', async () => {
    process.env.TEST_SECRET = 'do-not-tell';
    onTestFinished(() => {
      delete process.env.TEST_SECRET;
    });
    const said = await outputOf({ cmd: ['env'], env: { ASKED: 'yes' } });
    expect(said).not.toContain('do-not-tell');
    expect(said).toMatch(/^ASKED=yes$/m);
    expect(said).toMatch(new RegExp(`^PATH=${process.env.PATH}$`, 'm'));
    expect(said).toMatch(/^SLOTKEEPER_RUN_TAG=.+$/m);
  });

  test('being the folder that was asked for, or that of this process', async () => {
    const cwd = freshFolder();
    expect(await outputOf({ cmd: ['pwd'], cwd })).toBe(`${cwd}\n`);
    expect(await outputOf({ cmd: ['pwd'] })).toBe(`${process.cwd()}\n`);
  });

  test('being a group of its own', async () => {
    const [pid, group] = (await outputOf(shell('ps -o pid=,pgid= -p $$'))).trim().split(/\s+/);
    expect(pid).toBe(group);
  });
});

describe('the outcome of a command', () => {
  const outcomeOf = async (order: CommandOrder) => {
    const { session } = await open();
    return (await session.run(order)).outcome;
  };

  test.each([
    ['exit 0', { state: 'succeeded', value: { exitCode: 0, signal: null } }],
    ['exit 1', { state: 'failed', value: { exitCode: 1, signal: null } }],
    ['exit 137', { state: 'failed', value: { exitCode: 137, signal: null } }],
    ['kill -9 $$', { state: 'failed', value: { exitCode: null, signal: 'SIGKILL' } }],
    ['kill -TERM $$', { state: 'failed', value: { exitCode: null, signal: 'SIGTERM' } }],
  ])('being of `%s`', async (script, outcome) => {
    expect(await outcomeOf(shell(script))).toMatchObject(outcome);
  });

  test('being a failure where there is no such program', async () => {
    expect(await outcomeOf({ cmd: ['/no/such/program'] })).toMatchObject({
      state: 'failed',
      error: { code: 'command_not_started' },
    });
  });

  test('being a failure when its folder vanishes while it waits', async () => {
    const { session } = await open({ maxParallelRuns: 1 });
    const cwd = join(freshFolder(), 'here');
    mkdirSync(cwd);
    const first = await session.run({ cmd: ['sleep', '60'] });
    const run = await session.run({ cmd: ['true'], cwd }, { waitTimeoutMs: Infinity });
    rmdirSync(cwd);
    await first.cancel();
    expect(await run.outcome).toMatchObject({
      state: 'failed',
      error: { message: expect.stringContaining(cwd) },
    });
  });

  test('being told by `result` too', async () => {
    const { session } = await open();
    const well = await session.run(shell('exit 0'));
    expect(await well.result()).toMatchObject({ exitCode: 0 });
    const badly = await session.run(shell('exit 9'));
    await expect(badly.result()).rejects.toMatchObject({
      code: 'command_failed',
      result: { exitCode: 9 },
    });
  });

  test('never coming of an order that is wrong: it is refused, and holds nothing', async () => {
    const { keeper, session } = await open();
    await expect(session.run({ cmd: [] })).rejects.toMatchObject({ code: 'invalid_option' });
    await expect(session.run({ cmd: ['true'], cwd: '/none' })).rejects.toMatchObject({
      code: 'invalid_option',
    });
    expect(keeper.getStatus().activeRuns).toBe(0);
    expect(session.runs()).toEqual([]);
  });
});

describe('the slot of a command', () => {
  test('being held until the last of its tree is gone', async () => {
    const { keeper, session } = await open({ maxParallelRuns: 1 });
    const { env, alive } = marked();
    const away = '(setsid sh -c "echo up; exec sleep 60" </dev/null 2>&1 &)';
    const first = await session.run(shell(away, { env, killGraceMs: 300 }));
    const next = await session.run(() => alive(), { waitTimeoutMs: Infinity });
    await hasPrinted(first, 'up');
    expect(alive().length).toBeGreaterThan(0);
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 1, waitingRuns: 1 });
    expect(await next.result()).toEqual([]);
    expect(await first.outcome).toMatchObject({ state: 'succeeded', value: { killed: 1 } });
  });

  test('being one of few: never are more programs alive than there may be', async () => {
    const { session } = await open({ maxParallelRuns: 3 });
    const here = freshFolder();
    // Each counts those that are there when it is, and leaves a moment after.
    const script = 'mkdir "$0/$$"; ls "$0" | wc -l; sleep 0.02; rmdir "$0/$$"';
    const order = { cmd: ['sh', '-c', script, here] };
    const runs = Array.from({ length: 15 }, () => session.run(order, { waitTimeoutMs: Infinity }));
    const counts = await Promise.all(runs.map(async (run) => Number(await printed(await run))));
    expect(counts).toHaveLength(15);
    expect(Math.max(...counts)).toBeLessThanOrEqual(3);
    expect(readdirSync(here)).toEqual([]);
  });

  test('being free at once where the command could not be started', async () => {
    const { keeper, session } = await open({ maxParallelRuns: 1 });
    await (await session.run({ cmd: ['/no/such/program'] })).outcome;
    expect(keeper.getStatus().activeRuns).toBe(0);
    expect(await (await session.run(() => 'next')).result()).toBe('next');
  });
});

describe('the spool of a keeper without a journal', () => {
  const spoolOf = (spoolDir: string) => readdirSync(spoolDir).map((name) => join(spoolDir, name));

  test('being for nobody else to read, and gone when the keeper is stopped', async () => {
    const spoolDir = join(freshFolder(), 'spool');
    const { keeper, session } = await open({}, { spoolDir });
    const run = await session.run(shell('echo a'));
    await run.outcome;
    const [spool = ''] = spoolOf(spoolDir);
    const [attempt = ''] = spoolOf(spool);
    for (const folder of [spool, attempt]) expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const file of spoolOf(attempt)) expect(statSync(file).mode & 0o777).toBe(0o600);
    await keeper.stop();
    expect(spoolOf(spoolDir)).toEqual([]);
  });

  test('not being made for functions', async () => {
    const spoolDir = freshFolder();
    const { session } = await open({}, { spoolDir });
    await (await session.run(() => 1)).outcome;
    expect(spoolOf(spoolDir)).toEqual([]);
  });

  test('losing what was printed by runs that are forgotten, and nothing else', async () => {
    const { session } = await open({}, { retention: { maxCount: 1 } });
    const finished = async (): Promise<Run> => {
      const run = await session.run(shell('echo a'));
      await run.outcome;
      return run;
    };
    const pathOf = async (run: Run): Promise<string> => {
      const { stdout } = (await run.result()) as { stdout: { path: string } }; // of a command
      return stdout.path;
    };
    const old = await finished();
    expect(existsSync(await pathOf(old))).toBe(true);
    const young = await finished();
    expect(existsSync(await pathOf(old))).toBe(false);
    expect(existsSync(await pathOf(young))).toBe(true);
    await expect(printed(old, {})).rejects.toMatchObject({ code: 'no_output' });
    expect(await printed(young, {})).toBe('a\n');
  });
});
