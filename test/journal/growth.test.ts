/**
 * The log (-wal) of a journal: it does not grow without bound, also while somebody reads now and then.
 */
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { start } from '../support/callers.ts';
import { freshPlace } from '../support/journal-places.ts';

const TURNS = 500;
const PAIRS_IN_TURN = 100;
/** What a log is cut to once it was written back, and what comes before it is. */
const LONGEST_BYTES = 17 * 2 ** 20;

test('fifty thousand pairs, with a reader who stays for some turns', async () => {
  const path = freshPlace();
  const limits = { maxParallelRuns: Infinity };
  await using limiter = await start(limits, { journal: { path } });
  const reader = new Database(path, { readonly: true });
  const sizes: number[] = [];
  for (let turn = 0; turn < TURNS; turn += 1) {
    if (turn % 50 === 10) reader.exec('BEGIN; SELECT count(*) FROM runs');
    if (turn % 50 === 15) reader.exec('COMMIT');
    if (turn % 50 === 30) expect(readJournal(path).runs).toEqual([]);
    const ids = Array.from({ length: PAIRS_IN_TURN }, (_, index) => `${turn}-${index}`);
    await Promise.all(ids.map((id) => limiter.acquireRunSlot('s', id)));
    await Promise.all(ids.map((id) => limiter.releaseRunSlot(id)));
    sizes.push(statSync(`${path}-wal`).size);
  }
  reader.close();
  expect(Math.max(...sizes)).toBeLessThan(LONGEST_BYTES);
  expect(sizes.at(-1)).toBe(Math.max(...sizes.slice(0, TURNS / 2)));
});
