/**
 * `slotkeeper serve --check`: what it says, and that it changes nothing.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Said, slotkeeper } from '../support/cli-process.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';
import { makeReadOnly, mountTmpfs, testWithMount } from '../support/tmpfs.ts';

interface Place {
  readonly folder: string;
  readonly journal: string;
  /** Arguments of `serve`. */
  readonly args: readonly string[];
}

/** A configuration in a folder of its own. */
function place(more: object = {}): Place {
  const folder = freshFolder();
  const journal = join(folder, 'data', 'journal.db');
  const file = join(folder, 'slotkeeper.json');
  writeFileSync(file, JSON.stringify({ listen: { port: 0 }, journal: { path: journal }, ...more }));
  return { folder, journal, args: ['--config', file] };
}

/** Temporary files have a folder of their own, which is empty when it is done. */
async function check({ folder, args }: Place, ...more: readonly string[]): Promise<Said> {
  const TMPDIR = freshFolder();
  const said = await slotkeeper(['serve', ...args, '--check', ...more], {
    cwd: folder,
    env: { TMPDIR },
  });
  expect(readdirSync(TMPDIR)).toEqual([]);
  return said;
}

/** Every file with what is in it, and when it was written. */
function contentOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(names.map((name) => [name, stampOf(join(folder, name))]));
}

function stampOf(path: string): string {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isFile()) return `${mtimeMs}`;
  return `${mtimeMs} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

async function daemonWithSession({ args }: Place): Promise<DaemonProcess> {
  const daemon = await DaemonProcess.start(args);
  await daemon.ask('POST', '/v1/sessions', { sessionId: 's' });
  return daemon;
}

describe('saying what it would do', () => {
  test('where nothing is yet, and making nothing', async () => {
    const here = place({ exec: { enabled: true } });
    const before = contentOf(here.folder);
    const { stdout, stderr, code } = await check(here, '--max-runs', '7');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.trimEnd().split('\n')).toEqual([
      'listen    on a port of 127.0.0.1 that is free',
      'callers   whoever reaches it, for all, as local',
      `journal   begin ${here.journal}, durability process`,
      `spool     make ${here.journal}.spool`,
      'programs  any, by exec',
      'limits    100 sessions, 7 runs, 2 in a session; slotkeeper config has all',
    ]);
    expect(contentOf(here.folder)).toEqual(before);
  });

  test('with the journal of a daemon that was killed, and leaving it as it is', async () => {
    const here = place();
    await (await daemonWithSession(here)).kill();
    const before = contentOf(here.folder);
    const { stdout, code } = await check(here);
    expect(code).toBe(0);
    expect(stdout).toContain(
      `go on with ${here.journal}, durability process; sessions: 1, commands begun: 0, waiting: 0`,
    );
    expect(contentOf(here.folder)).toEqual(before);
  });

  test('with the journal of one that has ended in order', async () => {
    const here = place();
    const daemon = await daemonWithSession(here);
    daemon.signal('SIGTERM');
    await daemon.ended();
    const before = contentOf(here.folder);
    expect((await check(here)).stdout).toContain('sessions: 1');
    expect(contentOf(here.folder)).toEqual(before);
  });

  test('naming keys by their ids, and never their hashes', async () => {
    const hash = `sha256:${'ab'.repeat(32)}`;
    const here = place({ keys: [{ id: 'ci', hash, owner: 'alice', scopes: [] }] });
    const { stdout, code } = await check(here);
    expect(code).toBe(0);
    expect(stdout).toContain('by key: ci of alice');
    expect(stdout).not.toContain('abab');
  });
});

describe('saying why it could not', () => {
  test('with the port and the journal of a daemon that runs, and leaving it alone', async () => {
    const here = place();
    const daemon = await daemonWithSession(here);
    const { port } = new URL(daemon.url);
    const there = place({ listen: { port: Number(port) }, journal: { path: here.journal } });
    const { stdout, stderr, code } = await check(there);
    expect(code).toBe(1);
    expect(stdout).toContain(`on port ${port} of 127.0.0.1: cannot be`);
    expect(stderr).toContain(
      `listen: cannot listen on port ${port} of 127.0.0.1: somebody listens`,
    );
    expect(stderr).toMatch(/journal: .* is in use by another keeper.*\[journal_in_use\]/);
    expect(stderr).toMatch(/\[check_failed\]\n$/);
    expect(await daemon.ask('GET', '/v1/sessions/s')).toMatchObject({ status: 200 });
  });

  test('with what is no journal, and leaving it as it is', async () => {
    const here = place();
    mkdirSync(dirname(here.journal));
    writeFileSync(here.journal, 'my diary '.repeat(100));
    const before = contentOf(here.folder);
    const { stderr, code } = await check(here);
    expect(code).toBe(1);
    expect(stderr).toContain('[journal_corrupt]');
    expect(contentOf(here.folder)).toEqual(before);
  });

  test('with a file where a folder should be', async () => {
    const here = place({ spoolDir: './taken/spool' });
    writeFileSync(dirname(here.journal), '');
    writeFileSync(join(here.folder, 'taken'), '');
    const { stderr, code } = await check(here);
    expect(code).toBe(1);
    expect(stderr).toContain(`journal: ${dirname(here.journal)} is no folder`);
    expect(stderr).toContain(`spool: ${join(here.folder, 'taken')} is no folder`);
  });

  testWithMount('with a disk that nothing can be written to', async () => {
    const disk = mountTmpfs('64k');
    makeReadOnly(disk);
    const { stderr, code } = await check(place({ journal: { path: join(disk, 'new', 'j.db') } }));
    expect(code).toBe(1);
    expect(stderr).toContain(`journal: the folder ${disk} is not writable`);
  });

  test('with an address that is of another machine', async () => {
    const hash = `sha256:${'ab'.repeat(32)}`;
    const keys = [{ id: 'ci', hash, owner: 'alice', scopes: [] }];
    const { stderr, code } = await check(place({ keys, listen: { host: '192.0.2.1', port: 0 } }));
    expect(code).toBe(1);
    expect(stderr).toContain('this machine has no such address');
  });

  test('with a configuration that cannot be, as serve itself', async () => {
    const { stdout, stderr, code } = await check(place({ limts: {} }));
    expect([code, stdout]).toEqual([78, '']);
    expect(stderr).toContain('did you mean limits?');
  });
});
