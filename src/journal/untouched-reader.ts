/**
 * Reads a journal that nobody has, and leaves its folder as it is. SQLite puts files of its own beside what it
 * reads, so what is read is a copy, which is gone then.
 */
import { constants, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { journalInUse, journalUnavailable } from './journal-faults.ts';
import { JournalFile } from './journal-file.ts';
import { type JournalReport, reportOf } from './journal-reader.ts';
import { asFault } from './sqlite-inspection.ts';
import { connect } from './sqlite-journal.ts';
import { isLocked } from './sqlite-lock.ts';

/**
 * `undefined` when there is none. Throws `journal_in_use`, `journal_corrupt`, `journal_schema_unsupported`,
 * `journal_unavailable`, as opening it would.
 */
export function readUntouched(path: string): JournalReport | undefined {
  const file = new JournalFile(path);
  if (!file.exists()) return undefined;
  if (isLocked(file, connect)) throw journalInUse(file.path, undefined);
  const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-check-'));
  try {
    return readCopy(file, join(folder, 'journal.db'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readCopy(file: JournalFile, copy: string): JournalReport {
  const walPath = `${copy}-wal`;
  copied(file, copy, walPath);
  try {
    const connection = connect(copy, { readonly: true, timeoutMs: 0 });
    try {
      return reportOf(connection, { path: file.path, walPath }, false);
    } finally {
      connection.close();
    }
  } catch (error) {
    throw asFault(error, file.path);
  }
}

function copied(file: JournalFile, copy: string, walPath: string): void {
  try {
    // What is not written to needs no second place on the disk, where the file system knows of that.
    copyFileSync(file.path, copy, constants.COPYFILE_FICLONE);
    if (existsSync(file.walPath)) copyFileSync(file.walPath, walPath, constants.COPYFILE_FICLONE);
  } catch (cause) {
    throw journalUnavailable(file.path, 'cannot be read: look at its rights', cause);
  }
}
