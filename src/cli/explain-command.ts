/**
 * `slotkeeper explain RUN --journal FILE [--json]`: where a run of a journal stands, and what it waits for.
 */
import type { Command } from 'commander';
import { SlotkeeperError } from '../fault.ts';
import { type JournalReport, readJournal } from '../journal/journal-reader.ts';
import { type JournalledRun, runsOf } from './journalled-run.ts';
import { ageText } from './run/text.ts';

interface ExplainOptions {
  readonly journal: string;
  readonly json?: boolean;
}

/** Runs that are at work, by what they have in common with one that waits. */
interface AtWork {
  readonly all: number;
  readonly inItsSession: number;
  readonly ofItsOwner: number;
  readonly ofItsKind: number;
}

export function addExplainCommand(program: Command): void {
  program
    .command('explain')
    .description('Say where a run of a journal stands and what it waits for; it is only read')
    .argument('<run>', 'its id')
    .requiredOption('--journal <file>', 'the journal')
    .option('--json', 'as one JSON object')
    .action((id: string, { journal, json = false }: ExplainOptions) => {
      const report = readJournal(journal);
      const run = runOf(report, id);
      const atWork = atWorkBeside(run, report);
      const { isInUse } = report;
      if (json) console.log(JSON.stringify({ ...run, atWork, isInUse }, undefined, 2));
      else console.log(textOf(run, atWork, isInUse, Date.now()));
    });
}

/** The newest of that id. Throws `run_unknown`. */
function runOf(report: JournalReport, id: string): JournalledRun {
  const run = runsOf(report).find((one) => one.id === id);
  if (run) return run;
  const text = `The journal ${report.path} knows no run ${JSON.stringify(id)}: it waits for its session, was not asked for yet, or is forgotten`;
  throw new SlotkeeperError('run_unknown', text, { runId: id, journal: report.path });
}

function atWorkBeside(run: JournalledRun, { runs }: JournalReport): AtWork {
  return {
    all: runs.length,
    inItsSession: runs.filter(({ sessionId }) => sessionId === run.session).length,
    ofItsOwner: runs.filter(({ owner }) => owner !== null && owner === run.owner).length,
    ofItsKind: runs.filter(({ kind }) => kind !== null && kind === run.kind).length,
  };
}

/** For people. `now`: UTC epoch milliseconds. */
function textOf(run: JournalledRun, atWork: AtWork, isInUse: boolean, now: number): string {
  const lines = [headOf(run), `  ${standOf(run, isInUse, now)}`];
  if (run.state === 'waiting') lines.push(`  ${besideOf(run, atWork)}`);
  return lines.join('\n');
}

function headOf({ id, session, owner, kind }: JournalledRun): string {
  const of = owner === null ? '' : `, of ${owner}`;
  return `run ${id} in session ${session}${of}${kind === null ? '' : `, kind ${kind}`}`;
}

function standOf(run: JournalledRun, isInUse: boolean, now: number): string {
  const since = ageText(now - run.sinceAt);
  const until = isInUse ? '' : ', as far as the last keeper knew: there is none now';
  if (run.state === 'running') return `holds its slot since ${since} (token ${run.token})${until}`;
  if (run.state === 'waiting')
    return `waits since ${since}, ${run.position} before it, priority ${run.priority}${until}`;
  return `ended ${since} ago as ${run.state}${whyOf(run)}`;
}

function whyOf({ exitCode, signal, reason }: JournalledRun): string {
  if (signal !== null) return `: died of ${signal}${reason === null ? '' : `, ${reason}`}`;
  if (reason !== null) return `: ${reason}`;
  return exitCode === null ? '' : `: exited with ${exitCode}`;
}

function besideOf({ owner, kind }: JournalledRun, atWork: AtWork): string {
  const parts = [
    `${atWork.all} at work`,
    `${atWork.inItsSession} of them in its session`,
    ...(owner === null ? [] : [`${atWork.ofItsOwner} of its owner`]),
    ...(kind === null ? [] : [`${atWork.ofItsKind} of its kind`]),
  ];
  return parts.join(', ');
}
