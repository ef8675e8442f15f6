/**
 * One command at work: how it ends, what it leaves behind, and that it is not gone before all of it is.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { completeCommand } from '../../src/executors/command-order.ts';
import { type CommandEnd, CommandProcess } from '../../src/executors/command-process.ts';
import type { CommandOrder } from '../../src/executors/executor.ts';
import { TAG } from '../../src/executors/process-table.ts';
import { EXITED, endOf, lives, type Marked, marked, stateOf, until } from '../support/commands.ts';
import { freshFolder } from '../support/journal-places.ts';
import { outputAt } from '../support/outputs.ts';

interface Begun extends Marked {
  readonly command: CommandProcess;
  /** Who of it lived still when it was said to be gone. */
  readonly gone: Promise<CommandEnd & { readonly left: number[] }>;
  out(stream?: 'stdout' | 'stderr'): string;
  /** Resolves when it has printed this. */
  says(text: string): Promise<void>;
}

/** Started with what is checked, and then changed by `meanwhile`. */
function begin(order: CommandOrder, meanwhile = (): void => {}): Begun {
  const folder = freshFolder();
  const { env, alive } = marked();
  const whole = completeCommand({ ...order, env: { ...order.env, ...env } });
  meanwhile();
  let gone: (end: CommandEnd) => void = () => {};
  const ended = new Promise<CommandEnd>((resolve) => {
    gone = resolve;
  }).then((end) => ({ ...end, left: alive() }));
  const command = new CommandProcess(whole, { folder, tag: folder, gone });
  const out = (stream = 'stdout') => outputAt(join(folder, stream)).toString();
  return {
    command,
    gone: ended,
    out,
    env,
    alive,
    says: (text) => until(() => out().includes(text)),
  };
}

const shell = (script: string, rest: Omit<CommandOrder, 'cmd'> = {}) =>
  begin({ cmd: ['sh', '-c', script], ...rest });

const STUBBORN = 'trap "" TERM; echo up; while :; do sleep 1; done';

describe('an end', () => {
  test.each([0, 1, 77, 126, 127, 137, 143, 255])('being exit code %i', async (code) => {
    const { gone } = shell(`exit ${code}`);
    expect(endOf(await gone)).toEqual({ ...EXITED, exitCode: code });
  });

  test.each(['SIGKILL', 'SIGTERM', 'SIGSEGV', 'SIGINT', 'SIGUSR1'])(
    'being a death of %s',
    async (signal) => {
      const { gone } = shell(`kill -${signal.slice(3)} $$; sleep 60`, { killGraceMs: 0 });
      expect(endOf(await gone)).toEqual({ ...EXITED, exitCode: null, signal });
    },
  );

  test('being told once, and later than it was begun', async () => {
    let count = 0;
    const folder = freshFolder();
    const end = await new Promise<CommandEnd>((resolve) => {
      const gone = (told: CommandEnd) => {
        count += 1;
        resolve(told);
      };
      const command = new CommandProcess(completeCommand({ cmd: ['true'] }), {
        folder,
        tag: folder,
        gone,
      });
      expect(count).toBe(0);
      expect(command).toBeDefined();
    });
    await new Promise(setImmediate);
    expect(count).toBe(1);
    expect(end.startedAt).toBeLessThanOrEqual(end.endedAt);
  });
});

describe('a command that cannot be started', () => {
  /** It is gone, and has left neither a process nor an open file. */
  async function faultOf({ gone, command, out }: Begun): Promise<string | null> {
    const end = await gone;
    expect(end).toMatchObject({ exitCode: null, signal: null, killed: 0, left: [] });
    expect(command.identity).toBeUndefined();
    expect(out()).toBe('');
    command.stop();
    command.kill();
    return end.fault;
  }

  test('a program that is not there', async () => {
    expect(await faultOf(begin({ cmd: ['/no/such/program'] }))).toContain('ENOENT');
    expect(await faultOf(begin({ cmd: ['no-such-program'] }))).toContain('no-such-program');
  });

  test('a file that is not executable', async () => {
    const file = join(freshFolder(), 'plain');
    writeFileSync(file, 'text');
    chmodSync(file, 0o644);
    expect(await faultOf(begin({ cmd: [file] }))).toContain('EACCES');
  });

  test('a folder', async () => {
    expect(await faultOf(begin({ cmd: [freshFolder()] }))).toContain('EACCES');
  });

  test('a working directory that has vanished, which is said', async () => {
    const cwd = join(freshFolder(), 'here');
    mkdirSync(cwd);
    const begun = begin({ cmd: ['true'], cwd }, () => rmdirSync(cwd));
    expect(await faultOf(begun)).toContain(`the folder ${cwd}, where it was to run, is not there`);
  });

  test('more arguments than the kernel takes', async () => {
    expect(await faultOf(begin({ cmd: ['true', 'x'.repeat(200_000)] }))).toContain('E2BIG');
  });

  test('an input that is not there, a folder, or a pipe that nobody writes to', async () => {
    const folder = freshFolder();
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reading = (file: string) => faultOf(begin({ cmd: ['cat'], stdin: { file } }));
    expect(await reading(join(folder, 'none'))).toContain('ENOENT');
    expect(await reading(folder)).toContain('is no file');
    expect(await reading(pipe)).toContain('is no file');
  });

  test('leaving no file open', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    await begin({ cmd: ['true'] }).gone;
    const before = open();
    for (const stdin of [{ file: '/none' }, { file: '/' }, '']) {
      await begin({ cmd: [stdin === '' ? '/none' : 'cat'], stdin }).gone;
    }
    await until(() => open() <= before);
  });
});

/** Where one of a tree can tell another that it is so far. */
const fifo = () => ({ F: join(freshFolder(), 'ready') });
const SAYS_READY = 'open F, ">", $ENV{F}; print F "x\\n"; close F';
const CLOSED = 'close STDOUT; close STDERR';

describe('what a leader leaves behind', () => {
  test('being waited for while it ends within the grace time', async () => {
    const { gone, out } = shell('(sleep 0.2; echo late) & echo early');
    expect(await gone).toMatchObject({ ...EXITED, left: [] });
    expect(out()).toBe('early\nlate\n');
  });

  test('being killed after the grace time, and counted', async () => {
    const { gone } = shell('sleep 60 & sleep 60 & exit 3', { killGraceMs: 50 });
    expect(await gone).toMatchObject({ exitCode: 3, signal: null, killed: 2, left: [] });
  });

  test('being killed at once where there is no grace time', async () => {
    const { gone } = shell('sleep 60 & exit 0', { killGraceMs: 0 });
    expect(await gone).toMatchObject({ exitCode: 0, killed: 1, left: [] });
  });

  test.each([
    ['in the background with closed pipes', 'sleep 60 <&- >&- 2>&- &'],
    ['in a session of its own', 'setsid sleep 60 &'],
    ['after two forks in a session of its own', '(setsid sh -c "sleep 60 & sleep 60" &) &'],
    ['with signals ignored', '(trap "" TERM HUP INT; setsid sleep 60 &)'],
    ['with an environment of its own', 'env -i /bin/sleep 60 &'],
  ])('being found that is %s', async (_what, script) => {
    const { gone, alive } = shell(`${script}\nsleep 0.1`, { killGraceMs: 100 });
    const end = await gone;
    expect(end).toMatchObject({ exitCode: 0, left: [] });
    expect(end.killed).toBeGreaterThan(0);
    expect(alive()).toEqual([]);
  });

  test('being a zombie whom nobody reaps: he is dead', async () => {
    // His parent is a stranger of the same session, who lets him join the group and end.
    const join_ = '$z = fork; if (!$z) { setpgrp 0, $ARGV[0]; exit }';
    const parent = `${CLOSED}; ${join_}; ${SAYS_READY}; sleep 60`;
    const away = `exit if fork; setpgrp; delete $ENV{${TAG}}; exec "perl", "-e", q(${parent}), @ARGV`;
    const { gone } = shell(`mkfifo $F; perl -e '${away}' $$; read line < $F`, { env: fifo() });
    expect(await gone).toMatchObject({ exitCode: 0, killed: 0 });
  });

  test('being a stranger who holds the pipes: he is not waited for', async () => {
    // He has left the group, the leader and the tag, so nothing tells whose he is; the mark does, to the test.
    const away = `setsid env -u ${TAG} sh -c 'echo ready > $F; exec sleep 60'`;
    const { gone } = shell(`mkfifo $F; (${away} &); read line < $F; echo end`, { env: fifo() });
    const { left, ...end } = await gone;
    expect(end).toMatchObject({ exitCode: 0, killed: 0, output: { stdout: { bytes: 4 } } });
    expect(left).toHaveLength(1);
  });

  test('being heard to its last word', async () => {
    const last = 'sleep 0.3; head -c 60000 /dev/zero | tr "\\0" x; echo; echo last';
    const { gone, out } = shell(`(setsid sh -c '${last}' &)`);
    await gone;
    expect(out()).toHaveLength(60_006);
  });
});

describe('a command that is stopped', () => {
  test('ending by SIGTERM', async () => {
    const { command, gone, says } = shell('echo up; exec sleep 60');
    await says('up');
    command.stop();
    expect(await gone).toMatchObject({ exitCode: null, signal: 'SIGTERM', left: [] });
  });

  test('ending as it likes, within the grace time', async () => {
    const { command, gone, says, out } = shell(
      'trap "echo bye; exit 4" TERM; echo up; while :; do sleep 0.05; done',
    );
    await says('up');
    command.stop();
    expect(await gone).toMatchObject({ exitCode: 4, signal: null, killed: 0, left: [] });
    expect(out()).toBe('up\nbye\n');
  });

  test('being killed after the grace time when it does not end', async () => {
    const { command, gone, says } = shell(STUBBORN, { killGraceMs: 100 });
    await says('up');
    command.stop();
    command.stop();
    expect(await gone).toMatchObject({ exitCode: null, signal: 'SIGKILL', killed: 0, left: [] });
  });

  test('being given its grace time also when the clock of the machine is set back', async () => {
    const { command, gone, says } = shell(STUBBORN, { killGraceMs: 50 });
    await says('up');
    command.stop();
    const real = Date.now;
    vi.spyOn(Date, 'now').mockImplementation(() => real() - 3_600_000);
    onTestFinished(() => void vi.restoreAllMocks());
    expect(await gone).toMatchObject({ signal: 'SIGKILL', left: [] });
  });

  test('being gone as a whole: stubborn, forked twice, in its own session, with its pipes open', async () => {
    const deep = 'trap "" TERM; echo deep; while :; do sleep 1; done';
    const script = `trap "" TERM; ((setsid sh -c '${deep}' &) &); echo up; while :; do sleep 1; done`;
    const { command, gone, says, alive } = shell(script, { killGraceMs: 200 });
    await says('up');
    await says('deep');
    command.stop();
    expect(alive().length).toBeGreaterThan(1);
    expect(await gone).toMatchObject({ signal: 'SIGKILL', left: [] });
  });

  test('being gone as a whole: a bomb of 200 sleepers', async () => {
    const bomb =
      'i=0; while [ $i -lt 200 ]; do (trap "" TERM; exec sleep 60) & i=$((i+1)); done; echo up; wait';
    const { command, gone, says, alive } = shell(bomb, { killGraceMs: 200 });
    await says('up');
    expect(alive().length).toBeGreaterThanOrEqual(200);
    command.stop();
    expect((await gone).left).toEqual([]);
  });

  test('being stopped while only its leftovers live', async () => {
    const { command, gone, alive, says, out } = shell('sleep 60 & echo $$ up; exit 5');
    await says('up');
    await until(() => !lives(Number.parseInt(out(), 10)));
    expect(alive()).toHaveLength(1);
    command.stop();
    expect(await gone).toMatchObject({ exitCode: 5, signal: null, left: [] });
  });

  test('being killed at once', async () => {
    const { command, gone, says } = shell(STUBBORN);
    await says('up');
    command.kill();
    expect(await gone).toMatchObject({ signal: 'SIGKILL', left: [] });
  });
});

describe('a command that is paused', () => {
  // Not by a shell: that waits, in a state of its own, for whom it starts, while he is stopped before he is begun.
  const loop = (what: string) =>
    `perl -e '$| = 1; print "${what}\\n"; while (1) { select undef, undef, undef, 0.01 }'`;
  const COUNTS = `(setsid ${loop('child')} &); exec ${loop('up')}`;
  const areAll = (alive: () => number[], isSo: (state: string | undefined) => boolean) =>
    until(() => alive().every((pid) => isSo(stateOf(pid))));

  test('standing still, all of it, and going on', async () => {
    const { command, gone, says, alive } = shell(COUNTS);
    await says('up');
    await says('child');
    command.pause();
    await areAll(alive, (state) => state === 'T');
    const still = alive();
    expect(still.length).toBeGreaterThan(1);
    command.resume();
    await areAll(alive, (state) => state !== 'T');
    command.kill();
    expect((await gone).left).toEqual([]);
  });

  test('ending by SIGTERM when it is stopped', async () => {
    const { command, gone, says } = shell(
      'trap "echo bye; exit 6" TERM; echo up; while :; do sleep 0.01; done',
    );
    await says('up');
    command.pause();
    command.stop();
    expect(await gone).toMatchObject({ exitCode: 6, left: [] });
  });

  test('being killed that is stubborn besides', async () => {
    const { command, gone, says } = shell(STUBBORN, { killGraceMs: 50 });
    await says('up');
    command.pause();
    command.stop();
    expect(await gone).toMatchObject({ signal: 'SIGKILL', left: [] });
  });
});
