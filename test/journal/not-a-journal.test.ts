/**
 * Files that are no journal of ours. They are somebody's: the start fails and says so, and every byte of
 * them, and of what lies beside them, is as it was.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { startConcurrencyLimiter } from '../../src/index.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import {
  expectUntouchedBy,
  failureOfStart,
  fileOf,
  filesIn,
  makeFilledJournal,
} from '../support/journal-files.ts';
import { freshFolder } from '../support/journal-places.ts';

/** A database of another program, which has it open in WAL mode. */
function makeForeign(path: string): Database.Database {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.exec("CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')");
  return database;
}

describe('a start on a file of another program', () => {
  test.each([
    ['a text', 'To do: buy milk\n'],
    ['a longer text', 'To do: buy milk\n'.repeat(1_000)],
    ['one byte', 'S'],
    ["the beginning of SQLite's own", 'SQLite format 3'],
    ['zeros', '\0'.repeat(8_192)],
  ])('which is %s', async (_name, text) => {
    const failure = await expectUntouchedBy(fileOf(text), 'journal_corrupt');
    expect(failure.message).toMatch(/no SQLite database.*Nothing was changed.*begin a new one/s);
  });

  test('which is a database', async () => {
    const path = join(freshFolder(), 'theirs.db');
    makeForeign(path).close();
    const failure = await expectUntouchedBy(path, 'journal_corrupt');
    expect(failure.message).toMatch(/a database of another program.*Nothing was changed/s);
  });

  test('which is a database that is in use, with a log', async () => {
    const path = join(freshFolder(), 'theirs.db');
    const database = makeForeign(path);
    const before = filesIn(join(path, '..'));
    expect(await failureOfStart(path)).toMatchObject({ code: 'journal_corrupt' });
    expect(filesIn(join(path, '..'))).toEqual(before);
    expect(database.prepare('SELECT text FROM notes').pluck().all()).toEqual(['mine']);
    database.close();
  });

  test('leaving nothing beside it', async () => {
    const path = fileOf('To do: buy milk');
    await failureOfStart(path);
    expect(Object.keys(filesIn(join(path, '..')))).toEqual(['journal.db']);
  });
});

describe('a start on a journal of a newer version', () => {
  test('failing, with both versions in what it says', async () => {
    const path = join(freshFolder(), 'journal.db');
    makeFilledJournal(path);
    const database = new Database(path);
    database.pragma('user_version = 7');
    database.close();
    const failure = await expectUntouchedBy(path, 'journal_schema_unsupported');
    expect(failure.message).toMatch(/schema version 7.*versions up to \d+.*or a newer one/s);
    expect(() => readJournal(path)).toThrow(/schema version 7/);
  });
});

describe('a start on an empty file', () => {
  test('making the journal in it', async () => {
    const path = fileOf('');
    const limiter = await startConcurrencyLimiter({ journal: { path } });
    await limiter.acquireSessionSlot('s', { durable: true });
    await limiter.stop();
    expect(readJournal(path).sessions.map(({ sessionId }) => sessionId)).toEqual(['s']);
  });
});

/** A log that nobody has written back, as a kill leaves it. */
function makeLeftLog(path: string): void {
  const working = join(freshFolder(), 'working.db');
  makeFilledJournal(working);
  const database = new Database(working);
  database.exec("INSERT INTO facts VALUES ('a', 'b', 0)");
  copyFileSync(`${working}-wal`, `${path}-wal`);
  database.close();
}

describe('a log (-wal) whose file is gone', () => {
  test.each(['missing', 'empty'])(
    'the file being %s: the log is not played into a new one',
    async (what) => {
      const path = join(freshFolder(), 'journal.db');
      makeLeftLog(path);
      if (what === 'empty') writeFileSync(path, '');
      const failure = await expectUntouchedBy(path, 'journal_corrupt');
      expect(failure.message).toContain(`${path}-wal`);
    },
  );

  test('being no hindrance when there is nothing in it', async () => {
    const path = join(freshFolder(), 'journal.db');
    writeFileSync(`${path}-wal`, '');
    const limiter = await startConcurrencyLimiter({ journal: { path } });
    await limiter.stop();
    expect(readFileSync(path).length).toBeGreaterThan(0);
  });
});
