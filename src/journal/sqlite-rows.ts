/**
 * The rows of a journal in SQLite: how they are written, read and checked.
 */
import type { Labels, LimitChanges, SlotLife } from '../slots/index.ts';
import { type Column, checksumOf } from './checksum.ts';
import type { LimitsChange, RunRecord, SessionRecord } from './journal.ts';

/** In the order of the tables' columns; the checksum comes last. */
export type SessionRow = readonly [
  token: number,
  sessionId: string,
  life: SlotLife,
  owner: string | null,
  labels: string | null,
  leaseMs: number | null,
  grantedAt: number,
  checksum: number,
];

export type RunRow = readonly [
  token: number,
  runId: string,
  sessionId: string,
  life: SlotLife,
  owner: string | null,
  kind: string | null,
  labels: string | null,
  leaseMs: number | null,
  grantedAt: number,
  checksum: number,
];

/** Whether the last column is the checksum of the others. */
export function isIntact(row: readonly Column[]): boolean {
  return checksumOf(row.slice(0, -1)) === row.at(-1);
}

export function sessionRow(session: SessionRecord): SessionRow {
  const { token, sessionId, life, owner = null, labels, leaseMs = null, grantedAt } = session;
  const text = textOfLabels(labels);
  const checksum = checksumOf([token, sessionId, life, owner, text, leaseMs, grantedAt]);
  return [token, sessionId, life, owner, text, leaseMs, grantedAt, checksum];
}

export function runRow(run: RunRecord): RunRow {
  const { token, runId, sessionId, life, owner = null, kind = null } = run;
  const { labels, leaseMs = null, grantedAt } = run;
  const text = textOfLabels(labels);
  const columns = [token, runId, sessionId, life, owner, kind, text, leaseMs, grantedAt];
  const checksum = checksumOf(columns);
  return [token, runId, sessionId, life, owner, kind, text, leaseMs, grantedAt, checksum];
}

/** `terms`: what stands in a table of its own, for few have any. */
export function sessionOf(row: SessionRow, terms?: ReadonlyMap<number, string>): SessionRecord {
  const [token, sessionId, life, owner, labels, leaseMs, grantedAt] = row;
  return {
    token,
    sessionId,
    life,
    owner: owner ?? undefined,
    labels: labelsOf(labels),
    leaseMs: leaseMs ?? undefined,
    grantedAt,
    terms: terms?.get(token),
  };
}

export function runOf(row: RunRow, orders?: ReadonlyMap<number, string>): RunRecord {
  const [token, runId, sessionId, life, owner, kind, labels, leaseMs, grantedAt] = row;
  return {
    token,
    runId,
    sessionId,
    life,
    owner: owner ?? undefined,
    kind: kind ?? undefined,
    labels: labelsOf(labels),
    leaseMs: leaseMs ?? undefined,
    grantedAt,
    order: orders?.get(token),
  };
}

export function labelsOf(text: string | null): Labels | undefined {
  return text === null ? undefined : (JSON.parse(text) as Labels); // as `textOfLabels` wrote them
}

export function textOfLabels(labels: Labels | undefined): string | null {
  return labels === undefined ? null : JSON.stringify(labels);
}

/** JSON knows no `Infinity`. */
export function textOfLimits(limits: LimitChanges): string {
  return JSON.stringify(limits, (_name, value) => (value === Infinity ? 'infinity' : value));
}

/** Who has changed them may be nobody who said so. */
export function limitsChangeOf(text: string): LimitsChange | undefined {
  const change = JSON.parse(text) as LimitsChange | null; // as it was written
  return change ? { at: change.at, by: change.by } : undefined;
}

export function limitsOf(text: string): LimitChanges {
  return JSON.parse(text, (_name, value) => (value === 'infinity' ? Infinity : value));
}
