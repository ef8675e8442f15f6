/**
 * `slotkeeper list --journal FILE [--session ID] [--state STATE] [--json]`: the runs of a journal, beside its
 * keeper or without one.
 */
import type { Command } from 'commander';
import { readJournal } from '../journal/journal-reader.ts';
import { type JournalledRun, runsOf } from './journalled-run.ts';
import { ageText } from './run/text.ts';
import { aligned } from './table.ts';

interface ListOptions {
  readonly journal: string;
  readonly session?: string;
  readonly state?: string;
  readonly json?: boolean;
}

const HEAD = ['RUN', 'SESSION', 'STATE', 'SINCE', ''];

export function addListCommand(program: Command): void {
  program
    .command('list')
    .description('List the runs in a journal: running, waiting, ended; it is only read')
    .requiredOption('--journal <file>', 'the journal')
    .option('--session <id>', 'only those of this session')
    .option('--state <state>', 'only those that are waiting, running, or have ended like this')
    .option('--json', 'one JSON object per line')
    .action(({ journal, json = false, ...wanted }: ListOptions) => {
      const runs = runsOf(readJournal(journal)).filter((run) => isWanted(run, wanted));
      const lines = json ? runs.map((run) => JSON.stringify(run)) : tableOf(runs, Date.now());
      if (lines.length > 0) console.log(lines.join('\n'));
    });
}

function isWanted(run: JournalledRun, { session, state }: Partial<ListOptions>): boolean {
  return (session ?? run.session) === run.session && (state ?? run.state) === run.state;
}

/** `now`: UTC epoch milliseconds. */
function tableOf(runs: readonly JournalledRun[], now: number): string[] {
  if (runs.length === 0) return ['none'];
  return aligned([HEAD, ...runs.map((run) => cellsOf(run, now))]);
}

function cellsOf(run: JournalledRun, now: number): string[] {
  const { id, session, state, sinceAt } = run;
  return [id, session, state, ageText(now - sinceAt), remarkOf(run)];
}

function remarkOf({ state, position, exitCode, signal, reason }: JournalledRun): string {
  if (position !== null) return `${position} before it`;
  if (signal !== null) return `died of ${signal}`;
  if (exitCode !== null && state !== 'succeeded') return `exited with ${exitCode}`;
  return reason ?? '';
}
