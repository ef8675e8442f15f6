/**
 * The command host by itself: there is one of a spool, nothing that a command is or leaves behind ends it, and
 * it ends itself when nobody needs it.
 *
 * On the built package, with real processes: `npm test` builds first.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Run, startSlotkeeper } from 'slotkeeper';
import { afterEach, describe, expect, test } from 'vitest';
import { placeOf, socketIn } from '../../src/executors/host-place.ts';
import { CommandPlace, until } from '../support/command-place.ts';
import { freshFolder } from '../support/journal-places.ts';

const MAIN = join(import.meta.dirname, '../../dist/src/executors/command-host-main.js');
/** Its exit code when it has found another host. */
const ANOTHER_IS_THERE = 3;

const startAt = ({ path }: CommandPlace) => startSlotkeeper({ journal: { path } });
const modeOf = (path: string) => statSync(path).mode & 0o777;

function startHost(place: CommandPlace): ChildProcess {
  return spawn(process.execPath, [MAIN, place.spool], { stdio: 'ignore' });
}

/** A host that nobody needs, and then nobody has cleaned up after. */
async function deadHost(place: CommandPlace): Promise<void> {
  const host = startHost(place);
  const exit = once(host, 'exit');
  await until(() => socketIn(placeOf(place.spool)) !== undefined);
  host.kill('SIGKILL');
  await exit;
}

/** Its place, with a socket and a card, is there while it lives, and is left when it is killed. */
function hasNoOtherNames({ spool }: CommandPlace): boolean {
  return readdirSync(spool).join() === 'host' && readdirSync(join(spool, 'host')).length === 2;
}

/** Whoever of many comes first may be a dead one, and be gone a moment later. */
async function meetHost(place: CommandPlace): Promise<Socket> {
  for (;;) {
    const socket = connect(socketIn(placeOf(place.spool)) ?? place.spool);
    const isThere = once(socket, 'data').then(
      () => true,
      () => false,
    );
    if (await isThere) return socket;
  }
}

/** Stays until it is hung up; so does the host. */
async function stay(place: CommandPlace): Promise<() => void> {
  const socket = await meetHost(place);
  return () => socket.destroy();
}

describe('command hosts of one spool', () => {
  test('being one, however many come at once after one that was killed', async () => {
    const place = new CommandPlace();
    place.makeSpool();
    for (let round = 0; round < 3; round += 1) {
      await deadHost(place);
      const hosts = Array.from({ length: 5 }, () => startHost(place));
      const exits = hosts.map(async (host) => (await once(host, 'exit'))[0] as number | null);
      // One of them is left, and does not end as long as somebody is there.
      const hangUp = await stay(place);
      await until(() => hosts.filter(({ exitCode }) => exitCode === null).length === 1);
      expect(place.hosts.length).toBe(1);
      // Those that have found it put their own names away as they end.
      await until(() => hasNoOtherNames(place));
      await place.killHost();
      hangUp();
      const codes = await Promise.all(exits);
      expect(codes.sort()).toEqual([...Array(4).fill(ANOTHER_IS_THERE), null]);
      expect(hasNoOtherNames(place)).toBe(true);
    }
  });
});

describe('a command host', () => {
  test('ending itself when nobody needs it, and leaving no socket', async () => {
    const place = new CommandPlace();
    const keeper = await startAt(place);
    const session = await keeper.openSession();
    const run = await session.run(place.script('true'));
    await run.outcome;
    expect(place.hosts.length).toBe(1);
    await keeper.stop();
    await until(() => place.hosts.length === 0);
    expect(readdirSync(place.spool).filter((name) => !/^\d/.test(name))).toEqual([]);
    await using next = await startAt(place);
    expect(next.getStatus().activeRuns).toBe(0);
    expect(next.getRun(run.runId)?.state).toBe('succeeded');
    expect(readdirSync(place.spool)).toEqual([`${run.token}.1`]);
  });

  test('living on when the input of a command is not there', async () => {
    const place = new CommandPlace();
    await using keeper = await startAt(place);
    const session = await keeper.openSession();
    const other = await session.run(place.patient());
    const lost = { ...place.script('true'), stdin: { file: join(place.spool, 'nowhere') } };
    const run = await session.run(lost);
    expect(await run.outcome).toMatchObject({
      state: 'failed',
      error: { code: 'command_not_started' },
    });
    place.go();
    expect(await other.outcome).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
  });

  test('living on when a program is not there', async () => {
    const place = new CommandPlace();
    await using keeper = await startAt(place);
    const session = await keeper.openSession();
    const run = await session.run({ cmd: [join(place.spool, 'nowhere')] });
    expect(await run.outcome).toMatchObject({
      state: 'failed',
      error: { code: 'command_not_started' },
    });
    expect(place.hosts.length).toBe(1);
  });

  test('living on when what a command has left is removed while it runs', async () => {
    const place = new CommandPlace();
    await using keeper = await startAt(place);
    const session = await keeper.openSession();
    const first = await session.run(place.patient());
    for await (const _ of first.output({ follow: true })) break;
    rmSync(join(place.spool, `${first.token}.1`), { recursive: true });
    place.go();
    expect(await first.outcome).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
    const second = await session.run(place.script('true'));
    expect(await second.outcome).toMatchObject({ state: 'succeeded' });
    expect(place.hosts.length).toBe(1);
  });

  test('showing what it has to its owner alone', async () => {
    const place = new CommandPlace();
    await using keeper = await startAt(place);
    const session = await keeper.openSession();
    const run = await session.run(place.script('echo it'));
    await run.outcome;
    const attempt = join(place.spool, `${run.token}.1`);
    expect([place.spool, attempt].map(modeOf)).toEqual([0o700, 0o700]);
    for (const file of readdirSync(attempt)) expect(modeOf(join(attempt, file))).toBe(0o600);
  });

  test('having its socket elsewhere when the spool has too long a name for one', async () => {
    const folder = join(freshFolder(), 'a'.repeat(100));
    const place = new CommandPlace(freshFolder(), folder);
    const { path } = place;
    await using keeper = await startSlotkeeper({ journal: { path }, spoolDir: folder });
    const session = await keeper.openSession();
    const run = await session.run(place.script('echo it'));
    expect(await run.outcome).toMatchObject({ state: 'succeeded' });
    const [spool = ''] = readdirSync(folder);
    expect(readdirSync(join(folder, spool))).toEqual([`${run.token}.1`]);
    expect(modeOf(join(folder, spool))).toBe(0o700);
  });
});

describe('a folder for sockets that somebody else may have made', () => {
  const { TMPDIR } = process.env;

  afterEach(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });

  test('being refused to commands that are begun, and what was begun before being looked after', async () => {
    const folder = join(freshFolder(), 'a'.repeat(100));
    const place = new CommandPlace(freshFolder(), folder);
    const { path } = place;
    const more = { spoolDir: folder };
    const first = await place.program('command-keeper.mjs', place.patient(), {}, {}, more);
    await first.kill();
    process.env.TMPDIR = freshFolder();
    symlinkSync(freshFolder(), join(process.env.TMPDIR, `slotkeeper-${process.getuid?.()}`));
    await using keeper = await startSlotkeeper({ journal: { path }, spoolDir: folder });
    const session = await keeper.openSession();
    const run = await session.run(place.script('true'));
    const cause = { code: 'socket_folder_unsafe' };
    const error = { code: 'command_not_started', cause };
    expect(await run.outcome).toMatchObject({ state: 'failed', error });
    const found = keeper.getRun('r1');
    expect(found?.state).toBe('running');
    place.go();
    // Its host lives, and may have told its folder how it ended before nobody was left of it.
    expect(['failed', 'interrupted']).toContain((await found?.outcome)?.state);
    expect(place.alive).toEqual([]);
  });
});

describe('a keeper whose journal was removed', () => {
  test('killing what nobody knows any more, and removing what it has left', async () => {
    const place = new CommandPlace();
    const first = await place.keeperWith(place.patient());
    await first.kill();
    for (const behind of ['', '-wal', '-shm']) rmSync(`${place.path}${behind}`, { force: true });
    await using keeper = await startAt(place);
    expect(keeper.getRun('r1')).toBeUndefined();
    await until(() => place.alive.length === 0);
    expect(place.attempts).toEqual([]);
    const session = await keeper.openSession();
    const run = await session.run(place.script('exit 3'));
    expect(await run.outcome).toMatchObject({ state: 'failed', value: { exitCode: 3 } });
    expect(place.hosts.length).toBe(1);
  });
});

describe('two keepers with one folder for their spools', () => {
  test('having a host each, and leaving alone what is of the other', async () => {
    const spoolDir = freshFolder();
    const places = [new CommandPlace(), new CommandPlace()];
    const runs: Run[] = [];
    const keepers = await Promise.all(
      places.map(({ path }) => startSlotkeeper({ journal: { path }, spoolDir })),
    );
    for (const [at, keeper] of keepers.entries()) {
      const session = await keeper.openSession({ sessionId: 's1' });
      runs.push(await session.run(places[at]?.patient() ?? { cmd: [] }, { runId: 'r1' }));
    }
    await until(() => places.every(({ begun }) => begun === 1));
    expect(readdirSync(spoolDir).length).toBe(2);
    await keepers[0]?.stop();
    const [place] = places;
    await using _next = await startSlotkeeper({ journal: { path: place?.path ?? '' }, spoolDir });
    expect(place?.alive).toEqual([]);
    expect(places[1]?.attemptsAlive).toBe(1);
    places[1]?.go();
    expect(await runs[0]?.outcome).toMatchObject({ state: 'interrupted', reason: 'shutdown' });
    expect(await runs[1]?.outcome).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
    await keepers[1]?.stop();
  });
});

describe('a keeper that was stopped without waiting', () => {
  test('leaving its command to its host, which kills it, and its slot to its successor', async () => {
    const place = new CommandPlace();
    const keeper = await startAt(place);
    const session = await keeper.openSession();
    const run = await session.run(place.stubborn({ killGraceMs: 700 }), { runId: 'r1' });
    for await (const _ of run.output({ follow: true })) break;
    const report = await keeper.stop({ timeoutMs: 0 });
    expect(report).toMatchObject({ isComplete: false, abandoned: [{ runId: 'r1' }] });
    await using next = await startAt(place);
    expect(next.getStatus().activeRuns).toBe(1);
    expect(await next.getRun('r1')?.outcome).toMatchObject({
      state: 'interrupted',
      reason: 'shutdown',
      value: { signal: 'SIGKILL' },
    });
    expect(place.alive).toEqual([]);
    expect(next.getStatus().activeRuns).toBe(0);
  });

  test('without a journal, killing it, and ending nobody else', async () => {
    const place = new CommandPlace();
    const spoolDir = freshFolder();
    const keeper = await startSlotkeeper({ spoolDir });
    const session = await keeper.openSession();
    const run = await session.run(place.stubborn({ killGraceMs: 60_000 }));
    for await (const _ of run.output({ follow: true })) break;
    await keeper.stop({ timeoutMs: 0 });
    await until(() => place.alive.length === 0);
    expect(readdirSync(spoolDir)).toEqual([]);
  });
});
