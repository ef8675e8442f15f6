/**
 * The runs of a journal, each as one row: those that are held, that wait, and that have ended.
 */
import type {
  JournalledEnd,
  JournalledSlot,
  JournalledWaiter,
  JournalReport,
} from '../journal/journal-reader.ts';
import type { CommandResult } from '../sessions/index.ts';
import { endOfText } from '../sessions/run-notes.ts';

/** `null` is what there is none of. Times are UTC epoch milliseconds. */
export interface JournalledRun {
  readonly id: string;
  readonly session: string;
  /** `waiting`, `running`, or how it has ended. */
  readonly state: string;
  readonly owner: string | null;
  readonly kind: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** How many wait before it. */
  readonly position: number | null;
  readonly priority: number | null;
  readonly token: number | null;
  /** Since when it is what it is. */
  readonly sinceAt: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why it was ended, or what went wrong. */
  readonly reason: string | null;
}

const NOTHING = {
  position: null,
  priority: null,
  token: null,
  exitCode: null,
  signal: null,
  reason: null,
};

/** Running first, then waiting in the order in which they go, then ended, the newest first. */
export function runsOf({ runs, waiting, ended }: JournalReport): JournalledRun[] {
  return [
    ...runs.map(running),
    ...waiting.map(waitingRow),
    ...ended.filter(({ runId }) => runId !== null).map(endedRow),
  ];
}

function named(slot: JournalledSlot | JournalledWaiter | JournalledEnd) {
  const { runId, sessionId: session, owner, kind, labels } = slot;
  return { id: runId ?? session, session, owner, kind, labels };
}

function running(slot: JournalledSlot): JournalledRun {
  const { token, grantedAt: sinceAt } = slot;
  return { ...named(slot), ...NOTHING, state: 'running', token, sinceAt };
}

function waitingRow(waiter: JournalledWaiter, position: number): JournalledRun {
  const { priority, queuedAt: sinceAt } = waiter;
  return { ...named(waiter), ...NOTHING, state: 'waiting', position, priority, sinceAt };
}

function endedRow(slot: JournalledEnd): JournalledRun {
  const { token, endedAt: sinceAt, note } = slot; // no grant has the token 0
  const end = endOfText(note ?? undefined);
  const { exitCode = null, signal = null } = (end?.value ?? {}) as Partial<CommandResult>; // a command's
  const state = end?.state ?? slot.reason;
  const reason = end?.note ?? end?.reason ?? end?.error?.message ?? null;
  const grant = { token: token || null, sinceAt };
  return { ...named(slot), ...NOTHING, state, ...grant, exitCode, signal, reason };
}
