/**
 * What has ended, as a journal in SQLite tells of it: closed sessions and ended runs, for whoever comes next,
 * and every end for whoever reads it.
 *
 * A row has two checksums: of the slot as it was held, and of its end.
 */
import { type Column, checksumOf, endChecksum } from './checksum.ts';
import type { ClosedSession, EndedRun } from './journal.ts';
import type { JournalledEnd } from './journalled-slot.ts';
import type { Connection } from './sqlite-connection.ts';
import { labelsOf } from './sqlite-rows.ts';

const SLOT_COLUMNS = 'token, run_id, session_id, life, owner, kind, labels, lease_ms, granted_at';
const NAMED = `session_id AS sessionId, run_id AS runId, token, life, owner, kind, labels,
  lease_ms AS leaseMs, granted_at AS grantedAt, reason, ended_at AS endedAt`;

/** `isOld`: the first version has no notes. */
export function isEndedIntact(connection: Connection, isOld: boolean): boolean {
  const rows = connection
    .prepare(`SELECT ${SLOT_COLUMNS}, slot_checksum, run_id IS NULL, reason, ended_at, ${noteIn(isOld)},
              checksum FROM ended`)
    .raw()
    .all() as Column[][]; // as the schema says
  return rows.every(isWhole);
}

/** Durable sessions whose end was noted, in the order of their ends. */
export function closedIn(connection: Connection): ClosedSession[] {
  const rows = endsIn(connection, `run_id IS NULL AND life = 'durable' AND note IS NOT NULL`);
  return rows.map(({ token, sessionId, owner, labels, grantedAt, endedAt, note }) => {
    const said = { owner: owner ?? undefined, labels: labelsOf(labels) };
    return { token, sessionId, ...said, grantedAt, endedAt, note: note ?? '' };
  });
}

/** Runs of life `command`, in the order of their ends. */
export function endedRunsIn(connection: Connection): EndedRun[] {
  const rows = endsIn(connection, `run_id IS NOT NULL AND life = 'command'`);
  return rows.map(({ token, runId, sessionId, owner, kind, labels, note, ...row }) => {
    const { grantedAt, endedAt, reason } = row;
    const said = { owner: owner ?? undefined, kind: kind ?? undefined, labels: labelsOf(labels) };
    const end = { grantedAt, endedAt, reason, note: note ?? undefined };
    return { token, runId: runId ?? '', sessionId, ...said, ...end };
  });
}

/** All, newest first. */
export function allEndsIn(connection: Connection, isOld: boolean): JournalledEnd[] {
  const rows = connection
    .prepare(`SELECT ${NAMED}, ${noteIn(isOld)} FROM ended ORDER BY place DESC`)
    .all() as EndedRow[]; // as it is selected
  return rows.map((row) => ({ ...row, labels: labelsOf(row.labels) ?? {} }));
}

type EndedRow = Omit<JournalledEnd, 'labels'> & { readonly labels: string | null };

function endsIn(connection: Connection, which: string): EndedRow[] {
  const all = `SELECT ${NAMED}, note FROM ended WHERE ${which} ORDER BY place`;
  return connection.prepare(all).all() as EndedRow[]; // as it is selected
}

function noteIn(isOld: boolean): string {
  return isOld ? 'NULL AS note' : 'note';
}

function isWhole(row: readonly Column[]): boolean {
  const [token, runId, sessionId, life, owner, kind, labels, leaseMs, grantedAt] = row;
  const [slotChecksum, isSession, reason, endedAt, note, checksum] = row.slice(9);
  const columns = isSession
    ? [token, sessionId, life, owner, labels, leaseMs, grantedAt]
    : [token, runId, sessionId, life, owner, kind, labels, leaseMs, grantedAt];
  const isSlotIntact = checksumOf(columns as Column[]) === slotChecksum; // as many as are selected
  const end = [token, reason, endedAt] as [number, string, number]; // as the schema says
  return isSlotIntact && endChecksum(...end, note as string | null) === checksum; // likewise
}
