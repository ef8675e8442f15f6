/**
 * Every adapter keeps the laws of the journal.
 */
import { describe, test } from 'vitest';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { journalLaws } from '../../src/testing.ts';
import { freshPlace } from '../support/journal-places.ts';

describe('the memory journal', () => {
  test.each(journalLaws)('$name', ({ prove }) => prove(() => memoryJournal));
});

describe.each(['process', 'power'] as const)('the SQLite journal, durability %s', (durability) => {
  test.each(journalLaws)('$name', ({ prove }) => {
    const path = freshPlace();
    prove(() => openSqliteJournal({ path, durability }));
  });
});
