/**
 * The processes of the machine, with real ones: who is there, whose, and which of them are dead.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  hasProcesses,
  identify,
  isAlive,
  kernelBoot,
  ProcessTable,
  TAG,
} from '../../src/executors/process-table.ts';
import { stateOf, until } from '../support/commands.ts';
import { freshFolder } from '../support/journal-places.ts';

const living = new Set<ChildProcess>();

afterEach(() => {
  for (const child of living) child.kill('SIGKILL');
  living.clear();
});

/** A child that has said a line, and reads its input until that ends, or does something at each line of it. */
async function child(script: string, env: Record<string, string> = {}, atLine = '') {
  const all = `$| = 1; ${script}; print "up $x\\n"; while (<STDIN>) { ${atLine} }`;
  const process_ = spawn('perl', ['-e', all], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  living.add(process_);
  const [said] = await once(process_.stdout, 'data');
  return { pid: process_.pid ?? 0, said: String(said).trim(), process: process_ };
}

const entryOf = (table: ProcessTable, pid: number, now = 0) =>
  table.look(now).find((entry) => entry.pid === pid);

describe('a look', () => {
  test('showing who somebody is, whose child, and his tag', async () => {
    const { pid } = await child('', { [TAG]: 'a=b' });
    expect(entryOf(new ProcessTable(), pid)).toMatchObject({
      parent: process.pid,
      tag: 'a=b',
      isDead: false,
      isBare: false,
      startTicks: identify(pid)?.startTicks,
    });
    expect(entryOf(new ProcessTable(), process.pid)).toMatchObject({ parent: process.ppid });
  });

  test('not being led astray by a name with blanks and brackets', async () => {
    const odd = join(freshFolder(), 'a) S 1 (b');
    symlinkSync('/bin/cat', odd);
    const it = spawn(odd, { env: { [TAG]: 't' } });
    living.add(it);
    await once(it, 'spawn');
    expect(readFileSync(`/proc/${it.pid}/comm`, 'utf8')).toBe('a) S 1 (b\n');
    expect(entryOf(new ProcessTable(), it.pid ?? 0)).toMatchObject({
      parent: process.pid,
      group: entryOf(new ProcessTable(), process.pid)?.group,
      tag: 't',
    });
  });

  test('not taking a tag for another, or for one in the midst of a value', async () => {
    const { pid } = await child('', { [`X${TAG}`]: 'x', OTHER: `${TAG}=x` });
    expect(entryOf(new ProcessTable(), pid)?.tag).toBeUndefined();
  });

  test('leaving out a zombie, who answers signals still', async () => {
    const { said } = await child('$x = fork; exit unless $x');
    const zombie = Number(said.slice(3));
    await until(() => stateOf(zombie) === 'Z');
    expect(process.kill(zombie, 0)).toBe(true);
    expect(entryOf(new ProcessTable(), zombie)).toBeUndefined();
    expect(identify(zombie)).toBeUndefined();
  });

  test('showing who has come since the last one, and not who has gone', async () => {
    const table = new ProcessTable();
    table.look(0);
    const { pid, process: newcomer } = await child('');
    expect(entryOf(table, pid, 1)).toBeDefined();
    newcomer.stdin?.end();
    await once(newcomer, 'close');
    expect(entryOf(table, pid, 2)).toBeUndefined();
  });

  test('reading those that are known anew after a second, or when it is asked to', async () => {
    const { pid, process: it } = await child('', {}, 'setpgrp; print "moved\\n"');
    const group = (entries: ReturnType<ProcessTable['look']>) =>
      entries.find((entry) => entry.pid === pid)?.group;
    const table = new ProcessTable();
    expect(group(table.look(0))).not.toBe(pid);
    it.stdin?.write('\n');
    await once(it.stdout as NodeJS.ReadableStream, 'data');
    expect(group(table.look(999))).not.toBe(pid);
    expect(group(table.look(1_000))).toBe(pid);
    expect(group(table.lookAnew(1_001))).toBe(pid);
  });

  test('reading one without an environment each time: he may become another just now', async () => {
    const script = '<STDIN>; $ENV{$ARGV[0]} = "t"; exec "cat"';
    const bare = spawn('env', ['-i', '/usr/bin/perl', '-e', script, TAG]);
    living.add(bare);
    const pid = bare.pid ?? 0;
    // Before it is perl it is somebody with an environment, who would be remembered for a second.
    await until(() => entryOf(new ProcessTable(), pid)?.isBare === true);
    const table = new ProcessTable();
    expect(entryOf(table, pid)?.isBare).toBe(true);
    bare.stdin.write('\n');
    await until(() => entryOf(table, pid)?.tag === 't');
  });
});

describe('an identity', () => {
  test('being of a process that lives', async () => {
    const { pid, process: it } = await child('');
    const identity = identify(pid);
    expect(identity).toEqual({ pid, startTicks: expect.any(Number), bootId: kernelBoot() });
    expect(identity && isAlive(identity)).toBe(true);
    it.stdin?.end();
    await once(it, 'close');
    expect(identity && isAlive(identity)).toBe(false);
  });

  test('not being of one who has got its pid, in this boot or another', () => {
    const identity = { pid: process.pid, startTicks: 1, bootId: kernelBoot() };
    const startTicks = identify(process.pid)?.startTicks ?? 0;
    expect(isAlive({ ...identity, startTicks })).toBe(true);
    expect(isAlive(identity)).toBe(false);
    expect(isAlive({ ...identity, startTicks, bootId: 'another' })).toBe(false);
  });

  test('being of nobody where nobody is', () => {
    expect(identify(2 ** 30)).toBeUndefined();
    expect(hasProcesses()).toBe(true);
  });
});
