/**
 * Whom a tree holds, and whom a signal reaches: the group, the descendants, those that carry the tag.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from 'vitest';
import { TAG } from '../../src/executors/process-table.ts';
import { ProcessTree } from '../../src/executors/process-tree.ts';
import { lives, marked, stateOf, until } from '../support/commands.ts';

const leaders = new Set<ChildProcess>();

afterEach(() => {
  for (const leader of leaders) leader.kill('SIGKILL');
  leaders.clear();
});

const UP = 'echo $$; while :; do sleep 1; done';

/** A tree whose script has printed so many lines. */
async function grown(script: string, lines: number, tag: string = randomUUID()) {
  const { env, alive } = marked();
  const leader = spawn('sh', ['-c', script], {
    detached: true,
    env: { PATH: process.env.PATH, ...env, [TAG]: tag },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  leaders.add(leader);
  const pids: number[] = [];
  for await (const line of createInterface(leader.stdout)) {
    pids.push(Number(line));
    if (pids.length === lines) break;
  }
  const tree = new ProcessTree(leader.pid, tag);
  const next = async () => String((await once(leader.stdout, 'data'))[0]);
  return { tree, pids, alive, leader, pid: leader.pid ?? 0, next };
}

describe('a tree', () => {
  test('holding its leader and its group', async () => {
    const { tree, pids, pid } = await grown(`sh -c '${UP}' & ${UP}`, 2);
    expect(tree.members(true)).toEqual(expect.arrayContaining([...pids, pid]));
  });

  test('holding who has left the group and the leader, and carries the tag', async () => {
    const { tree, pids, pid } = await grown(`(setsid sh -c '${UP}' &); ${UP}`, 2);
    const away = pids.find((each) => each !== pid) ?? 0;
    expect(tree.members(true)).toContain(away);
    expect(new ProcessTree(undefined, 'nobody').members(true)).toEqual([]);
  });

  test('holding who has left the group and the tag, and is a child', async () => {
    const { tree, pids } = await grown(`setsid env -u ${TAG} sh -c '${UP}' & ${UP}`, 2);
    expect(tree.members(true)).toEqual(expect.arrayContaining(pids));
  });

  test('not holding a stranger, though his tag begins alike', async () => {
    const mine = await grown(UP, 1, 'tag-1');
    const other = await grown(UP, 1, 'tag-12');
    expect(mine.tree.members(true)).not.toContain(other.pid);
    mine.tree.signal('SIGKILL');
    await until(() => mine.alive().length === 0);
    expect(lives(other.pid)).toBe(true);
  });

  test('being empty when there are only zombies', async () => {
    const { tree, leader, pid } = await grown(UP, 1);
    // Its end is heard of in a later turn of the event loop.
    leader.kill('SIGKILL');
    await until(() => tree.members(true).every((each) => !lives(each)));
    expect(tree.members(true)).not.toContain(pid);
  });

  test('finding who hands on to his child and ends, again and again', async () => {
    const hop = 'exit if fork; select(undef, undef, undef, 0.002)';
    const script = `perl -e 'use POSIX; exit if fork; setsid; $t = time + 2; while (time < $t) { ${hop} } print "0\\n"'`;
    const { env } = marked();
    const tag = randomUUID();
    const leader = spawn('sh', ['-c', script], {
      detached: true,
      env: { PATH: process.env.PATH, ...env, [TAG]: tag },
    });
    leaders.add(leader);
    await once(leader, 'exit');
    let isOver = false;
    leader.stdout.once('data', () => {
      isOver = true;
    });
    const tree = new ProcessTree(leader.pid, tag);
    const looks: number[] = [];
    // Whether it is over is heard of between two looks, so the last one does not count.
    for (let last = -1; !isOver; last = tree.members().length) {
      if (last >= 0) looks.push(last);
      await new Promise(setImmediate);
    }
    expect(looks.slice(0, -1).filter((count) => count === 0)).toEqual([]);
  });
});

describe('a signal', () => {
  test('reaching each of it', async () => {
    const script = `sh -c '${UP}' & (setsid sh -c '${UP}' &); setsid env -u ${TAG} sh -c '${UP}' & ${UP}`;
    const { tree, pids, alive } = await grown(script, 4);
    expect(tree.signal('SIGKILL')).toBeGreaterThanOrEqual(4);
    await until(() => alive().length === 0);
    expect(pids.filter(lives)).toEqual([]);
  });

  test('reaching those that fork as fast as they can', async () => {
    const bomb =
      'setsid; $| = 1; print "1\\n" x 3; while (1) { fork if $n++ < 6; sleep 100 if $n > 6 }';
    const script = `(perl -MPOSIX -e '${bomb}' &); sleep 100`;
    const { tree, alive } = await grown(script, 1);
    tree.signal('SIGKILL');
    await until(() => alive().length === 0);
  });

  test('letting all of it stand still, and go on', async () => {
    const script = `sh -c '${UP}' & (setsid sh -c '${UP}' &); ${UP}`;
    const { tree, pids } = await grown(script, 3);
    tree.signal('SIGSTOP');
    // A shell that waits for whom it starts, who is stopped before he is begun, stands still too.
    const isStill = (pid: number) => ['T', 'D'].includes(stateOf(pid) ?? '');
    await until(() => pids.every(isStill));
    tree.signal('SIGCONT');
    await until(() => !pids.some(isStill));
  });

  test('asking a member to end once: a second time may mean impatience', async () => {
    const count = '$SIG{TERM} = sub { syswrite STDOUT, "term\\n" }';
    const ready = 'syswrite STDOUT, "1\\n"';
    const wait = 'while (1) { sysread STDIN, $x, 1 or sleep 1 }';
    const script = `exec perl -e '$SIG{USR1} = sub { syswrite STDOUT, "end\\n"; exit }; ${count}; ${ready}; ${wait}'`;
    const { tree, leader } = await grown(script, 1);
    let said = '';
    leader.stdout.on('data', (text) => {
      said += text;
    });
    tree.signal('SIGTERM');
    await until(() => stateOf(leader.pid ?? 0) === 'S');
    leader.kill('SIGUSR1');
    await once(leader, 'close');
    expect(said).toBe('term\nend\n');
  });

  test('reaching nobody when nobody is left, and no fault', async () => {
    const { tree, leader } = await grown('echo 1', 1);
    if (leader.exitCode === null) await once(leader, 'exit');
    expect(tree.signal('SIGKILL')).toBe(0);
    expect(new ProcessTree(undefined, 'nobody').signal('SIGTERM')).toBe(0);
  });
});
