/**
 * The schema of a journal in SQLite: its version, and the step from each version to the next.
 *
 * Tables hold what is, not what was: a slot's row is there while it is held. Rows are found by their
 * token, which rises, so what is granted is written at the end of a table. Each row has a checksum over
 * its columns, because most single bit flips pass SQLite's own check.
 */
import type { Connection } from './sqlite-connection.ts';

/** Says in the file's header that it is a journal of ours: "SLKJ". */
export const APPLICATION_ID = 0x534c4b4a;

/** The statements that lead from the version of their place to the next one. Never changed, only added to. */
const STEPS: readonly string[] = [
  `
  CREATE TABLE sessions (
    token      INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    life       TEXT NOT NULL CHECK (life IN ('process', 'durable')),
    owner      TEXT,
    labels     TEXT,
    lease_ms   REAL,
    granted_at INTEGER NOT NULL,
    checksum   INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE runs (
    token      INTEGER PRIMARY KEY,
    run_id     TEXT NOT NULL,
    session_id TEXT NOT NULL,
    life       TEXT NOT NULL CHECK (life IN ('process', 'command')),
    owner      TEXT,
    kind       TEXT,
    labels     TEXT,
    lease_ms   REAL,
    granted_at INTEGER NOT NULL,
    checksum   INTEGER NOT NULL
  ) STRICT;

  -- When a session that outlives its process last had a run.
  CREATE TABLE activity (
    token          INTEGER PRIMARY KEY,
    last_active_at INTEGER NOT NULL,
    checksum       INTEGER NOT NULL
  ) STRICT;

  -- Bounded: the oldest go first. run_id is null for a session; slot_checksum is the row's own.
  CREATE TABLE ended (
    place         INTEGER PRIMARY KEY,
    token         INTEGER NOT NULL,
    run_id        TEXT,
    session_id    TEXT NOT NULL,
    life          TEXT NOT NULL,
    owner         TEXT,
    kind          TEXT,
    labels        TEXT,
    lease_ms      REAL,
    granted_at    INTEGER NOT NULL,
    slot_checksum INTEGER NOT NULL,
    reason        TEXT NOT NULL,
    ended_at      INTEGER NOT NULL,
    checksum      INTEGER NOT NULL
  ) STRICT;

  -- Single values as JSON: next_token, limits, limits_change, boot, probe.
  CREATE TABLE facts (
    name     TEXT PRIMARY KEY,
    value    TEXT NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- What a session that outlives its process is to be told again.
  CREATE TABLE terms (
    token    INTEGER PRIMARY KEY,
    terms    TEXT NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT;

  -- What was said of an end. It counts in the checksum where it is there.
  ALTER TABLE ended ADD COLUMN note TEXT;
  `,
  `
  -- Work that waits for its slot. Found by its run, whose id is the one thing that stays the same.
  CREATE TABLE waiting (
    run_id     TEXT PRIMARY KEY,
    place      INTEGER NOT NULL,
    session_id TEXT NOT NULL,
    owner      TEXT,
    kind       TEXT,
    labels     TEXT,
    priority   INTEGER NOT NULL,
    lease_ms   REAL,
    work_order TEXT NOT NULL,
    queued_at  INTEGER NOT NULL,
    expires_at INTEGER,
    checksum   INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
];

export const SCHEMA_VERSION = STEPS.length;

/** What `PRAGMA quick_check` takes as given: the text of each table, by which SQLite reads its rows. */
export function tablesOf(connection: Connection): ReadonlyMap<string, string> {
  const rows = connection.prepare(TABLES).raw().all() as [name: string, sql: string][];
  return new Map(rows);
}

const TABLES = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name";

/** The steps from a version to the present one. */
export function stepsFrom(version: number): readonly string[] {
  return STEPS.slice(version);
}
