/**
 * `slotkeeper status --journal FILE [--json]`: what a journal says, beside its keeper or without one.
 */
import type { Command } from 'commander';
import { type JournalledSlot, type JournalReport, readJournal } from '../journal/journal-reader.ts';

interface StatusOptions {
  readonly journal: string;
  readonly json?: boolean;
}

/** Rows of a list for people; `--json` has all of them. */
const SHOWN = 10;

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('Show the slots in a journal; it is only read, its keeper is not disturbed')
    .requiredOption('--journal <file>', 'the journal')
    .option('--json', 'all of it, as one JSON object')
    .action(({ journal, json = false }: StatusOptions) => {
      const report = readJournal(journal);
      console.log(json ? jsonOf(report, 2) : textOf(report, Date.now()));
    });
}

function jsonOf(value: unknown, indentation?: number): string {
  const named = (_name: string, one: unknown) => (one === Infinity ? 'infinity' : one);
  return JSON.stringify(value, named, indentation);
}

/** For people. `now`: UTC epoch milliseconds. */
export function textOf(report: JournalReport, now: number): string {
  const { path, sessions, runs, waiting, ended, limits } = report;
  return [
    `journal   ${path} (schema ${report.schemaVersion})`,
    `keeper    ${keeperOf(report, now)}`,
    `sessions  ${countOf(sessions, report)}`,
    ...rowsOf(sessions, (slot) => held(slot, now)),
    `runs      ${countOf(runs, report)}`,
    ...rowsOf(runs, (slot) => held(slot, now)),
    `waiting   ${waiting.length === 0 ? 'no commands' : `${waiting.length}, the first of them first`}`,
    ...rowsOf(waiting, (waiter) => `${named(waiter)}, for ${age(now - waiter.queuedAt)}`),
    `limits    ${limitsText(limits)}${changeText(report, now)}`,
    `ended     ${ended.length === 0 ? 'none kept' : `${ended.length}, the newest first`}`,
    ...rowsOf(ended, (slot) => `${named(slot)} ${slot.reason} ${age(now - slot.endedAt)} ago`),
  ].join('\n');
}

function keeperOf({ isInUse, boot }: JournalReport, now: number): string {
  if (!boot) return 'none has ever had it';
  const since = `opened ${age(now - boot.openedAt)} ago, durability ${boot.durability}`;
  return isInUse
    ? `process ${boot.pid}, ${since}`
    : `none now; the last was process ${boot.pid}, ${since}`;
}

function countOf(slots: readonly JournalledSlot[], { isInUse }: JournalReport): string {
  const dying = isInUse ? 0 : slots.filter(({ life }) => life === 'process').length;
  const end = dying > 0 ? `, ${dying} of them of a process that has ended` : '';
  return `${slots.length}${end}`;
}

function rowsOf<Slot>(slots: readonly Slot[], lineOf: (slot: Slot) => string): string[] {
  const lines = slots.slice(0, SHOWN).map((slot) => `          ${lineOf(slot)}`);
  const rest = slots.length - lines.length;
  return rest > 0 ? [...lines, `          … and ${rest} more (--json shows all)`] : lines;
}

function held(slot: JournalledSlot, now: number): string {
  const of = slot.owner === null ? '' : ` of ${slot.owner}`;
  const kind = slot.kind === null ? '' : `, kind ${slot.kind}`;
  const life = slot.life === 'process' ? '' : `, ${slot.life}`;
  return `${named(slot)}${of}${kind}${life}, since ${age(now - slot.grantedAt)}`;
}

function named({ sessionId, runId }: Pick<JournalledSlot, 'sessionId' | 'runId'>): string {
  return runId === null ? sessionId : `${runId} in ${sessionId}`;
}

function limitsText(limits: JournalReport['limits']): string {
  if (Object.keys(limits).length === 0) return 'as the keeper is started';
  const { maxRunsPerKind, ...rest } = limits;
  const isOfKinds = Object.keys(maxRunsPerKind ?? {}).length > 0;
  return `set while running: ${jsonOf(isOfKinds ? limits : rest)}`;
}

function changeText({ limitsChange: change }: JournalReport, now: number): string {
  if (!change) return '';
  const by = change.by === null ? '' : ` by ${change.by}`;
  return `, changed ${age(now - change.at)} ago${by}`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** `90 s` as `1 min`, and what is under a second as `0 s`. */
function age(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ['s', 1_000];
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}
