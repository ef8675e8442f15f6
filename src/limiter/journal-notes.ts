/**
 * What of a change is written down, where the journal keeps anything: the lines of the batch.
 */
import { type EndReason, RunEntry, type SessionEntry } from '../slots/index.ts';
import type { AcquireRunCall } from './calls.ts';
import { ensureTie, tieOf } from './slot-tie.ts';
import type { SlotWork, WaitEndCode } from './slot-work.ts';
import type { Survivors } from './survivors.ts';

type Entry = RunEntry | SessionEntry;

export function noteGrant(limiter: Survivors, entry: Entry): void {
  const { token, life, labels } = entry;
  const owner = entry.owner?.id;
  const leaseMs = tieOf(entry)?.lease?.leaseMs;
  const grantedAt = timeOf(limiter);
  if (entry instanceof RunEntry) {
    const { id: runId, session } = entry;
    const sessionId = session.id;
    const kind = entry.kind?.id;
    const type = 'run_slot_granted';
    const order = tieOf(entry)?.terms;
    noteLeftQueue(limiter, entry);
    const slot = { token, runId, sessionId, life, owner, kind, labels, leaseMs, grantedAt, order };
    limiter.batch.note({ type, ...slot });
    noteActivity(limiter, session);
  } else {
    const type = 'session_slot_granted';
    const { id: sessionId } = entry;
    const terms = tieOf(entry)?.terms;
    if (life === 'durable') ensureTie(entry).grantedAt = grantedAt;
    limiter.batch.note({ type, token, sessionId, life, owner, labels, leaseMs, grantedAt, terms });
  }
}

/** Work that is no part of the process waits: whoever comes after it finds it waiting. */
export function noteQueued(limiter: Survivors, entry: RunEntry, call: AcquireRunCall): void {
  const { life, terms: order, leaseMs, work } = call.bonds ?? {};
  if (life !== 'command' || order === undefined) return;
  Object.assign(ensureTie(entry), { isWaitWritten: true, work });
  const { runId, sessionId, owner, kind, labels, priority } = call;
  const said = { runId, sessionId, owner, kind, labels, priority, order };
  const lease = { leaseMs: leaseMs === Infinity ? undefined : leaseMs };
  limiter.batch.note({ type: 'run_queued', ...said, ...lease, ...waitOf(limiter, call) });
}

/** What has waited before this process keeps its place. */
function waitOf(limiter: Survivors, { runId, waitTimeoutMs }: AcquireRunCall) {
  const { waitingOrders } = limiter;
  const queuedAt = timeOf(limiter);
  const { place, ...known } = waitingOrders.find(runId) ?? { place: waitingOrders.nextPlace() };
  if ('queuedAt' in known) return { place, queuedAt: known.queuedAt, expiresAt: known.expiresAt };
  const end = Math.round(queuedAt + waitTimeoutMs);
  return { place, queuedAt, expiresAt: Number.isSafeInteger(end) ? end : undefined };
}

/** A run has its slot; if it stood in the journal as one that waits, it does no more. */
function noteLeftQueue(limiter: Survivors, entry: RunEntry): void {
  const { id: runId } = entry;
  if (isWaitKnown(limiter, entry)) limiter.batch.note({ type: 'run_left_queue', runId });
}

/** A run waits no more, and has no slot. */
export function noteWaitEnded(limiter: Survivors, entry: RunEntry, code: WaitEndCode): void {
  if (isWaitKnown(limiter, entry)) noteLastWords(limiter, entry.id, tieOf(entry)?.work, code);
}

/** One that the last process has left waiting is refused when it is asked for again. */
export function noteNotTakenUp(
  limiter: Survivors,
  { runId, bonds }: AcquireRunCall,
  code: WaitEndCode,
): void {
  if (limiter.waitingOrders.find(runId)) noteLastWords(limiter, runId, bonds?.work, code);
}

/** Whether it stands in the journal as one that waits. */
function isWaitKnown({ waitingOrders }: Survivors, entry: RunEntry): boolean {
  return tieOf(entry)?.isWaitWritten === true || waitingOrders.find(entry.id) !== undefined;
}

/** Its outcome is there with the end of its wait, or nobody has been told of either. */
function noteLastWords(
  limiter: Survivors,
  runId: string,
  work: SlotWork | undefined,
  reason: WaitEndCode,
): void {
  const note = work?.noteOfWait?.(reason);
  const at = timeOf(limiter);
  if (note === undefined) limiter.batch.note({ type: 'run_left_queue', runId });
  else limiter.batch.note({ type: 'run_wait_ended', runId, reason, at, isKept: true, note });
}

/**
 * At the end of the limiter nothing is noted one by one: what lives as long as the process has one line
 * for all, and the rest lives on.
 */
export function noteEnd(
  limiter: Survivors,
  entry: Entry,
  reason: EndReason,
  note: string | undefined,
): void {
  if (reason === 'stopped') return;
  const { batch } = limiter;
  const { token, life } = entry;
  // Most slots are given back and that is all; nobody will ask for them.
  const isKept = reason !== 'released' || life !== 'process';
  const at = timeOf(limiter);
  if (entry instanceof RunEntry) {
    batch.note({ type: 'run_slot_ended', token, reason, at, isKept, note });
    noteActivity(limiter, entry.session);
  } else {
    batch.note({ type: 'session_slot_ended', token, reason, at, isKept, note });
  }
}

export function noteLimits({ batch, tables, limitsChange: change }: Survivors): void {
  batch.note({ type: 'limits_changed', limits: tables.limitChanges, change });
}

/** A session that lives on knows when it was last used: once for all that happened in the batch. */
function noteActivity({ batch }: Survivors, session: SessionEntry): void {
  if (session.life !== 'process') batch.active.add(session);
}

/** The last lines of the batch. */
export function noteActivities(limiter: Survivors): void {
  const { active } = limiter.batch;
  const at = timeOf(limiter);
  for (const { token, isHeld } of active) {
    if (isHeld) limiter.batch.note({ type: 'session_active', token, at });
  }
  active.clear();
}

/** All that is noted in one batch happens at one time. */
function timeOf({ batch, clock }: Survivors): number {
  batch.notedAt ||= Math.round(clock.now());
  return batch.notedAt;
}
