/**
 * What can be wrong with a journal, as coded faults that name the file and say what to do.
 */
import { SlotkeeperError } from '../fault.ts';

export const journalFaultCodes = {
  journal_corrupt: 'The file is no journal, or damaged; it is left as it is',
  journal_in_use: 'Another keeper, in this process or another, has the journal',
  journal_schema_unsupported: 'The journal was written by a newer version',
  journal_unavailable:
    'The journal cannot be opened or written: folder, rights, disk, or it was moved',
} as const;

export type JournalFaultCode = keyof typeof journalFaultCodes;

export function journalCorrupt(path: string, what: string, cause?: unknown): SlotkeeperError {
  const text = `The journal ${path} ${what}. Nothing was changed. ${WAYS_OUT}`;
  return new SlotkeeperError('journal_corrupt', text, { path, what }, cause);
}

const WAYS_OUT =
  'Restore a backup of it, or move it and the files beside it (-wal, -shm) away to begin a new one';

/** `pid`: who has it, as far as is known; information only. */
export function journalInUse(path: string, pid: number | undefined): SlotkeeperError {
  const who = pid === undefined ? 'another keeper' : `the keeper of process ${pid}`;
  const text = `The journal ${path} is in use by ${who}; stop it, or give this one a journal of its own`;
  return new SlotkeeperError('journal_in_use', text, { path, pid });
}

export function journalTooNew(path: string, found: number, known: number): SlotkeeperError {
  const text = `The journal ${path} has schema version ${found}, this slotkeeper knows versions up to ${known}. Nothing was changed. Use the version that wrote it, or a newer one`;
  return new SlotkeeperError('journal_schema_unsupported', text, { path, found, known });
}

export function journalUnavailable(path: string, what: string, cause?: unknown): SlotkeeperError {
  const because = cause instanceof Error ? ` (${cause.message})` : '';
  const text = `The journal ${path} ${what}${because}`;
  return new SlotkeeperError('journal_unavailable', text, { path, what }, cause);
}
