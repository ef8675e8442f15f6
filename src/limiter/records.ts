/**
 * What a change leaves behind besides itself: a line for the journal, where it keeps anything, and an
 * event, where somebody listens.
 */
import { type EndReason, type Refusal, RunEntry, type SessionEntry } from '../slots/index.ts';
import type { Acquirer } from './caller.ts';
import { AcquireSessionCall } from './calls.ts';
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
  if (entry instanceof RunEntry) {
    if (limiter.isHeard(runSlotGranted)) emitRunGrant(limiter, entry, since);
  } else if (limiter.isHeard(sessionSlotGranted)) emitSessionGrant(limiter, entry, since);
}

export function recordEnd(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  reason: EndReason,
  note: string | undefined,
): void {
  if (limiter.isDurable) noteEnd(limiter, entry, reason, note);
  if (entry instanceof RunEntry) {
    limiter.holdTimes.add(entry.kind?.id, limiter.now - entry.since);
    if (limiter.isHeard(runSlotEnded)) emitRunEnd(limiter, entry, reason, note);
  } else if (limiter.isHeard(sessionSlotEnded)) emitSessionEnd(limiter, entry, reason);
}

export function recordRefusal(
  limiter: Survivors,
  request: Acquirer,
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

function emitRunGrant({ batch, now }: Survivors, entry: RunEntry, since: number): void {
  const { id: runId, session, kind, owner, token, labels } = entry;
  const common = { sessionId: session.id, runId, token, owner: owner?.id, kind: kind?.id };
  batch.emit(runSlotGranted, { ...common, labels, waitedMs: now - since });
}

function emitSessionGrant({ batch, now }: Survivors, entry: SessionEntry, since: number): void {
  const { id: sessionId, owner, token, labels } = entry;
  const common = { sessionId, token, owner: owner?.id };
  batch.emit(sessionSlotGranted, { ...common, labels, waitedMs: now - since });
}

function emitRunEnd(
  { batch, now }: Survivors,
  entry: RunEntry,
  reason: EndReason,
  note: string | undefined,
): void {
  const { id: runId, session, kind, owner, token } = entry;
  const common = { sessionId: session.id, runId, token, reason, owner: owner?.id };
  const heldMs = now - entry.since;
  // Of any other end it is what its holder wants to find in the journal.
  const event = { heldMs, kind: kind?.id, note: reason === 'evicted' ? note : undefined };
  batch.emit(runSlotEnded, { ...common, ...event });
}

function emitSessionEnd({ batch, now }: Survivors, entry: SessionEntry, reason: EndReason): void {
  const { id: sessionId, owner, token } = entry;
  const heldMs = now - entry.since;
  batch.emit(sessionSlotEnded, { sessionId, token, reason, owner: owner?.id, heldMs });
}
