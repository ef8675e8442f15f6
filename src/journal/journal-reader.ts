/**
 * Reads a journal, whether or not somebody has it. Nothing of it is changed, and nobody waits for it.
 */
import type { Labels, LimitChanges, SlotLife } from '../slots/index.ts';
import type { Boot } from './boot.ts';
import type { LimitsChange, WaitingRecord } from './journal.ts';
import { journalUnavailable } from './journal-faults.ts';
import { JournalFile } from './journal-file.ts';
import type { JournalledEnd, JournalledSlot, JournalledWaiter } from './journalled-slot.ts';
import type { Connection } from './sqlite-connection.ts';
import { allEndsIn } from './sqlite-ended.ts';
import { asFault, type InspectedFile, inspect } from './sqlite-inspection.ts';
import { connect } from './sqlite-journal.ts';
import { isLocked } from './sqlite-lock.ts';
import { runOf, sessionOf } from './sqlite-rows.ts';

export type { JournalledEnd, JournalledSlot, JournalledWaiter };

/** All that a journal says. */
export interface JournalReport {
  readonly path: string;
  readonly schemaVersion: number;
  /** Whether a keeper has it now. If not, slots of life `process` end when the next one opens it. */
  readonly isInUse: boolean;
  /** The keeper that has it or had it last; `null` if there was none. */
  readonly boot: Boot | null;
  /** What `setLimits` has said; it stands above the start options. */
  readonly limits: LimitChanges;
  /** `null` when the limits were never changed. */
  readonly limitsChange: { readonly at: number; readonly by: string | null } | null;
  readonly sessions: readonly JournalledSlot[];
  readonly runs: readonly JournalledSlot[];
  /** Work of no process that waits for its slot: by priority, then in the order in which it came. */
  readonly waiting: readonly JournalledWaiter[];
  /** What has ended otherwise than by its holder's release, newest first. */
  readonly ended: readonly JournalledEnd[];
}

/** For keepers, who have the file to themselves for a moment when they open and close it. */
const KEEPERS_TIMEOUT_MS = 500;

/** Throws `journal_corrupt`, `journal_schema_unsupported`, `journal_unavailable`. */
export function readJournal(path: string): JournalReport {
  const file = new JournalFile(path);
  if (!file.exists()) throw journalUnavailable(file.path, 'is not there');
  const connection = open(file);
  try {
    return read(file, connection);
  } finally {
    connection.close();
  }
}

function open(file: JournalFile): Connection {
  try {
    return connect(file.path, { readonly: true, timeoutMs: KEEPERS_TIMEOUT_MS });
  } catch (error) {
    throw asFault(error, file.path);
  }
}

function read(file: JournalFile, connection: Connection): JournalReport {
  // One transaction: what is committed meanwhile is not half in it.
  connection.exec('BEGIN');
  const isInUse = isLocked(file, connect);
  // A log that is written just now cannot be told from a damaged one.
  const inspected = { path: file.path, walPath: isInUse ? undefined : file.walPath };
  return reportOf(connection, inspected, isInUse);
}

/** `file.path`: what faults call it. */
export function reportOf(
  connection: Connection,
  file: InspectedFile,
  isInUse: boolean,
): JournalReport {
  const content = inspect(connection, file, connect);
  const { version, boot, limits, limitsChange, sessions, runs, waiting } = content;
  return {
    path: file.path,
    schemaVersion: version,
    isInUse,
    boot: boot ?? null,
    limits,
    limitsChange: changeOf(limitsChange),
    sessions: sessions.map((row) => slotOf({ ...sessionOf(row) })),
    runs: runs.map((row) => slotOf({ ...runOf(row) })),
    waiting: waiting.map(waiterOf).sort((one, other) => other.priority - one.priority),
    ended: allEndsIn(connection, version < 2),
  };
}

function changeOf(change: LimitsChange | undefined): JournalReport['limitsChange'] {
  return change ? { at: change.at, by: change.by ?? null } : null;
}

function waiterOf(waiting: WaitingRecord): JournalledWaiter {
  const { sessionId, runId, owner = null, kind = null, labels = {}, priority } = waiting;
  const { queuedAt, expiresAt = null } = waiting;
  return { sessionId, runId, owner, kind, labels, priority, queuedAt, expiresAt };
}

interface Recorded {
  readonly sessionId: string;
  readonly runId?: string;
  readonly token: number;
  readonly life: SlotLife;
  readonly owner: string | undefined;
  readonly kind?: string | undefined;
  readonly labels: Labels | undefined;
  readonly leaseMs: number | undefined;
  readonly grantedAt: number;
}

function slotOf(slot: Recorded): JournalledSlot {
  const { sessionId, runId = null, token, life, owner = null, kind = null } = slot;
  const { labels = {}, leaseMs = null, grantedAt } = slot;
  return { sessionId, runId, token, life, owner, kind, labels, leaseMs, grantedAt };
}
