/**
 * The locks of a live keeper stay, whatever else its own process does with the file: POSIX gives back
 * all locks on a file when any handle on it is closed. `npm test` builds first: the other process runs
 * the built package.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startConcurrencyLimiter } from '../../src/index.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import type { Limiter } from '../support/callers.ts';
import { failureOfStart } from '../support/journal-files.ts';
import { freshPlace } from '../support/journal-places.ts';
import { StorageStage } from '../support/storage-stage.ts';

const PROGRAM = join(import.meta.dirname, '..', 'support', 'outside-keeper.mjs');

let path: string;
let keeper: Limiter;

beforeEach(async () => {
  path = freshPlace();
  keeper = await startConcurrencyLimiter({ journal: { path } });
});

afterEach(() => keeper.stop());

function outside(act: 'start' | 'visit'): string {
  return execFileSync(process.execPath, [PROGRAM, path, act], { encoding: 'utf8' }).trim();
}

describe('a journal that a keeper has', () => {
  test('being refused to a keeper of another process', () => {
    expect(outside('start')).toBe('journal_in_use');
  });

  test('being refused there also after this process has tried to start a second keeper', async () => {
    const failure = await failureOfStart(path);
    expect(failure).toMatchObject({ code: 'journal_in_use' });
    expect(failure.message).toContain(`process ${process.pid}`);
    expect(outside('start')).toBe('journal_in_use');
  });

  test('keeping its log when this process has read it and another visits it', async () => {
    await keeper.acquireSessionSlot('s', { durable: true });
    readJournal(path);
    await failureOfStart(path);
    expect(outside('visit')).toBe('done');
    expect(existsSync(`${path}-wal`)).toBe(true);
    await keeper.acquireSessionSlot('t', { durable: true });
    expect(readJournal(path).sessions.map(({ sessionId }) => sessionId)).toEqual(['s', 't']);
  });

  test('being free for another process once the keeper has stopped', async () => {
    await keeper.stop();
    expect(outside('start')).toBe('done');
  });
});

describe('a lock that somebody removes', () => {
  test('being taken anew', async () => {
    await using stage = await StorageStage.open();
    rmSync(`${stage.path}-lock`);
    await stage.advance(1_000);
    expect(stage.limiter.getStatus().storage).toBe('ok');
    expect(await failureOfStart(stage.path)).toMatchObject({ code: 'journal_in_use' });
  });

  test('leaving the journal to who has come meanwhile', async () => {
    await using stage = await StorageStage.open();
    rmSync(`${stage.path}-lock`);
    const other = await startConcurrencyLimiter({ journal: { path: stage.path } });
    await stage.advance(60_000);
    expect(stage.limiter.getStatus().storage).toBe('degraded');
    expect(stage.events.events[0]).toMatchObject({ reason: expect.stringContaining('in use by') });
    await other.acquireSessionSlot('theirs', { durable: true });
    await other.stop();
    await stage.advance(5_000);
    const refused = stage.limiter.acquireSessionSlot('mine', { durable: true });
    await expect(refused).rejects.toMatchObject({ code: 'storage_unavailable' });
  });
});
