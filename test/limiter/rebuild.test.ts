/**
 * Tables that disagree with themselves after a crash are built anew from the journal.
 */
import { describe, expect, test } from 'vitest';
import { type DurableJournal, exit, startConcurrencyLimiter, sys } from '../../src/index.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import type { RunEntry, SessionEntry } from '../../src/slots/entries.ts';
import { violations } from '../../src/slots/invariants.ts';
import type { SlotTables } from '../../src/slots/slot-tables.ts';
import { recordEvents, settle } from '../../src/testing.ts';
import { freshPlace } from '../support/journal-places.ts';

const FOR_EVER = { waitTimeoutMs: Infinity };

/** What a fault of memory, or of ours, could have done to the tables. */
const damages: Readonly<Record<string, (tables: SlotTables) => void>> = {
  'a count that is wrong': (tables) => tables.runGate.count(-1),
  'a run that is lost': (tables) => tables.runs.remove(tables.runs.get('r1') as RunEntry),
  'a session that is lost': (tables) =>
    tables.sessions.remove(tables.sessions.get('s') as SessionEntry),
  'a wait that is not counted': (tables) => {
    tables.waitingRuns = 0;
  },
  'nothing left at all, and a count that is wrong': (tables) => {
    tables.clear();
    tables.waitingRuns = 1;
  },
};

async function arrange(journal: 'memory' | { path: string } | DurableJournal) {
  const limits = { maxParallelRuns: 2 };
  const limiter = await startConcurrencyLimiter({ limits, journal });
  const session = await limiter.acquireSessionSlot('s', { owner: 'alice', leaseMs: 60_000 });
  const runs = [
    await limiter.acquireRunSlot('s', 'r1', { owner: 'bob', kind: 'agent' }),
    await limiter.acquireRunSlot('other', 'r2'),
  ];
  const waiters = ['w1', 'w2'].map((id) => limiter.acquireRunSlot('s', id, FOR_EVER));
  await settle();
  const { tables } = (await sys.getState(limiter.ref)) as unknown as { tables: SlotTables };
  return { limiter, session, runs, waiters, tables };
}

describe('tables that are wrong after a crash', () => {
  test.each(Object.keys(damages))('being built from the journal: %s', async (damage) => {
    using recorder = recordEvents();
    const { limiter, session, runs, waiters, tables } = await arrange({ path: freshPlace() });
    damages[damage]?.(tables);
    exit(limiter.ref, new Error('fire'));
    await settle();
    expect(limiter.getStatus()).toMatchObject({ activeSessions: 1, activeRuns: 2, waitingRuns: 2 });
    expect(violations(tables)).toEqual([]);
    expect(recorder.events.map(({ type }) => type)).toContain('tables_rebuilt');

    expect(await runs[0]?.release()).toEqual({ sessions: 0, runs: 1, waiters: 0 });
    expect((await waiters[0])?.runId).toBe('w1');
    expect(await runs[1]?.release()).toEqual({ sessions: 0, runs: 1, waiters: 0 });
    expect((await waiters[1])?.runId).toBe('w2');
    expect(await session.release()).toEqual({ sessions: 1, runs: 2, waiters: 0 });
    expect(limiter.getStatus()).toMatchObject({ activeSessions: 0, activeRuns: 0 });
    expect(violations(tables)).toEqual([]);
    await limiter.stop();
  });

  test('leaving out what has ended and is not written yet', async () => {
    const real = openSqliteJournal({ path: freshPlace() });
    const full = { is: false };
    const commit: DurableJournal['commit'] = (changes) => {
      if (full.is) throw new Error('the disk is full');
      real.commit(changes);
    };
    const journal = Object.create(real, { commit: { value: commit } }) as DurableJournal;
    const { limiter, runs, waiters, tables } = await arrange(journal);
    const outcomes = Promise.allSettled(waiters);
    full.is = true;
    await runs[0]?.release();
    damages['a count that is wrong']?.(tables);
    exit(limiter.ref, new Error('fire'));
    await settle();
    expect(limiter.getStatus()).toMatchObject({ storage: 'degraded', activeRuns: 1 });
    expect(await runs[1]?.release()).toEqual({ sessions: 0, runs: 1, waiters: 0 });
    expect(limiter.getStatus()).toMatchObject({ activeRuns: 0, waitingRuns: 0 });
    // Who waited was asked again, and is answered as whoever asks now.
    const refusal = { status: 'rejected', reason: { code: 'storage_unavailable' } };
    expect(await outcomes).toMatchObject([refusal, refusal]);
    full.is = false;
    await limiter.stop();
  });

  test('keeping token, owner, kind and labels of what was lost', async () => {
    const { limiter, waiters, tables } = await arrange({ path: freshPlace() });
    const before = [...limiter.list({ state: 'held' })];
    damages['nothing left at all, and a count that is wrong']?.(tables);
    exit(limiter.ref, new Error('fire'));
    await settle();
    const rowOf = (row: { readonly token: number | null }) => ({ ...row, sinceAt: 0 });
    expect([...limiter.list({ state: 'held' })].map(rowOf)).toEqual(before.map(rowOf));
    await limiter.stop();
    await Promise.allSettled(waiters);
  });

  test('ending a limiter that has no journal on disk', async () => {
    const { limiter, waiters, tables } = await arrange('memory');
    damages['a count that is wrong']?.(tables);
    const outcomes = Promise.allSettled(waiters);
    exit(limiter.ref, new Error('fire'));
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(limiter.getStatus().state).toBe('stopped');
  });
});
