/**
 * What a change leaves behind besides itself: a line for the journal, where it keeps anything, and an
 * event, where somebody listens.
 */
import { type EndReason, type Refusal, RunEntry, type SessionEntry } from '../slots/index.ts';
import { type AcquireRunCall, AcquireSessionCall } from './calls.ts';
import {
  drainStarted,
  limitsChanged,
  resumed,
  runSlotEnded,
  runSlotGranted,
  runSlotRefused,
  sessionSlotEnded,
  sessionSlotGranted,
  sessionSlotRefused,
} from './channels.ts';
import { noteEnd, noteGrant, noteLimits } from './journal-notes.ts';
import type { Survivors } from './survivors.ts';

export function recordGrant(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  since: number,
): void {
  if (limiter.isDurable) noteGrant(limiter, entry);
  const channel = entry instanceof RunEntry ? runSlotGranted : sessionSlotGranted;
  if (limiter.isHeard(channel)) emitGrant(limiter, entry, since);
}

export function recordEnd(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  reason: EndReason,
  note: string | undefined,
): void {
  if (limiter.isDurable) noteEnd(limiter, entry, reason, note);
  if (entry instanceof RunEntry) limiter.holdTimes.add(entry.kind?.id, limiter.now - entry.since);
  const channel = entry instanceof RunEntry ? runSlotEnded : sessionSlotEnded;
  if (limiter.isHeard(channel)) emitEnd(limiter, entry, reason, note);
}

export function recordRefusal(
  limiter: Survivors,
  request: AcquireRunCall | AcquireSessionCall,
  refusal: Refusal,
  waitedMs: number,
): void {
  const { batch } = limiter;
  const { sessionId, owner } = request;
  const { code, limit, active, scope } = refusal;
  const common = { sessionId, code, limit, active, scope, owner, waitedMs };
  if (request instanceof AcquireSessionCall) {
    if (limiter.isHeard(sessionSlotRefused)) batch.emit(sessionSlotRefused, common);
  } else if (limiter.isHeard(runSlotRefused)) {
    batch.emit(runSlotRefused, { ...common, runId: request.runId, kind: request.kind });
  }
}

/** Draining has begun or ended. */
export function recordDraining(limiter: Survivors, isDraining: boolean, refused: number): void {
  const { batch, tables } = limiter;
  const heldRuns = tables.runGate.held;
  if (!isDraining) {
    if (limiter.isHeard(resumed)) batch.emit(resumed, { heldRuns });
  } else if (limiter.isHeard(drainStarted)) {
    batch.emit(drainStarted, { heldRuns, refusedWaiters: refused });
  }
}

export function recordLimits(limiter: Survivors): void {
  const { batch, tables } = limiter;
  const { limits } = tables;
  if (limiter.isDurable) noteLimits(limiter);
  if (limiter.isHeard(limitsChanged)) batch.emit(limitsChanged, { limits });
}

function emitGrant({ batch, now }: Survivors, entry: RunEntry | SessionEntry, since: number): void {
  const { token, labels } = entry;
  const owner = entry.owner?.id;
  const waitedMs = now - since;
  if (entry instanceof RunEntry) {
    const { id: runId, session, kind } = entry;
    const event = { sessionId: session.id, runId, token, owner, kind: kind?.id, labels, waitedMs };
    batch.emit(runSlotGranted, event);
  } else {
    batch.emit(sessionSlotGranted, { sessionId: entry.id, token, owner, labels, waitedMs });
  }
}

function emitEnd(
  { batch, now }: Survivors,
  entry: RunEntry | SessionEntry,
  reason: EndReason,
  note: string | undefined,
): void {
  const { token } = entry;
  const owner = entry.owner?.id;
  const heldMs = now - entry.since;
  if (entry instanceof RunEntry) {
    const { id: runId, session, kind } = entry;
    const common = { sessionId: session.id, runId, token, reason, owner, heldMs };
    // Of any other end it is what its holder wants to find in the journal.
    const event = { ...common, kind: kind?.id, note: reason === 'evicted' ? note : undefined };
    batch.emit(runSlotEnded, event);
  } else {
    batch.emit(sessionSlotEnded, { sessionId: entry.id, token, reason, owner, heldMs });
  }
}
