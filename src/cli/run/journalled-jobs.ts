/**
 * What a journal knows of jobs: by which hash of its order each id stands in it. It is only read. Of jobs that have
 * ended before they had begun nothing has come: they are as good as new.
 */
import { existsSync } from 'node:fs';
import { readJournal } from '../../journal/journal-reader.ts';
import { HASH_LABEL } from './job.ts';

/** Empty for a journal that is not there yet. Throws as `readJournal` does. */
export function journalledJobs(path: string): ReadonlyMap<string, string | undefined> {
  if (!existsSync(path)) return new Map();
  const { runs, waiting, ended } = readJournal(path);
  // The newest of the ended come first, and are to count.
  const known = [...ended.filter(({ token }) => token > 0).toReversed(), ...waiting, ...runs];
  return new Map(known.map(({ runId, labels }) => [runId ?? '', labels[HASH_LABEL]]));
}
