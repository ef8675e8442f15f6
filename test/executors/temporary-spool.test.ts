/**
 * Temporary spools: gone with their process, however it ends, and nobody else's ever.
 */
import { chownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { spoolPlace } from '../../src/executors/spool-place.ts';
import {
  removeTemporary,
  temporaryName,
  useTemporary,
} from '../../src/executors/temporary-spool.ts';
import { freshFolder } from '../support/journal-places.ts';

/** What a process that is not there any more has left: its pid is nobody's. */
const left = () => temporaryName().replace(/^slotkeeper-\d+-/, `slotkeeper-${2 ** 22 + 1}-`);
/** What one has left whose pid is this process's now. */
const leftBefore = () => temporaryName().replace(/-(\d+)-(?=[0-9a-f]{8}-)/, '-1-');

function folderWith(...names: string[]): string {
  const folder = freshFolder();
  for (const name of names) {
    mkdirSync(join(folder, name, '1.1'), { recursive: true });
    writeFileSync(join(folder, name, '1.1', 'stdout'), 'text');
  }
  return folder;
}

/** What is left there once somebody makes a temporary spool in it. */
function namesAfterUse(folder: string): string[] {
  const path = join(folder, temporaryName());
  useTemporary(path);
  const names = readdirSync(folder);
  removeTemporary(path);
  return names;
}

describe('a temporary spool that is made', () => {
  test('removing what dead processes have left beside it', () => {
    expect(namesAfterUse(folderWith(left(), left()))).toEqual([]);
  });

  test('removing what is of an earlier process with a pid that has come again', () => {
    expect(namesAfterUse(folderWith(leftBefore()))).toEqual([]);
  });

  test('leaving alone what is of a process that lives', () => {
    const own = temporaryName();
    expect(namesAfterUse(folderWith(own))).toEqual([own]);
  });

  test('leaving alone what is of another boot or namespace, and what is kept', () => {
    const elsewhere = left().replace(/-[0-9a-f]{8}-/, '-00000000-');
    const spoolDir = freshFolder();
    const kept = spoolPlace({ spoolDir, journal: undefined, isTemporary: false }).split('/').at(-1);
    const names = [elsewhere, kept ?? '', 'slotkeeper-1', 'mine'].sort();
    expect(namesAfterUse(folderWith(...names)).sort()).toEqual(names);
  });

  test('leaving alone what is no folder, or is a link to one', () => {
    const [file, link] = [left(), left()];
    const folder = freshFolder();
    const other = folderWith('1.1');
    writeFileSync(join(folder, file), '');
    symlinkSync(other, join(folder, link));
    expect(namesAfterUse(folder).sort()).toEqual([file, link].sort());
    expect(readdirSync(other)).toEqual(['1.1']);
  });

  test.skipIf(process.getuid?.() !== 0)('leaving alone what belongs to another user', () => {
    const name = left();
    const folder = folderWith(name);
    chownSync(join(folder, name), 65_534, 65_534);
    expect(namesAfterUse(folder)).toEqual([name]);
  });

  test('being used in a folder that is not there yet', () => {
    const path = join(freshFolder(), 'later', temporaryName());
    expect(() => useTemporary(path)).not.toThrow();
    removeTemporary(path);
  });
});

describe('the exit of the process', () => {
  test('being listened for once, however many are in use, and no longer than one is', () => {
    const before = process.listenerCount('exit');
    const folder = freshFolder();
    const paths = Array.from({ length: 30 }, () => join(folder, temporaryName()));
    for (const path of [...paths, ...paths]) useTemporary(path);
    expect(process.listenerCount('exit')).toBe(before + 1);
    for (const path of [...paths, ...paths]) removeTemporary(path);
    expect(process.listenerCount('exit')).toBe(before);
  });
});
