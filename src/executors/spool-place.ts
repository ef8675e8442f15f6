/**
 * Where the attempts of a keeper have their folders: a folder that no other keeper uses.
 *
 * One beside a journal, or one that is kept, is named for good. A temporary one is named for the process whose
 * it is, so that whoever finds it later can tell whether that process lives still; see `temporary-spool.ts`.
 */
import { createHash, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { temporaryName } from './temporary-spool.ts';

/** What decides about the place. */
export interface SpoolOptions {
  /** As it was asked for. */
  readonly spoolDir: string | undefined;
  /** The file whose keeper it is, if it has one. */
  readonly journal: string | undefined;
  /** Whether it is to be gone when the keeper has stopped. */
  readonly isTemporary: boolean;
}

export function spoolPlace({ spoolDir, journal, isTemporary }: SpoolOptions): string {
  if (journal === undefined) {
    return join(resolve(spoolDir ?? tmpdir()), isTemporary ? temporaryName() : keptName());
  }
  const path = resolve(journal);
  if (spoolDir === undefined) return `${path}.spool`;
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 12);
  return join(resolve(spoolDir), `${basename(path)}-${hash}`);
}

function keptName(): string {
  return `slotkeeper-${process.pid}-${randomUUID().slice(0, 8)}`;
}
