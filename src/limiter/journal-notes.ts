/**
 * What of a change is written down, where the journal keeps anything: the lines of the batch.
 */
import { type EndReason, RunEntry, type SessionEntry } from '../slots/index.ts';
import { tieOf } from './slot-tie.ts';
import type { Survivors } from './survivors.ts';

type Entry = RunEntry | SessionEntry;

export function noteGrant(limiter: Survivors, entry: Entry): void {
  const { batch } = limiter;
  const { token, life, labels } = entry;
  const owner = entry.owner?.id;
  const leaseMs = tieOf(entry)?.lease?.leaseMs;
  const common = { token, life, owner, labels, leaseMs, grantedAt: nowOf(limiter) };
  if (entry instanceof RunEntry) {
    const { id: runId, session, kind } = entry;
    const slot = { sessionId: session.id, runId, kind: kind?.id };
    batch.changes.push({ type: 'run_slot_granted', ...slot, ...common });
    noteActivity(limiter, session);
  } else {
    batch.changes.push({ type: 'session_slot_granted', sessionId: entry.id, ...common });
  }
}

/**
 * At the end of the limiter nothing is noted one by one: what lives as long as the process has one line
 * for all, and the rest lives on.
 */
export function noteEnd(limiter: Survivors, entry: Entry, reason: EndReason): void {
  if (reason === 'stopped') return;
  const { batch } = limiter;
  const { token, life } = entry;
  // Most slots are given back and that is all; nobody will ask for them.
  const isKept = reason !== 'released' || life !== 'process';
  const end = { token, reason, at: nowOf(limiter), isKept };
  if (entry instanceof RunEntry) {
    batch.changes.push({ type: 'run_slot_ended', ...end });
    noteActivity(limiter, entry.session);
  } else {
    batch.changes.push({ type: 'session_slot_ended', ...end });
  }
}

export function noteLimits({ batch, tables }: Survivors): void {
  batch.changes.push({ type: 'limits_changed', limits: tables.limitChanges });
}

/** A session that lives on knows when it was last used. */
function noteActivity(limiter: Survivors, session: SessionEntry): void {
  if (session.life === 'process' || !session.isHeld) return;
  const { token } = session;
  limiter.batch.changes.push({ type: 'session_active', token, at: nowOf(limiter) });
}

function nowOf({ clock }: Survivors): number {
  return Math.round(clock.now());
}
