/**
 * Where a journal can lie and where not: folders, rights, links. One file has one lock, whatever way
 * leads to it, and what is in the way is left as it is.
 */
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startConcurrencyLimiter } from '../../src/index.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { failureOfStart, filesIn, makeFilledJournal } from '../support/journal-files.ts';
import { freshFolder } from '../support/journal-places.ts';
import { fillUp, makeReadOnly, mountTmpfs, testWithMount } from '../support/tmpfs.ts';

const startAt = (path: string) => startConcurrencyLimiter({ journal: { path } });

/** The start fails as `journal_unavailable`, in words that name the file and say these. */
async function expectUnavailable(path: string, words: RegExp): Promise<void> {
  const failure = await failureOfStart(path);
  expect(failure).toMatchObject({ code: 'journal_unavailable' });
  expect(failure.message).toContain(path);
  expect(failure.message).toMatch(words);
}

describe('a start where no journal can be', () => {
  test('a folder', async () => {
    const path = join(freshFolder(), 'journal.db');
    mkdirSync(path);
    await expectUnavailable(path, /is no file.*give the path of a file/s);
    expect(lstatSync(path).isDirectory()).toBe(true);
    expect(filesIn(dirname(path))).toEqual({});
  });

  test('a pipe, which is not waited for', async () => {
    const path = join(freshFolder(), 'journal.db');
    execFileSync('mkfifo', [path]);
    await expectUnavailable(path, /is no file/);
  });

  test('a folder that is not there', async () => {
    const folder = freshFolder();
    await expectUnavailable(join(folder, 'none', 'journal.db'), /has no folder: make it first/);
    expect(filesIn(folder)).toEqual({});
  });

  test('a file where the folder should be', async () => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'none'), 'mine');
    await expectUnavailable(join(folder, 'none', 'journal.db'), /folder/);
  });

  test('a folder where its lock should be', async () => {
    const path = join(freshFolder(), 'journal.db');
    mkdirSync(`${path}-lock`);
    await expectUnavailable(path, /cannot be locked/);
  });

  test('links that lead to each other', async () => {
    const folder = freshFolder();
    symlinkSync(join(folder, 'b.db'), join(folder, 'a.db'));
    symlinkSync(join(folder, 'a.db'), join(folder, 'b.db'));
    await expectUnavailable(join(folder, 'a.db'), /link/);
  });

  testWithMount('a folder that is read-only', async () => {
    const folder = mountTmpfs('1m');
    makeReadOnly(folder);
    await expectUnavailable(join(folder, 'journal.db'), /folder is not writable/);
  });

  testWithMount('a folder that is read-only, with a journal in it', async () => {
    const folder = mountTmpfs('1m');
    const path = join(folder, 'journal.db');
    makeFilledJournal(path);
    const before = filesIn(folder);
    makeReadOnly(folder);
    await expectUnavailable(path, /folder/);
    expect(filesIn(folder)).toEqual(before);
    expect(() => readJournal(path)).toThrow(/-shm file beside it needs a folder that is writable/);
  });

  testWithMount('a disk that is full, leaving no half of a journal', async () => {
    const folder = mountTmpfs('1m');
    const path = join(folder, 'journal.db');
    const makeRoom = fillUp(folder, 16_384);
    await expectUnavailable(path, /cannot be made: look at its folder and its disk/);
    expect(Object.keys(filesIn(folder)).sort()).toEqual(['filler', 'journal.db-lock']);
    makeRoom();
    await (await startAt(path)).stop();
  });

  for (const bytesLeft of [0, 40_960, 49_152]) {
    testWithMount(`a disk with ${bytesLeft} bytes left, with a journal on it`, async () => {
      const folder = mountTmpfs('1m');
      const path = join(folder, 'journal.db');
      makeFilledJournal(path);
      const makeRoom = fillUp(folder, bytesLeft);
      await expectUnavailable(path, /disk|folder/);
      makeRoom();
      const { sessions } = readJournal(path);
      const limiter = await startAt(path);
      expect(limiter.getStatus().activeSessions).toBe(sessions.length);
      await limiter.stop();
    });
  }
});

describe('a journal behind a symbolic link', () => {
  test('having the lock of the file, whatever way leads to it', async () => {
    const folder = freshFolder();
    const path = join(folder, 'journal.db');
    const link = join(freshFolder(), 'link.db');
    const folderLink = join(freshFolder(), 'folder');
    symlinkSync(path, link);
    symlinkSync(folder, folderLink);
    const limiter = await startAt(path);
    for (const way of [path, link, join(folderLink, 'journal.db')]) {
      expect(await failureOfStart(way)).toMatchObject({ code: 'journal_in_use' });
    }
    await limiter.stop();
    await (await startAt(link)).stop();
    expect(filesIn(dirname(link))).toEqual({});
  });

  test('being made where a link leads to that leads nowhere yet', async () => {
    const folder = freshFolder();
    const links = freshFolder();
    const link = join(links, 'link.db');
    symlinkSync(join(folder, 'journal.db'), link);
    const limiter = await startAt(link);
    expect(readlinkSync(link)).toBe(join(folder, 'journal.db'));
    expect(await failureOfStart(join(folder, 'journal.db'))).toMatchObject({
      code: 'journal_in_use',
    });
    await limiter.stop();
    expect(Object.keys(filesIn(folder))).toContain('journal.db');
    expect(filesIn(links)).toEqual({});
  });

  test('failing where the folder that a link leads to is not there', async () => {
    const link = join(freshFolder(), 'link.db');
    const target = join(dirname(link), 'none', 'journal.db');
    symlinkSync(target, link);
    expect(await failureOfStart(link)).toMatchObject({ code: 'journal_unavailable' });
    await expectUnavailable(target, /has no folder: make it first/);
    expect(readlinkSync(link)).toBe(target);
  });
});
