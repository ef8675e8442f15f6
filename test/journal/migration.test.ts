/**
 * A journal of an older version: read as it is, and brought to the present one when a keeper opens it.
 */
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { checksumOf } from '../../src/journal/checksum.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { APPLICATION_ID, SCHEMA_VERSION, stepsFrom } from '../../src/journal/sqlite-schema.ts';
import { freshPlace } from '../support/journal-places.ts';

const AT = 1_700_000_000_000;

/** A journal as version 1 has left it: a durable session, and one that has ended. */
function makeFirstVersion(): string {
  const path = freshPlace();
  const database = new Database(path);
  database.pragma(`application_id = ${APPLICATION_ID}`);
  database.exec(stepsFrom(0)[0] ?? '');
  database.pragma('user_version = 1');
  database.pragma('journal_mode = WAL');
  const slot = (token: number, id: string) => [token, id, 'durable', null, null, null, AT] as const;
  const insert = database.prepare('INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  insert.run(...slot(1, 'held'), checksumOf(slot(1, 'held')));
  database
    .prepare('INSERT INTO ended VALUES (1, 2, NULL, ?, ?, NULL, NULL, NULL, NULL, ?, ?, ?, ?, ?)')
    .run(
      'over',
      'durable',
      AT,
      checksumOf(slot(2, 'over')),
      'released',
      AT,
      checksumOf([2, 'released', AT]),
    );
  const fact = database.prepare('INSERT INTO facts VALUES (?, ?, ?)');
  fact.run('next_token', '100', checksumOf(['next_token', '100']));
  database.close();
  return path;
}

test('being read by who only looks, and left as it is', () => {
  const path = makeFirstVersion();
  const report = readJournal(path);
  expect(report).toMatchObject({ schemaVersion: 1, sessions: [{ sessionId: 'held' }] });
  expect(report.ended).toMatchObject([{ sessionId: 'over', reason: 'released' }]);
  expect(readJournal(path).schemaVersion).toBe(1);
});

test('being brought to the present version with all that it holds', () => {
  const path = makeFirstVersion();
  const journal = openSqliteJournal({ path });
  const { sessions, closed } = journal.recover(AT + 1);
  expect(sessions).toMatchObject([{ token: 1, sessionId: 'held', terms: undefined }]);
  expect(closed).toEqual([]);
  journal.commit([
    {
      type: 'session_slot_ended',
      token: 1,
      reason: 'released',
      at: AT + 2,
      isKept: true,
      note: 'n',
    },
  ]);
  journal.close();
  expect(readJournal(path)).toMatchObject({ schemaVersion: SCHEMA_VERSION, sessions: [] });
  const next = openSqliteJournal({ path });
  expect(next.recover(AT + 3).closed).toMatchObject([{ sessionId: 'held', note: 'n' }]);
  next.close();
});
