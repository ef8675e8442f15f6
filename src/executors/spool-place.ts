/**
 * Where the attempts of a keeper have their folders: a folder that no other keeper uses.
 */
import { createHash, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';

/** `journal`: the file whose keeper it is; without one the folder is gone when the keeper is stopped. */
export function spoolPlace(spoolDir: string | undefined, journal: string | undefined): string {
  if (journal === undefined) return join(resolve(spoolDir ?? tmpdir()), nameOfProcess());
  const path = resolve(journal);
  if (spoolDir === undefined) return `${path}.spool`;
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 12);
  return join(resolve(spoolDir), `${basename(path)}-${hash}`);
}

function nameOfProcess(): string {
  return `slotkeeper-${process.pid}-${randomUUID().slice(0, 8)}`;
}
