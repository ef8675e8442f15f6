/**
 * A batch that is larger than SQLite's cache: a kill in the middle of it leaves a log without it, and not
 * one that looks damaged.
 */
import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { JournalChange } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { freshPlace } from '../support/journal-places.ts';

/** More than the 16 MB that the driver keeps in memory by itself. */
const SESSIONS = 40;
const LONG = 'x'.repeat(500_000);

function granted(token: number): JournalChange {
  const slot = {
    sessionId: `s${token}`,
    life: 'durable',
    owner: undefined,
    labels: { LONG },
    terms: undefined,
  } as const;
  return { type: 'session_slot_granted', token, ...slot, leaseMs: undefined, grantedAt: token };
}

test('nothing of a batch being in the log before the whole of it is', () => {
  const path = freshPlace();
  const journal = openSqliteJournal({ path });
  journal.recover(0);
  journal.reserveTokens(SESSIONS);
  const logBytes = () => statSync(`${path}-wal`).size;
  const before = logBytes();
  let atItsEnd = 0;
  const last: JournalChange = {
    get type() {
      atItsEnd = logBytes();
      return 'limits_changed' as const;
    },
    limits: {},
    change: undefined,
  };
  const grants = Array.from({ length: SESSIONS }, (_, at) => granted(at + 1));
  journal.commit([...grants, last]);
  expect(atItsEnd).toBe(before);
  expect(logBytes()).toBeGreaterThan(SESSIONS * LONG.length);
  journal.close();
});
