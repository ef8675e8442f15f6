/**
 * What stands in a journal, read and checked before a byte of it is changed.
 *
 * The connection is read-only: one that may write would, by opening and closing a damaged file, already
 * have written its log into it and removed it.
 */

import type { LimitChanges } from '../slots/index.ts';
import { type Boot, isSameMachineBoot } from './boot.ts';
import type { Column } from './checksum.ts';
import type { ClosedSession, EndedRun, LimitsChange, WaitingRecord } from './journal.ts';
import { journalCorrupt, journalTooNew, journalUnavailable } from './journal-faults.ts';
import type { Connect, Connection } from './sqlite-connection.ts';
import { closedIn, endedRunsIn, isEndedIntact } from './sqlite-ended.ts';
import { isIntact, limitsChangeOf, limitsOf, type RunRow, type SessionRow } from './sqlite-rows.ts';
import { SCHEMA_VERSION, stepsFrom, tablesOf } from './sqlite-schema.ts';
import { type WaitingRow, waitingOf } from './sqlite-waiting.ts';
import { damageOfLog } from './wal-inspection.ts';

/** All that a journal holds of what is. */
export interface JournalContent {
  readonly version: number;
  readonly sessions: readonly SessionRow[];
  readonly runs: readonly RunRow[];
  /** When sessions were last active, by token. */
  readonly activity: ReadonlyMap<number, number>;
  /** What sessions are to be told again, by token. */
  readonly terms: ReadonlyMap<number, string>;
  /** Work that waits, in the order of its places. */
  readonly waiting: readonly WaitingRecord[];
  readonly closed: readonly ClosedSession[];
  readonly endedRuns: readonly EndedRun[];
  readonly limits: LimitChanges;
  readonly limitsChange: LimitsChange | undefined;
  readonly nextToken: number;
  /** The keeper that had it last, or has it. */
  readonly boot: Boot | undefined;
}

export interface InspectedFile {
  readonly path: string;
  /** Its log, where that is to be looked at too. */
  readonly walPath: string | undefined;
}

/** Throws `journal_corrupt`, `journal_schema_unsupported`, `journal_unavailable`. */
export function inspect(
  connection: Connection,
  file: InspectedFile,
  connect: Connect,
): JournalContent {
  try {
    checkSchema(connection, file.path, connect);
    return read(connection, file);
  } catch (error) {
    throw asFault(error, file.path);
  }
}

/** What SQLite says, as what it means for the file. */
export function asFault(error: unknown, path: string): unknown {
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return error;
  if (/^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(code)) {
    return journalCorrupt(path, 'is damaged', error);
  }
  const isFolder = /^SQLITE_(CANTOPEN|READONLY)/.test(code);
  return journalUnavailable(path, `cannot be used: ${isFolder ? NEEDS_FOLDER : LOOK}`, error);
}

const LOOK = 'look at its disk';
const NEEDS_FOLDER = "SQLite's -shm file beside it needs a folder that is writable";

/** A table whose text has changed is read wrongly, or takes nothing in. */
function checkSchema(connection: Connection, path: string, connect: Connect): void {
  const version = versionOf(connection);
  if (version > SCHEMA_VERSION) throw journalTooNew(path, version, SCHEMA_VERSION);
  if (version < 1) throw journalCorrupt(path, 'has no version');
  const found = tablesOf(connection);
  for (const [name, sql] of tablesAt(version, connect)) {
    if (found.get(name) !== sql) throw journalCorrupt(path, `has a damaged table ${name}`);
  }
}

/** The tables of a journal that has just been made with this version. */
function tablesAt(version: number, connect: Connect): ReadonlyMap<string, string> {
  const fresh = connect(':memory:', { readonly: false, timeoutMs: 0 });
  try {
    for (const step of stepsFrom(0).slice(0, version)) fresh.exec(step);
    return tablesOf(fresh);
  } finally {
    fresh.close();
  }
}

function versionOf(connection: Connection): number {
  return connection.pragma('user_version', { simple: true }) as number;
}

function read(connection: Connection, { path, walPath }: InspectedFile): JournalContent {
  const version = versionOf(connection);
  const found = connection.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw journalCorrupt(path, `is damaged (${String(found)})`);
  const damaged = (what: string) => journalCorrupt(path, what);
  // What an older version has not got yet is empty.
  const rowsOf = <Row extends readonly Column[]>(table: string, since = 1): Row[] => {
    if (version < since) return [];
    const rows = connection.prepare(`SELECT * FROM ${table} ORDER BY 1`).raw().all() as Row[];
    if (!rows.every(isIntact)) throw damaged(`has a damaged row in ${table}`);
    return rows;
  };
  const sessions = rowsOf<SessionRow>('sessions');
  const runs = rowsOf<RunRow>('runs');
  const activity = rowsOf<readonly [number, number, number]>('activity');
  const facts = new Map(
    rowsOf<readonly [string, string, number]>('facts').map(([name, value]) => [name, value]),
  );
  const isOld = version < 2;
  const terms = rowsOf<readonly [number, string, number]>('terms', 2);
  const waiting = rowsOf<WaitingRow>('waiting', 3).map(waitingOf);
  if (!isEndedIntact(connection, isOld)) throw damaged('has a damaged row in ended');
  const boot = JSON.parse(facts.get('boot') ?? 'null') as Boot | null; // as it was written, unharmed
  const nextToken = Number(facts.get('next_token') ?? 1);
  const content = {
    version,
    sessions,
    runs,
    activity: new Map(activity.map(([token, at]) => [token, at])),
    terms: new Map(terms.map(([token, text]) => [token, text])),
    waiting: waiting.sort((one, other) => one.place - other.place),
    closed: isOld ? [] : closedIn(connection),
    endedRuns: isOld ? [] : endedRunsIn(connection),
    limits: limitsOf(facts.get('limits') ?? '{}'),
    limitsChange: limitsChangeOf(facts.get('limits_change') ?? 'null'),
    nextToken,
    boot: boot ?? undefined,
  };
  const contradiction = contradictionIn(content);
  if (contradiction) throw damaged(contradiction);
  const tells = boot !== null && (boot.durability === 'power' || isSameMachineBoot(boot));
  const damage = tells && walPath !== undefined ? damageOfLog(walPath) : undefined;
  if (damage) throw damaged(damage);
  return content;
}

/** What no journal says, whatever was written into it. */
function contradictionIn({
  sessions,
  runs,
  waiting,
  nextToken,
}: JournalContent): string | undefined {
  if (new Set(sessions.map(([, id]) => id)).size < sessions.length) {
    return 'contradicts itself: a session is held twice';
  }
  if (new Set(runs.map(([, id]) => id)).size < runs.length) {
    return 'contradicts itself: a run is held twice';
  }
  const held = new Set(runs.map(([, id]) => id));
  if (waiting.some(({ runId }) => held.has(runId))) {
    return 'contradicts itself: a run waits that is held';
  }
  const last = Math.max(sessions.at(-1)?.[0] ?? 0, runs.at(-1)?.[0] ?? 0);
  return last >= nextToken ? 'contradicts itself: a token was never reserved' : undefined;
}
