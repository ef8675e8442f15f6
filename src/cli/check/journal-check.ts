/**
 * Whether the journal could be opened, or begun, and what the daemon would find in it.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Config } from '../../config/index.ts';
import { SlotkeeperError } from '../../fault.ts';
import type { JournalReport } from '../../journal/journal-reader.ts';
import { readUntouched } from '../../journal/untouched-reader.ts';
import type { Finding } from './finding.ts';
import { folderFault, isWritable } from './folder-check.ts';

const PART = 'journal';

export function journalFinding({ path, durability }: Config['journal']): Finding {
  if (path === null) return { part: PART, plan: 'none: all ends with the process' };
  const file = resolve(path);
  const folder = dirname(file);
  const fault = folderFault(folder);
  if (fault !== undefined || !existsSync(folder)) return beginning(file, durability, fault);
  try {
    const report = readUntouched(file);
    return report ? goingOn(report, durability) : beginning(file, durability);
  } catch (error) {
    return { part: PART, plan: `open ${file}`, fault: faultOf(error) };
  }
}

function beginning(file: string, durability: string, fault?: string): Finding {
  return { part: PART, plan: `begin ${file}, durability ${durability}`, fault };
}

function goingOn(report: JournalReport, durability: string): Finding {
  const { path } = report;
  const plan = `go on with ${path}, durability ${durability}; ${contentOf(report)}`;
  return { part: PART, plan, fault: isWritable(path) ? undefined : `${path} is not writable` };
}

/** What is of life `process` has ended with its process. */
function contentOf({ sessions, runs, waiting }: JournalReport): string {
  const open = sessions.filter(({ life }) => life !== 'process').length;
  const begun = runs.filter(({ life }) => life !== 'process').length;
  return `sessions: ${open}, commands begun: ${begun}, waiting: ${waiting.length}`;
}

function faultOf(error: unknown): string {
  if (error instanceof SlotkeeperError) return `${error.message} [${error.code}]`;
  throw error;
}
