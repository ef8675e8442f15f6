/**
 * Granting: the one place where waiters get slots, after anything that has freed room; and the ways in
 * which a wait ends without one.
 */
import {
  blockOf,
  type Refusal,
  type RefusalCode,
  RefusalError,
  RunEntry,
  refusalError,
  type SessionEntry,
  type Waiter,
} from '../slots/index.ts';
import { bind, takeOver } from './bonds.ts';
import type { BookedCall } from './call-book.ts';
import type { AcquireRunCall, AcquireSessionCall } from './calls.ts';
import { noteWaitEnded } from './journal-notes.ts';
import { recordGrant, recordRefusal } from './records.ts';
import { RunSlot, SessionSlot } from './slot.ts';
import type { Survivors } from './survivors.ts';

/** Grants every waiter for whom there is room, in order, where it can be written down. */
export function grantWaiters(limiter: Survivors): void {
  const { tables, storage, waitingOrders } = limiter;
  if (storage.isDegraded || waitingOrders.areKept || tables.isDraining) return;
  for (let entry = tables.nextSession(); entry; entry = tables.nextSession()) {
    grantOrDrop(limiter, entry);
  }
  for (let entry = tables.nextRun(); entry; entry = tables.nextRun()) grantOrDrop(limiter, entry);
}

/** The handle that a claimant gets. */
export function handleOn(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
): RunSlot | SessionSlot {
  if (entry instanceof RunEntry) return runHandleOn(limiter, entry);
  const handle = new SessionSlot(entry, limiter.desk);
  limiter.traces?.watch(handle, entry);
  return handle;
}

export function runHandleOn(limiter: Survivors, entry: RunEntry): RunSlot {
  const handle = new RunSlot(entry, limiter.desk);
  limiter.traces?.watch(handle, entry);
  return handle;
}

/** A wait ends for all who share it. */
export function refuseWait(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  code: RefusalCode,
): void {
  const { waiter } = entry;
  if (!waiter) return;
  leaveIfAnswered(limiter, waiter);
  if (entry.waiter !== waiter) return;
  withdraw(limiter, entry, code);
  const waitedMs = limiter.now - waiter.since;
  for (const call of callsOf(waiter)) refuseCall(limiter, call, { code }, waitedMs);
}

/** One caller is refused, wherever his call is: his holder is down. */
export function refuseCaller(limiter: Survivors, call: BookedCall): void {
  const { entry } = call;
  const waiter = entry?.waiter;
  const since = waiter?.since ?? limiter.now;
  if (entry && waiter?.hasClaimant(call)) {
    limiter.tables.removeClaim(waiter, call);
    if (!waiter.isClaimed) withdraw(limiter, entry, 'withdrawn');
  }
  refuseCall(limiter, call, { code: 'withdrawn' }, limiter.now - since);
}

/** One caller leaves a wait, having had his answer; the last one takes it out of the queue. */
export function leaveWait(limiter: Survivors, call: BookedCall): void {
  const { entry } = call;
  const waiter = entry?.waiter;
  if (!entry || !waiter?.hasClaimant(call)) return;
  const { answered } = call;
  const code = answered instanceof RefusalError ? answered.code : 'withdrawn';
  const refusal = { ...blockOf(limiter.tables, entry), code };
  recordRefusal(limiter, requestOf(call), refusal, limiter.now - waiter.since);
  limiter.tables.removeClaim(waiter, call);
  if (!waiter.isClaimed) withdraw(limiter, entry, code);
}

/** Callers who have had their answer (a deadline, an abort) and whose leaving is on its way here. */
export function leaveIfAnswered(limiter: Survivors, waiter: Waiter): void {
  for (const call of callsOf(waiter)) if (call.isSettled) leaveWait(limiter, call);
}

/** An acquire is answered with a refusal. */
export function refuseCall(
  limiter: Survivors,
  call: BookedCall,
  refusal: Refusal,
  waited: number,
): void {
  limiter.batch.refuse(call, refusalError(refusal, call));
  recordRefusal(limiter, requestOf(call), refusal, waited);
}

/**
 * Grants an entry, unless all its callers are past their deadlines: a blocked loop lets those timers
 * fire late, and a slot is not given to who has waited longer than he could.
 */
function grantOrDrop(limiter: Survivors, entry: RunEntry | SessionEntry): void {
  const { waiter } = entry;
  if (!waiter) return;
  let calls = callsOf(waiter);
  if (calls.some(isGone)) {
    for (const call of calls) if (isGone(call)) leaveWait(limiter, call);
    if (entry.waiter !== waiter) return;
    calls = callsOf(waiter);
  }
  grant(limiter, entry, waiter.since, calls);
}

function isGone(call: BookedCall): boolean {
  return call.expireIfDue() || call.isSettled;
}

function grant(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  since: number,
  calls: readonly BookedCall[],
): void {
  const { tables, tokens, batch, now } = limiter;
  if (entry instanceof RunEntry) tables.grantRun(entry, tokens.next(), now);
  else tables.grantSession(entry, tokens.next(), now);
  const bonds = calls[0] && requestOf(calls[0]).bonds;
  if (bonds) bind(limiter, entry, bonds);
  const work = calls.length > 1 && workAmong(calls, entry);
  if (work) takeOver(limiter, entry, work);
  recordGrant(limiter, entry, since);
  for (const call of calls) batch.answer(call, handleOn(limiter, entry), entry);
}

/** What the slot is to be held for, whoever asked first: of those who want it to live as long as it does. */
function workAmong(calls: readonly BookedCall[], { life }: RunEntry | SessionEntry) {
  const isAlike = (call: BookedCall) => requestOf(call).bonds?.life === life;
  const leader = calls.find((call) => requestOf(call).bonds?.work && isAlike(call));
  return leader && requestOf(leader).bonds?.work;
}

function withdraw(limiter: Survivors, entry: RunEntry | SessionEntry, code: RefusalCode): void {
  const { tables } = limiter;
  if (entry instanceof RunEntry) {
    if (limiter.isDurable) noteWaitEnded(limiter, entry, code);
    tables.withdrawRun(entry);
  } else tables.withdrawSession(entry);
}

function callsOf(waiter: Waiter): BookedCall[] {
  return waiter.claimants as BookedCall[]; // only calls are ever added
}

/** What a call asks for that can wait. */
export function requestOf(call: BookedCall): AcquireRunCall | AcquireSessionCall {
  return call as AcquireRunCall | AcquireSessionCall; // nothing else waits or is refused
}
