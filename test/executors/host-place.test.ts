/**
 * Where a host listens: nowhere that somebody else could have prepared for it.
 */
import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { socketOf } from '../../src/executors/host-place.ts';
import { freshFolder } from '../support/journal-places.ts';

const LONG = `/var/${'a'.repeat(100)}`;
const isRoot = process.getuid?.() === 0;
const { TMPDIR } = process.env;
let folder = '';

beforeEach(() => {
  const tmp = freshFolder();
  process.env.TMPDIR = tmp;
  folder = join(tmp, `slotkeeper-${process.getuid?.()}`);
});

afterEach(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
});

function expectRefused(): void {
  expect(() => socketOf(LONG)).toThrow(expect.objectContaining({ code: 'socket_folder_unsafe' }));
}

describe('the socket of a spool', () => {
  test('being in the spool, if its name is not too long', () => {
    expect(socketOf('/var/spool')).toBe('/var/spool/host.sock');
    expect(() => statSync(folder)).toThrow('ENOENT');
  });

  test('being in a folder of ours alone otherwise, one for each spool', () => {
    expect(dirname(socketOf(LONG))).toBe(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(socketOf(LONG)).toBe(socketOf(LONG));
    expect(socketOf(LONG)).not.toBe(socketOf(`${LONG}b`));
  });

  test('not being in a folder that others may write to, or read', () => {
    mkdirSync(folder);
    for (const mode of [0o777, 0o755, 0o710]) {
      chmodSync(folder, mode);
      expectRefused();
    }
    chmodSync(folder, 0o700);
    expect(dirname(socketOf(LONG))).toBe(folder);
  });

  test('not being behind a link, nor in what is no folder', () => {
    symlinkSync(freshFolder(), folder);
    expectRefused();
    folder = join(freshFolder(), 'file');
    process.env.TMPDIR = dirname(folder);
    writeFileSync(join(dirname(folder), `slotkeeper-${process.getuid?.()}`), '');
    expectRefused();
  });

  test.skipIf(!isRoot)('not being in a folder of somebody else', () => {
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, 65_534, 65_534);
    expectRefused();
  });
});
