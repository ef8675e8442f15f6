/**
 * Journals as files: one that is filled, what one says, what lies beside it, and what a start makes of it.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect } from 'vitest';
import { startConcurrencyLimiter } from '../../src/index.ts';
import type { JournalChange, Recovered } from '../../src/journal/journal.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { freshFolder } from './journal-places.ts';

const AT = 1_700_000_000_000;

/** Makes a journal with rows on many pages in every table, which its keeper has closed. */
export function makeFilledJournal(path: string): void {
  const journal = openSqliteJournal({ path });
  journal.recover(AT);
  const first = journal.reserveTokens(1_000_000);
  const change = { at: AT, by: 'alice' };
  journal.commit([{ type: 'limits_changed', limits: { maxParallelRuns: 7 }, change }]);
  for (let batch = 0; batch < 4; batch += 1) journal.commit(batchOf(first + batch * 300));
  journal.close();
}

/** A hundred sessions with a run each; some have been active, some have ended. */
function batchOf(first: number): JournalChange[] {
  return Array.from({ length: 100 }, (_, index) => changesOf(first + index * 2)).flat();
}

function changesOf(token: number): JournalChange[] {
  const slot = { owner: `owner-${token % 7}`, labels: { of: `${token}` }, grantedAt: AT };
  const sessionId = `session-${token}`;
  const terms = token % 5 === 0 ? `terms of ${token}` : undefined;
  const session = {
    sessionId,
    token,
    life: 'durable' as const,
    leaseMs: undefined,
    terms,
    ...slot,
  };
  const run = { sessionId, runId: `run-${token}`, token: token + 1, life: 'command' as const };
  const note = token % 8 === 0 ? `note of ${token}` : undefined;
  const end = { token: token + 1, reason: 'expired' as const, at: AT, isKept: true, note };
  const more: JournalChange[] = [];
  if (token % 4 === 0) more.push({ type: 'run_slot_ended', ...end });
  if (token % 3 === 0) more.push({ type: 'session_active', token, at: AT + token });
  const wait = { runId: `waiting-${token}`, place: token, sessionId, order: `order of ${token}` };
  const expiresAt = token % 7 === 0 ? undefined : AT + token;
  const queued = { ...wait, ...slot, kind: undefined, leaseMs: undefined, queuedAt: AT, expiresAt };
  const waiting = { ...queued, priority: (token % 9) - 4 };
  if (token % 6 < 2) more.push({ type: 'run_queued', ...waiting });
  if (token % 18 === 0) {
    const over = { reason: 'interrupted' as const, at: AT, isKept: true as const, note };
    more.push({ type: 'run_wait_ended', runId: waiting.runId, ...over });
  }
  return [
    { type: 'session_slot_granted', ...session },
    { type: 'run_slot_granted', ...run, ...slot, kind: 'tool', leaseMs: 1.5, order: terms },
    ...more,
  ];
}

/** The bytes of a filled journal. */
export function bytesOfFilledJournal(): Buffer {
  const path = join(freshFolder(), 'filled.db');
  makeFilledJournal(path);
  return readFileSync(path);
}

/** What the next keeper finds and what a reader reads: all that a journal says. */
export interface Said {
  readonly recovered: Recovered;
  readonly nextToken: number;
  readonly report: unknown;
}

/** Opens a journal as a start does, writes in it, and closes it. Throws what a start throws. */
export function openAndAsk(path: string): Said {
  const journal = openSqliteJournal({ path });
  try {
    const recovered = journal.recover(AT + 5_000);
    const nextToken = journal.reserveTokens(1);
    const { path: _path, boot: _boot, isInUse: _isInUse, ...report } = readJournal(path);
    journal.commit(changesOf(nextToken * 12));
    return { recovered, nextToken, report };
  } finally {
    journal.close();
  }
}

/** The files of a folder, each with the hash of its bytes. */
export function filesIn(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(entries.map(({ name }) => [name, hashOf(join(folder, name))]));
}

export function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Puts a file with these bytes into a folder of its own. */
export function fileOf(bytes: Buffer | string, name = 'journal.db'): string {
  const path = join(freshFolder(), name);
  writeFileSync(path, bytes);
  return path;
}

/** The error that the start of a limiter on this journal ends with. */
export async function failureOfStart(path: string): Promise<Error & { code?: string }> {
  try {
    const limiter = await startConcurrencyLimiter({ journal: { path } });
    await limiter.stop();
  } catch (error) {
    return error as Error; // nothing else is thrown
  }
  throw new Error(`Expected the start on ${path} to fail`);
}

/** A start fails with this code and a message that names the file; every file is as it was before. */
export async function expectUntouchedBy(path: string, code: string): Promise<Error> {
  const before = filesIn(dirname(path));
  const failure = await failureOfStart(path);
  expect(failure).toMatchObject({ code, message: expect.stringContaining(path) });
  expectUntouched(path, before);
  return failure;
}

/** What was there is there, byte by byte, and nothing else but what SQLite needs beside it. */
export function expectUntouched(path: string, before: Record<string, string>): void {
  const after = filesIn(dirname(path));
  const name = basename(path);
  for (const ending of ['-lock', '-shm']) {
    if (!(`${name}${ending}` in before)) delete after[`${name}${ending}`];
    else after[`${name}${ending}`] = before[`${name}${ending}`] ?? '';
  }
  expect(withoutEmptyLog(after, before, `${path}-wal`)).toEqual(before);
}

/** A read-only connection leaves an empty log; who reads it finds nothing in it. */
function withoutEmptyLog(
  after: Record<string, string>,
  before: Record<string, string>,
  walPath: string,
): Record<string, string> {
  const { [basename(walPath)]: log, ...rest } = after;
  const isNew = log !== undefined && !(basename(walPath) in before);
  return isNew && statSync(walPath).size === 0 ? rest : after;
}
