/**
 * A journal against what was told of it. Each function gives what is wrong, as lines.
 */
import { isDeepStrictEqual } from 'node:util';
import type { SlotRow } from '../../src/index.ts';
import type { JournalledSlot, JournalReport } from '../../src/journal/journal-reader.ts';
import type { Limits } from '../../src/slots/index.ts';
import type { KnownSlot, Ledger } from './ledger.ts';

export function rowsOf({ sessions, runs }: JournalReport): JournalledSlot[] {
  return [...sessions, ...runs];
}

/** After a kill: what was answered is there, what was ended is gone, and the rest was asked for. */
export function againstLedger(report: JournalReport, ledger: Ledger): string[] {
  const rows = new Map(rowsOf(report).map((row) => [row.token, row]));
  return [
    ...[...ledger.slots.values()].flatMap((slot) => againstSlot(rows.get(slot.token), slot)),
    ...[...rows.values()]
      .filter(({ token }) => !ledger.slots.has(token))
      .filter(({ sessionId, runId }) => !ledger.isAskedFor(sessionId, runId))
      .map((row) => `Nobody had asked for ${nameOf(row)}`),
  ];
}

function againstSlot(row: JournalledSlot | undefined, slot: KnownSlot): string[] {
  if (!row) return slot.state === 'held' ? [`${nameOf(slot)} was granted and is lost`] : [];
  if (slot.state === 'ended') return [`${nameOf(slot)} was ended and is there`];
  const isSame = row.sessionId === slot.sessionId && row.runId === slot.runId;
  return isSame ? [] : [`${nameOf(slot)} is there as ${nameOf(row)}`];
}

/** Those of these slots that the journal does not have. */
export function missingIn(report: JournalReport, told: readonly KnownSlot[]): KnownSlot[] {
  const tokens = new Set(rowsOf(report).map(({ token }) => token));
  return told.filter(({ token }) => !tokens.has(token));
}

/** After a recovery: the durable sessions as they were, and nothing else. Leases may be over. */
export function againstSurvivors(
  rows: readonly JournalledSlot[],
  survivors: ReadonlyMap<number, JournalledSlot>,
): string[] {
  const tokens = new Set(rows.map(({ token }) => token));
  return [
    ...rows
      .filter((row) => !isDeepStrictEqual(row, survivors.get(row.token)))
      .map((row) => `${nameOf(row)} is there after the recovery, and was not so before`),
    ...[...survivors.values()]
      .filter(({ token, leaseMs }) => !tokens.has(token) && leaseMs === null)
      .map((slot) => `${nameOf(slot)} has not outlived its process`),
  ];
}

/** What the limiter lists, as the journal has it; the time is told by another clock. */
export function heldAgain(
  rows: readonly SlotRow[],
  survivors: ReadonlyMap<number, JournalledSlot>,
): string[] {
  const known = rows.map((row): JournalledSlot => {
    const { sessionId, owner, labels, leaseMs } = row;
    const token = row.token ?? 0;
    const grantedAt = survivors.get(token)?.grantedAt ?? 0;
    const runId = row.type === 'run' ? row.runId : null;
    return {
      ...{ sessionId, runId, token, life: 'durable', owner, kind: null },
      ...{ labels, leaseMs, grantedAt },
    };
  });
  return againstSurvivors(known, survivors);
}

/** What died with its process has ended as interrupted, as far as it is kept. */
export function interruption(
  report: JournalReport,
  dying: ReadonlySet<number>,
  retained: number,
): string[] {
  const wanted = Math.min(dying.size, retained);
  const ended = report.ended.filter(({ token }) => dying.has(token));
  const found = ended.filter(({ reason }) => reason === 'interrupted').length;
  const tooMany = report.ended.length > retained ? [`${report.ended.length} ends are kept`] : [];
  if (found === wanted && ended.length === found) return tooMany;
  return [...tooMany, `Of ${dying.size} that died ${found} are interrupted, not ${wanted}`];
}

type Counted = 'runsOfSession' | 'runsOfOwner' | 'sessionsOfOwner';

/** Limits that never change are never exceeded. */
export function withinLimits(report: JournalReport, limits: Limits): string[] {
  const counts: [Counted, number, number][] = [
    ['runsOfSession', most(report.runs, 'sessionId'), limits.maxRunsPerSession],
    ['runsOfOwner', most(report.runs, 'owner'), limits.maxRunsPerOwner],
    ['sessionsOfOwner', most(report.sessions, 'owner'), limits.maxSessionsPerOwner],
  ];
  return counts.flatMap(([what, held, limit]) =>
    held > limit ? [`${what}: ${held} are held of ${limit}`] : [],
  );
}

function most(rows: readonly JournalledSlot[], by: 'sessionId' | 'owner'): number {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const key = row[by];
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

function nameOf({ sessionId, runId, token }: KnownSlot | JournalledSlot): string {
  return `${runId ?? 'the session'} of ${sessionId}, token ${token},`;
}
