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
import { type Caller, requestOf } from './caller.ts';
import type { Bonds } from './calls.ts';
import { noteWaitEnded } from './journal-notes.ts';
import { recordGrant, recordRefusal } from './records.ts';
import { RunSlot, SessionSlot } from './slot.ts';
import type { Survivors } from './survivors.ts';
import { WaitingJob } from './waiting-job.ts';

/** Grants every waiter for whom there is room, in order, where it can be written down. */
export function grantWaiters(limiter: Survivors): void {
  const { tables, storage, waitingOrders } = limiter;
  if (storage.isDegraded || waitingOrders.areKept || tables.isDraining) return;
  for (let entry = tables.nextSession(); entry; entry = tables.nextSession()) {
    grantOrDrop(limiter, entry);
  }
  for (let entry = tables.nextRun(); entry; entry = tables.nextRun()) grantOrDrop(limiter, entry);
}

/** The handle that a call is answered with. */
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
  for (const caller of callersOf(waiter)) refuse(limiter, caller, { code }, waitedMs);
}

/** One caller is refused, wherever his call is: his holder is down. */
export function refuseCaller(limiter: Survivors, caller: Caller): void {
  const { entry } = caller;
  const waiter = entry?.waiter;
  const since = waiter?.since ?? limiter.now;
  if (entry && waiter?.hasClaimant(caller)) {
    limiter.tables.removeClaim(waiter, caller);
    if (!waiter.isClaimed) withdraw(limiter, entry, 'withdrawn');
  }
  refuse(limiter, caller, { code: 'withdrawn' }, limiter.now - since);
}

/** One caller leaves a wait, having had his answer; the last one takes it out of the queue. */
export function leaveWait(limiter: Survivors, caller: Caller): void {
  const { entry } = caller;
  const waiter = entry?.waiter;
  if (!entry || !waiter?.hasClaimant(caller)) return;
  const { answered } = caller;
  const code = answered instanceof RefusalError ? answered.code : 'withdrawn';
  const refusal = { ...blockOf(limiter.tables, entry), code };
  recordRefusal(limiter, requestOf(caller), refusal, limiter.now - waiter.since);
  limiter.tables.removeClaim(waiter, caller);
  if (!waiter.isClaimed) withdraw(limiter, entry, code);
}

/** Callers who have had their answer (a deadline, an abort) and whose leaving is on its way here. */
export function leaveIfAnswered(limiter: Survivors, waiter: Waiter): void {
  for (const caller of callersOf(waiter)) if (caller.isSettled) leaveWait(limiter, caller);
}

/** An acquire is answered with a refusal. */
export function refuse(limiter: Survivors, caller: Caller, refusal: Refusal, waited: number): void {
  limiter.batch.refuse(caller, refusalError(refusal, caller));
  recordRefusal(limiter, requestOf(caller), refusal, waited);
}

/**
 * Grants an entry, unless all its callers are past their deadlines: a blocked loop lets those timers
 * fire late, and a slot is not given to who has waited longer than he could.
 */
function grantOrDrop(limiter: Survivors, entry: RunEntry | SessionEntry): void {
  const { waiter } = entry;
  if (!waiter) return;
  const only = waiter.onlyClaimant as Caller | undefined; // nobody else is ever added
  if (only) {
    if (isGone(only)) leaveWait(limiter, only);
    else grantTo(limiter, entry, waiter, only);
  } else grantToAll(limiter, entry, waiter);
}

/** A list costs a tenth of a grant: this is the way of nearly all. */
function grantTo(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  { since }: Waiter,
  caller: Caller,
): void {
  hold(limiter, entry, requestOf(caller).bonds);
  recordGrant(limiter, entry, since);
  give(limiter, caller, entry);
}

function grantToAll(limiter: Survivors, entry: RunEntry | SessionEntry, waiter: Waiter): void {
  for (const caller of callersOf(waiter)) if (isGone(caller)) leaveWait(limiter, caller);
  if (entry.waiter !== waiter) return;
  const callers = callersOf(waiter);
  hold(limiter, entry, callers[0] && requestOf(callers[0]).bonds);
  const work = callers.length > 1 && workAmong(callers, entry);
  if (work) takeOver(limiter, entry, work);
  recordGrant(limiter, entry, waiter.since);
  for (const caller of callers) give(limiter, caller, entry);
}

/** He is answered with a handle, or with himself if he brings his job with him. */
function give(limiter: Survivors, caller: Caller, entry: RunEntry | SessionEntry): void {
  const answer = caller instanceof WaitingJob ? caller : handleOn(limiter, entry);
  limiter.batch.answer(caller, answer, entry);
}

function isGone(caller: Caller): boolean {
  return caller.expireIfDue() || caller.isSettled;
}

function hold(limiter: Survivors, entry: RunEntry | SessionEntry, bonds: Bonds | undefined): void {
  const { tables, tokens, now } = limiter;
  if (entry instanceof RunEntry) tables.grantRun(entry, tokens.next(), now);
  else tables.grantSession(entry, tokens.next(), now);
  if (bonds) bind(limiter, entry, bonds);
}

/** What the slot is to be held for, whoever asked first: of those who want it to live as long as it does. */
function workAmong(callers: readonly Caller[], { life }: RunEntry | SessionEntry) {
  const isAlike = (caller: Caller) => requestOf(caller).bonds?.life === life;
  const leader = callers.find((caller) => requestOf(caller).bonds?.work && isAlike(caller));
  return leader && requestOf(leader).bonds?.work;
}

function withdraw(limiter: Survivors, entry: RunEntry | SessionEntry, code: RefusalCode): void {
  const { tables } = limiter;
  if (entry instanceof RunEntry) {
    if (limiter.isDurable) noteWaitEnded(limiter, entry, code);
    tables.withdrawRun(entry);
  } else tables.withdrawSession(entry);
}

function callersOf(waiter: Waiter): Caller[] {
  return waiter.claimants as Caller[]; // nobody else is ever added
}
