/**
 * A journal of an older version: read as it is, and brought to the present one when a keeper opens it.
 */
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { checksumOf } from '../../src/journal/checksum.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { APPLICATION_ID, SCHEMA_VERSION, stepsFrom } from '../../src/journal/sqlite-schema.ts';
import { freshPlace } from '../support/journal-places.ts';

const AT = 1_700_000_000_000;
const ENDED = `INSERT INTO ended (place, token, session_id, life, granted_at, slot_checksum, reason,
  ended_at, checksum) VALUES (1, 2, ?, ?, ?, ?, ?, ?, ?)`;
/** Whose work waits, from the next version on. */
const WAITING = {
  ...{ runId: 'r', place: 1, sessionId: 'held', priority: 0, order: 'its order', queuedAt: AT },
  ...{ owner: undefined, kind: undefined, labels: undefined, leaseMs: undefined },
  expiresAt: undefined,
};

/** A journal as an older version has left it: a durable session, and one that has ended. */
function makeVersion(version: number): string {
  const path = freshPlace();
  const database = new Database(path);
  database.pragma(`application_id = ${APPLICATION_ID}`);
  for (const step of stepsFrom(0).slice(0, version)) database.exec(step);
  database.pragma(`user_version = ${version}`);
  database.pragma('journal_mode = WAL');
  const slot = (token: number, id: string) => [token, id, 'durable', null, null, null, AT] as const;
  const insert = database.prepare('INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  insert.run(...slot(1, 'held'), checksumOf(slot(1, 'held')));
  database
    .prepare(ENDED)
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

describe.each([1, 2])('a journal of version %i', (version) => {
  test('being read by who only looks, and left as it is', () => {
    const path = makeVersion(version);
    const report = readJournal(path);
    expect(report).toMatchObject({ schemaVersion: version, sessions: [{ sessionId: 'held' }] });
    expect(report).toMatchObject({ waiting: [], ended: [{ note: null }] });
    expect(report.ended).toMatchObject([{ sessionId: 'over', reason: 'released' }]);
    expect(readJournal(path).schemaVersion).toBe(version);
  });

  test('being brought to the present version with all that it holds', () => {
    const path = makeVersion(version);
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

  test('taking in what it could not hold before', () => {
    const path = makeVersion(version);
    const journal = openSqliteJournal({ path });
    expect(journal.recover(AT + 1).waiting).toEqual([]);
    journal.commit([{ type: 'run_queued', ...WAITING }]);
    journal.close();
    const next = openSqliteJournal({ path });
    expect(next.recover(AT + 2).waiting).toEqual([WAITING]);
    next.close();
  });
});
