/**
 * What lies at the journal's path is somebody else's: a keeper that has lost its file writes nothing into
 * theirs and removes nothing of it, not even when it ends. And a log that was removed takes nothing
 * with it.
 */
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { filesIn, hashOf, makeFilledJournal } from '../support/journal-files.ts';
import { freshFolder } from '../support/journal-places.ts';
import { StorageStage } from '../support/storage-stage.ts';

/** A journal that another process has been writing, with its log; and the files of it. */
function makeTheirs(): string {
  const working = join(freshFolder(), 'working.db');
  const path = join(freshFolder(), 'theirs.db');
  makeFilledJournal(working);
  const database = new Database(working);
  database.exec('DELETE FROM activity');
  for (const ending of ['', '-wal']) copyFileSync(`${working}${ending}`, `${path}${ending}`);
  database.close();
  return path;
}

/** Puts it where the stage's journal was. Our own files go away, or are removed. */
function replaceBy(theirs: string, { path }: StorageStage): void {
  for (const ending of ['', '-wal', '-shm']) rmSync(`${path}${ending}`);
  for (const ending of ['', '-wal']) renameSync(`${theirs}${ending}`, `${path}${ending}`);
}

describe("somebody else's journal at the path", () => {
  test.each([
    ['at once', 0],
    ['when it was noticed', 1_000],
    ['when it was looked for again and again', 60_000],
  ])('being theirs byte by byte after a stop: %s', async (_name, ms) => {
    const stage = await StorageStage.open();
    await stage.limiter.acquireSessionSlot('mine', { durable: true });
    replaceBy(makeTheirs(), stage);
    const before = filesIn(dirname(stage.path));
    await stage.advance(ms);
    await stage[Symbol.asyncDispose]();
    expect(filesIn(dirname(stage.path))).toEqual(before);
  });

  test('not being written into by what is asked before it is noticed', async () => {
    await using stage = await StorageStage.open();
    replaceBy(makeTheirs(), stage);
    const before = filesIn(dirname(stage.path));
    await stage.limiter.acquireSessionSlot('mine', { durable: true });
    await stage.limiter.releaseSessionSlot('mine');
    expect(filesIn(dirname(stage.path))).toEqual(before);
  });
});

describe("somebody else's log at the path", () => {
  test('being theirs byte by byte after a stop', async () => {
    const stage = await StorageStage.open();
    await stage.limiter.acquireSessionSlot('mine', { durable: true });
    const theirs = makeTheirs();
    rmSync(`${stage.path}-wal`);
    renameSync(`${theirs}-wal`, `${stage.path}-wal`);
    const before = hashOf(`${stage.path}-wal`);
    await stage.advance(5_000);
    expect(stage.told).toEqual(['storage_degraded']);
    await stage[Symbol.asyncDispose]();
    expect(hashOf(`${stage.path}-wal`)).toBe(before);
  });
});

describe('a log that is removed under a live keeper', () => {
  const sessions = (path: string) => readJournal(path).sessions.map(({ sessionId }) => sessionId);

  test.each([
    ['in the first second', 0],
    ['later', 10_000],
  ])('%s: all that was answered is in the file when it is noticed', async (_name, ms) => {
    await using stage = await StorageStage.open();
    const { limiter, path } = stage;
    await limiter.acquireSessionSlot('a', { durable: true });
    await stage.advance(ms);
    rmSync(`${path}-wal`);
    await limiter.acquireSessionSlot('b', { durable: true });
    await stage.advance(1_000);
    expect(limiter.getStatus().storage).toBe('ok');
    expect(sessions(copied(path))).toEqual(['a', 'b']);
    await limiter.releaseSessionSlot('a');
    expect(sessions(path)).toEqual(['b']);
  });

  test('a reader having come meanwhile, who leaves an empty one', async () => {
    await using stage = await StorageStage.open();
    const { limiter, path } = stage;
    await limiter.acquireSessionSlot('a', { durable: true });
    rmSync(`${path}-wal`);
    writeFileSync(`${path}-wal`, '');
    await stage.advance(1_000);
    expect(limiter.getStatus().storage).toBe('ok');
    expect(sessions(copied(path))).toEqual(['a']);
  });

  test('being stopped before it is noticed', async () => {
    const stage = await StorageStage.open();
    await stage.limiter.acquireSessionSlot('a', { durable: true });
    rmSync(`${stage.path}-wal`);
    await stage[Symbol.asyncDispose]();
    expect(sessions(stage.path)).toEqual(['a']);
  });

  test('being degraded while somebody reads, for then it cannot be written back', async () => {
    await using stage = await StorageStage.open();
    const { limiter, path } = stage;
    const reader = new Database(path, { readonly: true });
    await limiter.acquireSessionSlot('a', { durable: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM sessions').get();
    await limiter.acquireSessionSlot('b', { durable: true });
    rmSync(`${path}-wal`);
    await stage.advance(1_000);
    expect(limiter.getStatus().storage).toBe('degraded');
    reader.close();
    await stage.advance(5_000);
    expect(limiter.getStatus().storage).toBe('ok');
    expect(sessions(copied(path))).toEqual(['a', 'b']);
  });
});

/** What is in the files themselves, whatever this process knows of them. */
function copied(path: string): string {
  const copy = join(freshFolder(), 'copy.db');
  for (const ending of ['', '-wal']) {
    if (existsSync(`${path}${ending}`))
      writeFileSync(`${copy}${ending}`, readFileSync(`${path}${ending}`));
  }
  return copy;
}
