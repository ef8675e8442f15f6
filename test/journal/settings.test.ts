/**
 * What a journal is set to: what was asked for, also after the first write and after it was opened again;
 * and what lies beside it, for its owner alone.
 */
import { readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Durability } from '../../src/journal/boot.ts';
import type { Connection } from '../../src/journal/sqlite-connection.ts';
import { openSqliteJournal, type SqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { freshFolder } from '../support/journal-places.ts';

/** SQLite's numbers of its levels. */
const LEVELS = { process: 1, power: 2 } as const;

function settingsOf(journal: SqliteJournal) {
  const connection = Reflect.get(journal, 'connection') as Connection; // while it is open
  const read = (name: string) => connection.pragma(name, { simple: true });
  return {
    synchronous: read('synchronous'),
    mode: read('journal_mode'),
    busyTimeout: read('busy_timeout'),
    checkpointPages: read('wal_autocheckpoint'),
  };
}

function write(journal: SqliteJournal): void {
  const plain = { owner: undefined, labels: undefined, leaseMs: undefined, grantedAt: 1 };
  const slot = { token: 1, sessionId: 's', life: 'durable' as const, terms: undefined, ...plain };
  journal.commit([{ type: 'session_slot_granted', ...slot }]);
}

describe.each(['process', 'power'] as const)('durability %s', (durability: Durability) => {
  test('being what was asked for at every time', () => {
    const path = `${freshFolder()}/journal.db`;
    const expected = {
      synchronous: LEVELS[durability],
      mode: 'wal',
      busyTimeout: 500,
      checkpointPages: 1_000,
    };
    for (let opening = 0; opening < 2; opening += 1) {
      const journal = openSqliteJournal({ path, durability });
      expect(settingsOf(journal)).toEqual(expected);
      journal.recover(1);
      journal.reserveTokens(10);
      expect(settingsOf(journal)).toEqual(expected);
      write(journal);
      expect(settingsOf(journal)).toEqual(expected);
      journal.close();
    }
  });

  test('being what this opening asks for, whatever the last one did', () => {
    const path = `${freshFolder()}/journal.db`;
    const other = durability === 'power' ? 'process' : 'power';
    openSqliteJournal({ path, durability: other }).close();
    const journal = openSqliteJournal({ path, durability });
    expect(settingsOf(journal).synchronous).toBe(LEVELS[durability]);
    journal.close();
  });

  test('being kept where a block of tokens could not be written', () => {
    const journal = openSqliteJournal({ path: `${freshFolder()}/journal.db`, durability });
    const connection = Reflect.get(journal, 'connection') as Connection; // while it is open
    connection.pragma('query_only = ON');
    expect(() => journal.reserveTokens(10)).toThrow(/readonly/);
    connection.pragma('query_only = OFF');
    expect(settingsOf(journal).synchronous).toBe(LEVELS[durability]);
    journal.close();
  });
});

describe('the files of a journal', () => {
  test('being these, and for their owner alone', () => {
    const path = `${freshFolder()}/journal.db`;
    const journal = openSqliteJournal({ path });
    journal.recover(1);
    write(journal);
    const names = ['journal.db', 'journal.db-lock', 'journal.db-shm', 'journal.db-wal'];
    expect(readdirSync(dirname(path)).sort()).toEqual(names);
    for (const name of names) {
      expect(statSync(`${dirname(path)}/${name}`).mode & 0o777).toBe(0o600);
    }
    journal.close();
    expect(readdirSync(dirname(path)).sort()).toEqual(['journal.db', 'journal.db-lock']);
  });
});
