/**
 * The limits that were set while a journal was hammered: what must be there again, and how high they went.
 */

import { isDeepStrictEqual } from 'node:util';
import type { JournalReport } from '../../src/journal/journal-reader.ts';
import type { LimitChanges, Limits } from '../../src/slots/index.ts';
import { withLimits } from '../../src/slots/limits.ts';
import type { Ledger } from './ledger.ts';

type Ceiling = 'sessions' | 'runs' | 'tools';
type Ceilings = Readonly<Record<Ceiling, number>>;

const CEILINGS: readonly Ceiling[] = ['sessions', 'runs', 'tools'];

/** The limits after each change that was asked for, the first ones before all. */
function course(first: Limits, asked: readonly LimitChanges[]): Limits[] {
  const limits = [first];
  for (const changes of asked) limits.push(withLimits(limits.at(-1) ?? first, changes));
  return limits;
}

/** Those that were answered last are in force, or those that were asked for since. */
export function limitsAfter(report: JournalReport, start: Limits, before: Limits, ledger: Ledger) {
  const { asked, answered } = ledger.limits;
  const inForce = withLimits(start, report.limits);
  const possible = course(before, asked).slice(answered.length);
  const isRight = possible.some((limits) => isDeepStrictEqual(limits, inForce));
  const wrongs = isRight ? [] : [`The limits are ${JSON.stringify(report.limits)} after a kill`];
  return { inForce, wrongs };
}

/** What was held, against the highest that its limit was; who is held already stays when it is lowered. */
export function withinCourse(
  held: readonly Ceilings[],
  before: Limits,
  heldBefore: number,
  ledger: Ledger,
): string[] {
  const ceilings = course(before, ledger.limits.asked).map(ceilingsOf);
  const allowed = (name: Ceiling) => Math.max(...ceilings.map((ceiling) => ceiling[name]));
  const isOver = (name: Ceiling, count: number) =>
    count > Math.max(allowed(name), name === 'sessions' ? heldBefore : 0);
  return held.flatMap((counts) =>
    CEILINGS.filter((name) => isOver(name, counts[name])).map(
      (name) => `${counts[name]} ${name} are held of ${allowed(name)}`,
    ),
  );
}

function ceilingsOf({ maxParallelSessions, maxParallelRuns, maxRunsPerKind }: Limits): Ceilings {
  const { tool = Infinity } = maxRunsPerKind;
  return { sessions: maxParallelSessions, runs: maxParallelRuns, tools: tool };
}

export function countsOf({ sessions, runs }: JournalReport): Ceilings {
  const tools = runs.filter(({ kind }) => kind === 'tool').length;
  return { sessions: sessions.length, runs: runs.length, tools };
}
