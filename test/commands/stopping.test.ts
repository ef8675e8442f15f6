/**
 * Ending and pausing commands: whoever orders it and however stubborn the program, all of its tree is gone
 * before its slot is free, and its outcome comes in time.
 *
 * The last ones run the built package: `npm test` builds first.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type CommandOrder,
  type LimiterOptions,
  type Run,
  type RunOptions,
  startSlotkeeper,
} from '../../src/index.ts';
import { hasPrinted, marked, printed, stateOf, until } from '../support/commands.ts';
import { freshFolder } from '../support/journal-places.ts';

const EXITING = join(import.meta.dirname, '..', 'support', 'exiting-keeper.mjs');
const closings = new Set<() => Promise<unknown>>();

afterEach(async () => {
  for (const close of closings) await close();
  closings.clear();
});

const STUBBORN = 'trap "" TERM; echo up; while :; do sleep 1; done';
/** Ignores SIGTERM, has left its parent, its group and its session, and holds its pipes open. */
const DEEP = 'trap "" TERM; echo deep; while :; do sleep 1; done';
const STUBBORN_TREE = `trap "" TERM; ((setsid sh -c '${DEEP}' &) &); while :; do sleep 1; done`;
const POLITE = 'trap "echo bye; exit 4" TERM; echo up; while :; do sleep 0.02; done';

/** A run of this script in a keeper of its own, whose program has said that it is there. */
async function begun(
  script: string,
  rest: Omit<CommandOrder, 'cmd'> = {},
  options: RunOptions = {},
  keeping: LimiterOptions = {},
) {
  const keeper = await startSlotkeeper(keeping);
  closings.add(() => keeper.stop());
  const { env, alive } = marked();
  const session = await keeper.openSession();
  const run = await session.run({ cmd: ['sh', '-c', script], env, ...rest }, options);
  await hasPrinted(run, script === STUBBORN_TREE ? 'deep' : 'up');
  return { keeper, session, run, alive };
}

/** How long its outcome takes from now. Nothing of it lives then, and no slot is held. */
async function endsWithin(ms: number, { keeper, run, alive }: Awaited<ReturnType<typeof begun>>) {
  const since = performance.now();
  const outcome = await run.outcome;
  expect(alive()).toEqual([]);
  expect(keeper.getStatus()).toMatchObject({ activeRuns: 0, stuckRuns: 0 });
  expect(performance.now() - since).toBeLessThan(ms);
  return outcome;
}

describe('a command that is to end', () => {
  test('ending as cancelled, with what it has come to', async () => {
    const it = await begun(POLITE);
    it.run.cancel('no longer needed');
    expect(await endsWithin(6_000, it)).toMatchObject({
      state: 'cancelled',
      reason: 'cancelled',
      value: { exitCode: 4, signal: null },
    });
    expect(await printed(it.run)).toContain('bye\n');
  });

  test('ending as interrupted', async () => {
    const it = await begun(POLITE);
    it.run.interrupt();
    expect(await endsWithin(6_000, it)).toMatchObject({
      state: 'interrupted',
      reason: 'interrupted',
      value: { exitCode: 4 },
    });
  });

  test('ending as timed out at its deadline', async () => {
    const it = await begun(POLITE, {}, { deadlineMs: 500 });
    expect(await it.run.outcome).toMatchObject({ state: 'timed_out', reason: 'deadline' });
    expect(it.alive()).toEqual([]);
    expect((it.run.endedAt ?? 0) - (it.run.deadlineAt ?? 0)).toBeGreaterThanOrEqual(0);
  });

  test('ending by the signal that was given with it', async () => {
    const aborting = new AbortController();
    const it = await begun(POLITE, {}, { signal: aborting.signal });
    aborting.abort();
    expect(await endsWithin(6_000, it)).toMatchObject({ state: 'cancelled', reason: 'aborted' });
  });

  test('ending with its session', async () => {
    const it = await begun(POLITE);
    const closed = it.session.close();
    expect(await endsWithin(6_000, it)).toMatchObject({ reason: 'session_released' });
    await closed;
    expect(it.session.state).toBe('closed');
  });

  test('ending with its keeper', async () => {
    const it = await begun(POLITE);
    expect(await it.keeper.stop()).toMatchObject({ isComplete: true, abandoned: [] });
    expect(it.alive()).toEqual([]);
    expect(await it.run.outcome).toMatchObject({ reason: 'shutdown', value: { exitCode: 4 } });
  });

  test('keeping its first reason', async () => {
    const it = await begun(STUBBORN, { killGraceMs: 200 });
    it.run.interrupt();
    it.run.cancel();
    it.session.close();
    expect(await endsWithin(1_200, it)).toMatchObject({ state: 'interrupted' });
  });

  test('ending while only what it left behind lives', async () => {
    const it = await begun('sleep 60 & echo up; exit 5');
    await until(() => it.alive().length === 1);
    it.run.cancel();
    expect(await endsWithin(6_000, it)).toMatchObject({
      state: 'cancelled',
      value: { exitCode: 5 },
    });
  });
});

describe('a command that does not want to end', () => {
  test('being killed after its grace time, and in time', async () => {
    const it = await begun(STUBBORN, { killGraceMs: 300 });
    it.run.cancel();
    expect(await endsWithin(1_300, it)).toMatchObject({
      state: 'cancelled',
      value: { exitCode: null, signal: 'SIGKILL' },
    });
  });

  test('being killed at its deadline, and in time', async () => {
    const it = await begun(STUBBORN_TREE, { killGraceMs: 300 }, { deadlineMs: 1_000 });
    expect(await it.run.outcome).toMatchObject({
      state: 'timed_out',
      value: { signal: 'SIGKILL' },
    });
    expect(it.alive()).toEqual([]);
    const { endedAt = 0, deadlineAt = 0 } = it.run;
    expect(endedAt - deadlineAt).toBeLessThan(1_300);
    expect(endedAt - deadlineAt).toBeGreaterThanOrEqual(299);
  });

  test('keeping its slot until all of its tree is gone', async () => {
    const it = await begun(
      STUBBORN_TREE,
      { killGraceMs: 300 },
      {},
      { limits: { maxParallelRuns: 1 } },
    );
    const next = await it.session.run(() => it.alive(), { waitTimeoutMs: Infinity });
    it.run.cancel();
    expect(it.run.state).toBe('stopping');
    expect(it.alive().length).toBeGreaterThan(1);
    expect(it.keeper.getStatus()).toMatchObject({ activeRuns: 1, waitingRuns: 1 });
    expect(await next.result()).toEqual([]);
    expect(await it.run.outcome).toMatchObject({ value: { signal: 'SIGKILL' } });
  });

  test('being a bomb of 200 sleepers that ignore SIGTERM', async () => {
    const bomb =
      'i=0; while [ $i -lt 200 ]; do (trap "" TERM; exec sleep 60) & i=$((i+1)); done; echo up; wait';
    const it = await begun(bomb, { killGraceMs: 300 });
    // The last of them may be becoming another program still, and be found a moment later.
    await until(() => it.alive().length >= 200);
    const next = it.session.run(() => it.alive(), { waitTimeoutMs: Infinity });
    it.run.cancel();
    expect(await endsWithin(1_300, it)).toMatchObject({ state: 'cancelled' });
    await next;
  });

  test('being abandoned by a keeper who does not wait for it: it is killed', async () => {
    const it = await begun(STUBBORN_TREE, { killGraceMs: 60_000 });
    const report = await it.keeper.stop({ timeoutMs: 50 });
    expect(report).toMatchObject({
      isComplete: false,
      abandoned: [{ sessionId: it.session.sessionId, runId: it.run.runId }],
    });
    await until(() => it.alive().length === 0);
    expect(await it.run.outcome).toMatchObject({ state: 'interrupted' });
  });

  test('being abandoned with its output read: the reader comes to an end', async () => {
    const spoolDir = freshFolder();
    const it = await begun(STUBBORN, { killGraceMs: 60_000 }, {}, { spoolDir });
    const read = printed(it.run);
    await it.keeper.stop({ timeoutMs: 50 });
    expect(await read).toBe('up\n');
    expect(readdirSync(spoolDir)).toEqual([]);
  });

  test('being evicted: its outcome is told, and it is killed all the same', async () => {
    const it = await begun(STUBBORN_TREE, { killGraceMs: 100 });
    await it.keeper.limiter.evict(it.run.runId, 'the test says so');
    expect(await it.run.outcome).toMatchObject({ state: 'cancelled', reason: 'evicted' });
    await until(() => it.alive().length === 0);
  });
});

describe('a command that is paused', () => {
  // Not by a shell: that waits, in a state of its own, for whom it starts, while he is stopped before he is begun.
  const tick = (what: string) =>
    `perl -e '$| = 1; while (1) { print "${what}\\n"; select undef, undef, undef, 0.01 }'`;
  const COUNTING = `(setsid ${tick('child')} > /dev/null &); echo up; exec ${tick('tick')}`;
  const isStill = (pid: number) => ['T', 'D'].includes(stateOf(pid) ?? '');

  async function paused(
    script: string,
    rest: Omit<CommandOrder, 'cmd'> = {},
    options: RunOptions = {},
  ) {
    const it = await begun(script, rest, options);
    it.run.pause();
    await until(() => it.alive().every(isStill));
    return it;
  }

  /** How many records there are, of a run whose program stands still. */
  async function recordsOf(run: Run): Promise<number> {
    let count = 0;
    for await (const _record of run.output()) count += 1;
    return count;
  }

  test('standing still with all of its tree, its slot kept, and going on', async () => {
    const it = await paused(COUNTING);
    expect(it.alive().length).toBeGreaterThan(1);
    expect(it.run).toMatchObject({ isPaused: true, state: 'running' });
    expect(it.keeper.getStatus().activeRuns).toBe(1);
    const told = await recordsOf(it.run);
    expect(it.alive().every(isStill)).toBe(true);
    it.run.resume();
    for await (const { number } of it.run.output({ follow: true, from: told })) {
      if (number > told + 2) break;
    }
    expect(it.alive().some(isStill)).toBe(false);
    it.run.cancel();
    await endsWithin(6_000, it);
  });

  test('being cancelled: it gets to know of it', async () => {
    const it = await paused(POLITE);
    it.run.cancel();
    expect(await endsWithin(6_000, it)).toMatchObject({
      state: 'cancelled',
      value: { exitCode: 4 },
    });
  });

  test('being killed when it is stubborn besides', async () => {
    const it = await paused(STUBBORN, { killGraceMs: 200 });
    it.run.cancel();
    expect(await endsWithin(1_200, it)).toMatchObject({ value: { signal: 'SIGKILL' } });
  });

  test('being timed out: a pause does not hold the deadline', async () => {
    const it = await paused(POLITE, {}, { deadlineMs: 700 });
    expect(await it.run.outcome).toMatchObject({ state: 'timed_out', value: { exitCode: 4 } });
    expect(it.alive()).toEqual([]);
  });

  test('being paused and resumed again and again', async () => {
    const it = await begun(POLITE);
    for (let round = 0; round < 5; round += 1) {
      it.run.pause();
      it.run.pause();
      await until(() => it.alive().every(isStill));
      it.run.resume();
      it.run.resume();
      await until(() => !it.alive().some(isStill));
    }
    it.run.cancel();
    expect(await endsWithin(6_000, it)).toMatchObject({ value: { exitCode: 4 } });
  });
});

describe('a process that exits while commands run', () => {
  test.each(['exit', 'throw'])('leaving none of them alive, by %s', async (how) => {
    const { env, alive } = marked();
    const scripts = [STUBBORN, `echo up; ${STUBBORN_TREE}`, 'sleep 60 & echo up; exit 0'];
    const commands = scripts.map((script) => ({
      cmd: ['sh', '-c', script],
      env,
      killGraceMs: 60_000,
    }));
    const folder = freshFolder();
    const child = spawn(process.execPath, [EXITING, JSON.stringify(commands), how], {
      stdio: ['ignore', 'inherit', 'ignore'],
      env: { ...process.env, TMPDIR: folder },
    });
    const [code] = await once(child, 'exit');
    expect(code).toBe(how === 'exit' ? 0 : 1);
    await until(() => alive().length === 0);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('leaving its output to be removed by the next one, when it is killed', async () => {
    const { env } = marked();
    const folder = freshFolder();
    const commands = [{ cmd: ['sh', '-c', STUBBORN], env }];
    const child = spawn(process.execPath, [EXITING, JSON.stringify(commands), 'kill'], {
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: folder },
    });
    await once(child, 'exit');
    expect(readdirSync(folder)).toHaveLength(1);
    const it = await begun(POLITE, {}, {}, { spoolDir: folder });
    expect(readdirSync(folder)).toHaveLength(1);
    await it.keeper.stop();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a keeper that keeps the output', () => {
  test('leaving it where the results say, and what is at work dead', async () => {
    const spoolDir = freshFolder();
    const forgetful = { retention: { maxCount: 0 } };
    const it = await begun(POLITE, {}, {}, { spoolDir, keepsOutput: true, ...forgetful });
    const { stdout } = await (await it.session.run({ cmd: ['echo', 'kept'] })).result();
    await it.keeper.stop({ timeoutMs: 0 });
    await until(() => it.alive().length === 0);
    expect(readFileSync(stdout.path, 'utf8')).toBe('kept\n');
    expect(readdirSync(spoolDir)).toHaveLength(1);
    const next = await begun(POLITE, {}, {}, { spoolDir });
    await next.keeper.stop();
    expect(readFileSync(stdout.path, 'utf8')).toBe('kept\n');
  });

  test('having to be told where', async () => {
    const refused = startSlotkeeper({ keepsOutput: true });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_option' });
    await expect(refused).rejects.toThrow('together with spoolDir');
  });
});
