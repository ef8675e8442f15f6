/**
 * Commands whose host has died: found gone when they are, and not before, also when they were just being started.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Orphan, type OrphanOptions } from '../../src/executors/orphan.ts';
import { identify, TAG } from '../../src/executors/process-table.ts';
import { ProcessTree } from '../../src/executors/process-tree.ts';
import { hasUnborn } from '../../src/executors/unborn.ts';
import { lives, marked, until } from '../support/commands.ts';
import { freshFolder } from '../support/journal-places.ts';

const children = new Set<ChildProcess>();

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

function started(script: string, env: Readonly<Record<string, string>> = {}) {
  const child = spawn('sh', ['-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH, ...marked().env, ...env },
  });
  children.add(child);
  return child;
}

const REST = 'echo up; while :; do sleep 0.05; done';
const isUp = (child: ChildProcess) => once(child.stdout as NodeJS.ReadableStream, 'data');

/** Resolves when it is found gone; before that, `isGone` is false. */
function watched(options: Partial<OrphanOptions>) {
  const seen = { isGone: false };
  let orphan: Orphan | undefined;
  const gone = new Promise<void>((resolve) => {
    const say = () => {
      seen.isGone = true;
      resolve();
    };
    const none = { leader: undefined, tag: randomUUID(), hasUnborn: () => false };
    orphan = new Orphan({ ...none, killGraceMs: 60_000, ...options, gone: say });
  });
  return { seen, gone, orphan: orphan as Orphan }; // made in the promise
}

describe('a command of which nothing is known', () => {
  test('being looked for again before it is found gone', async () => {
    let looks = 0;
    const hasNone = () => {
      looks += 1;
      return looks < 3;
    };
    await watched({ hasUnborn: hasNone }).gone;
    expect(looks).toBe(3);
  });

  test('being found when it becomes itself while it is looked for', async () => {
    const tag = randomUUID();
    let child: ChildProcess | undefined;
    const becomes = () => {
      child ??= started(REST, { [TAG]: tag });
      return false;
    };
    const { gone, seen } = watched({ tag, hasUnborn: becomes });
    await until(() => child !== undefined);
    await isUp(child as ChildProcess);
    expect(seen.isGone).toBe(false);
    child?.kill('SIGKILL');
    await gone;
  });

  test('being asked to end when it becomes itself after it was to end', async () => {
    const tag = randomUUID();
    let isBorn = false;
    const { gone, orphan } = watched({ tag, hasUnborn: () => !isBorn });
    orphan.stop();
    const exit = once(started(REST, { [TAG]: tag }), 'exit');
    isBorn = true;
    expect(await exit).toEqual([null, 'SIGTERM']);
    await gone;
  });
});

describe('a child that has not become its program', () => {
  test('being told by the command line of its host, one thread, and a parent that is none', async () => {
    const spoolDir = freshFolder();
    const main = join(freshFolder(), 'command-host-main.js');
    writeFileSync(main, REST);
    expect(hasUnborn(spoolDir)).toBe(false);
    const child = spawn('sh', [main, spoolDir], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    children.add(child);
    await isUp(child);
    expect(hasUnborn(spoolDir)).toBe(true);
    expect(hasUnborn(`${spoolDir}-other`)).toBe(false);
    child.kill('SIGKILL');
    await until(() => !lives(child.pid ?? 0));
    expect(hasUnborn(spoolDir)).toBe(false);
  });

  test('not being a host that runs', async () => {
    const spoolDir = freshFolder();
    const main = join(freshFolder(), 'command-host-main.js');
    writeFileSync(main, 'console.log("up"); setInterval(() => {}, 1000)');
    const host = spawn(process.execPath, [main, spoolDir], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.add(host);
    await isUp(host);
    expect(hasUnborn(spoolDir)).toBe(false);
  });
});

describe('a tree whose leader is gone', () => {
  /** Two in the group of a leader that has ended: one has the tag, and the other has not. */
  async function left(tag: string) {
    const sleeper = 'sh -c "echo \\$\\$; while :; do sleep 0.05; done"';
    const leader = started(`env -u ${TAG} ${sleeper} & ${sleeper} & wait`, { [TAG]: tag });
    const pids: number[] = [];
    for await (const text of leader.stdout as NodeJS.ReadableStream) {
      pids.push(...String(text).trim().split('\n').map(Number));
      if (pids.length === 2) break;
    }
    const identity = identify(leader.pid ?? 0);
    leader.kill('SIGKILL');
    await until(() => !lives(leader.pid ?? 0));
    return { identity, pids };
  }

  test('holding its group while somebody in it carries the tag', async () => {
    const tag = randomUUID();
    const { identity, pids } = await left(tag);
    const tree = ProcessTree.of(identity, tag);
    expect(tree.members(true)).toEqual(expect.arrayContaining(pids));
    expect(tree.signal('SIGKILL')).toBeGreaterThanOrEqual(2);
    await until(() => !pids.some(lives));
    // What they had started in the last moment ends by itself.
    await until(() => tree.members(true).length === 0);
  });

  test('not holding a group of strangers that has got its number', async () => {
    const { identity, pids } = await left(randomUUID());
    expect(ProcessTree.of(identity, randomUUID()).members(true)).toEqual([]);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  });
});
