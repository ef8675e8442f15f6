/**
 * The rows of waiting work orders in a journal in SQLite.
 */
import { type Column, checksumOf } from './checksum.ts';
import type { WaitingRecord } from './journal.ts';
import { labelsOf, textOfLabels } from './sqlite-rows.ts';

/** In the order of the table's columns; the checksum comes last. */
export type WaitingRow = readonly [
  runId: string,
  place: number,
  sessionId: string,
  owner: string | null,
  kind: string | null,
  labels: string | null,
  priority: number,
  leaseMs: number | null,
  order: string,
  queuedAt: number,
  expiresAt: number | null,
  checksum: number,
];

export function waitingRow(waiting: WaitingRecord): WaitingRow {
  const { runId, place, sessionId, owner = null, kind = null, priority, leaseMs = null } = waiting;
  const { order, queuedAt, expiresAt = null } = waiting;
  const labels = textOfLabels(waiting.labels);
  const whose = [runId, place, sessionId, owner, kind, labels] as const;
  const what = [priority, leaseMs, order, queuedAt, expiresAt] as const;
  return [...whose, ...what, checksumOf([...whose, ...what])];
}

export function waitingOf(row: WaitingRow): WaitingRecord {
  const [runId, place, sessionId, owner, kind, labels] = row;
  const [priority, leaseMs, order, queuedAt, expiresAt] = row.slice(6) as Rest; // the others
  return {
    runId,
    place,
    sessionId,
    owner: owner ?? undefined,
    kind: kind ?? undefined,
    labels: labelsOf(labels),
    priority,
    leaseMs: leaseMs ?? undefined,
    order,
    queuedAt,
    expiresAt: expiresAt ?? undefined,
  };
}

type Rest = [
  priority: number,
  leaseMs: number | null,
  order: string,
  queuedAt: number,
  expiresAt: number | null,
];

/** What has ended without ever having had a slot has no token. */
const NO_TOKEN = 0;

/** The columns of its slot, had it had one, as those of what has ended are checked. */
export function slotChecksumOf(waiting: WaitingRecord): number {
  const { runId, sessionId, owner = null, kind = null, leaseMs = null, queuedAt } = waiting;
  const labels = textOfLabels(waiting.labels);
  const slot: Column[] = [NO_TOKEN, runId, sessionId, 'command', owner, kind, labels];
  return checksumOf([...slot, leaseMs, queuedAt]);
}
