/**
 * Where a host listens: nowhere that somebody else could have prepared for it.
 */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  clearPlace,
  namesIn,
  newSocketIn,
  placeOf,
  socketIn,
  takePlace,
} from '../../src/executors/host-place.ts';
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
  expect(() => placeOf(LONG)).toThrow(expect.objectContaining({ code: 'socket_folder_unsafe' }));
}

describe('the place of a spool', () => {
  test('being in the spool, if its name is not too long', () => {
    expect(placeOf('/var/spool')).toBe('/var/spool/host');
    expect(() => statSync(folder)).toThrow('ENOENT');
  });

  test('being in a folder of ours alone otherwise, one for each spool', () => {
    expect(dirname(placeOf(LONG))).toBe(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(placeOf(LONG)).toBe(placeOf(LONG));
    expect(placeOf(LONG)).not.toBe(placeOf(`${LONG}b`));
  });

  test('not being in a folder that others may write to, or read', () => {
    mkdirSync(folder);
    for (const mode of [0o777, 0o755, 0o710]) {
      chmodSync(folder, mode);
      expectRefused();
    }
    chmodSync(folder, 0o700);
    expect(dirname(placeOf(LONG))).toBe(folder);
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

describe('a place', () => {
  /** The folder of one who would like to have it. */
  function candidate(beside: string): string {
    const own = mkdtempSync(`${beside}-`);
    writeFileSync(newSocketIn(own), '');
    return own;
  }

  test('being of the first who takes it, until he leaves', () => {
    const place = join(freshFolder(), 'host');
    const [first, second] = [candidate(place), candidate(place)];
    expect(takePlace(first, place)).toBe(true);
    const socket = socketIn(place);
    expect(takePlace(second, place)).toBe(false);
    expect(socketIn(place)).toBe(socket);
    clearPlace(place, namesIn(place));
    expect(takePlace(second, place)).toBe(true);
  });

  test('staying with whoever has taken it while another was looking at a dead one', () => {
    const place = join(freshFolder(), 'host');
    expect(takePlace(candidate(place), place)).toBe(true);
    const [seenByOne, seenByTwo] = [namesIn(place), namesIn(place)];
    clearPlace(place, seenByOne);
    expect(takePlace(candidate(place), place)).toBe(true);
    const socket = socketIn(place);
    clearPlace(place, seenByTwo);
    expect(takePlace(candidate(place), place)).toBe(false);
    expect(socketIn(place)).toBe(socket);
  });
});
