/**
 * How often a journal is written: once in a turn, and not at all for what changes nothing.
 */
import { expect, test } from 'vitest';
import type { JournalChange } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { settle } from '../../src/testing.ts';
import { attempt, outcomes, start, tryAsk, wait } from '../support/callers.ts';
import { freshPlace } from '../support/journal-places.ts';

/** A limiter of 500 runs on a file; each batch that is committed is remembered with its size. */
async function arrange() {
  const journal = openSqliteJournal({ path: freshPlace() });
  const sizes: number[] = [];
  const commit = journal.commit.bind(journal);
  journal.commit = (changes: readonly JournalChange[]) => {
    sizes.push(changes.length);
    commit(changes);
  };
  const limiter = await start({ maxParallelRuns: 500, maxParallelSessions: 1 }, { journal });
  const ids = Array.from({ length: 500 }, (_, index) => `r${index}`);
  await settle(); // a turn has a share of messages between two tasks
  return { limiter, sizes, ids, [Symbol.asyncDispose]: () => limiter.stop() };
}

test('five hundred callers in one tick being one commit', async () => {
  await using stage = await arrange();
  const { limiter, sizes, ids } = stage;
  await Promise.all(ids.map((id) => limiter.acquireRunSlot('s', id)));
  expect(sizes).toEqual([500]);
  await Promise.all(ids.map((id) => limiter.releaseRunSlot(id)));
  expect(sizes).toEqual([500, 500]);
});

test('five hundred handles that are given back in one tick being one commit', async () => {
  await using stage = await arrange();
  const { limiter, sizes, ids } = stage;
  const slots = await Promise.all(ids.map((id) => limiter.acquireRunSlot('s', id)));
  await Promise.all(slots.map((slot) => slot.release()));
  expect(sizes).toEqual([500, 500]);
});

test('refusals, repeats, waits, joins, conflicts and releases of nothing being no commit', async () => {
  await using stage = await arrange();
  const { limiter, sizes, ids } = stage;
  await limiter.acquireSessionSlot('s');
  await Promise.all(ids.map((id) => limiter.acquireRunSlot('s', id)));
  sizes.length = 0;
  const asked = [
    ...ids.map((id) => attempt(limiter.acquireRunSlot('s', id))),
    attempt(limiter.acquireRunSlot('s', 'one too many')),
    attempt(limiter.acquireRunSlot('other', 'r1')),
    attempt(limiter.acquireSessionSlot('other')),
    attempt(limiter.releaseRunSlot('nobody')),
    attempt(limiter.releaseRunSlot('r1', { token: 1 })),
    wait(limiter, ['s', 'w']),
    wait(limiter, ['s', 'w']),
  ];
  await settle();
  const repeats = ids.map(() => 'granted');
  const refusals = ['max_runs_exceeded', 'run_id_conflict', 'max_sessions_exceeded'];
  const rest = ['granted', 'granted', 'waiting', 'waiting'];
  expect(outcomes(asked)).toEqual([...repeats, ...refusals, ...rest]);
  tryAsk(limiter, ['s', 'one too many']);
  await limiter.releaseRunSlot('w');
  await limiter.setLimits({ maxParallelRuns: 500 });
  expect(sizes).toEqual([1]);
});

test('a slot that is acquired and given back in one tick being one commit', async () => {
  await using stage = await arrange();
  const { limiter, sizes } = stage;
  await Promise.all([limiter.acquireRunSlot('s', 'r'), limiter.releaseRunSlot('r')]);
  expect(sizes).toEqual([2]);
});
