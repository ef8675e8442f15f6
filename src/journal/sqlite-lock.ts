/**
 * The lock of a journal: a file beside it in which a transaction stays open as long as the keeper lives.
 *
 * The system takes the lock back when the process ends, whatever ends it, and it keeps out a second
 * keeper in the same process too. The journal itself is not locked, so that it can be read.
 */
import { journalInUse, journalUnavailable } from './journal-faults.ts';
import type { JournalFile } from './journal-file.ts';
import type { Connect, Connection } from './sqlite-connection.ts';

/** For readers, who have a share of the lock for the moment in which they look whether it is free. */
const READERS_TIMEOUT_MS = 500;

/** Throws `journal_in_use`. The lock is given back by closing the connection. */
export function lock(
  file: JournalFile,
  connect: Connect,
  holderPid: () => number | undefined,
): Connection {
  file.touchLock();
  if (isLocked(file, connect)) throw journalInUse(file.path, holderPid()); // no need to wait
  try {
    return takeLock(connect(file.lockPath, { readonly: false, timeoutMs: READERS_TIMEOUT_MS }));
  } catch (error) {
    if (isBusy(error)) throw journalInUse(file.path, holderPid());
    throw journalUnavailable(file.path, `cannot be locked: look at ${file.lockPath}`, error);
  }
}

function takeLock(connection: Connection): Connection {
  try {
    // Nothing is ever written there; a journal on disk would lie beside it.
    connection.pragma('journal_mode = MEMORY');
    connection.exec('BEGIN EXCLUSIVE');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Whether a keeper has the lock of a journal. */
export function isLocked(file: JournalFile, connect: Connect): boolean {
  try {
    const connection = connect(file.lockPath, { readonly: true, timeoutMs: 0 });
    try {
      connection.prepare('SELECT 1 FROM sqlite_master').get();
      return false;
    } finally {
      connection.close();
    }
  } catch (error) {
    return isBusy(error);
  }
}

function isBusy(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY');
}
