/**
 * The locks of a live keeper stay, whatever else its own process does with the file: POSIX gives back
 * all locks on a file when any handle on it is closed. `npm test` builds first: the other process runs
 * the built package.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startConcurrencyLimiter } from '../../src/index.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import type { Limiter } from '../support/callers.ts';
import { failureOfStart } from '../support/journal-files.ts';
import { freshPlace } from '../support/journal-places.ts';

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
