/**
 * What each message does: how it is decided, and what it changes then.
 */
import {
  type Decision,
  decideRun,
  decideSession,
  type EndReason,
  type RefusalCode,
  RunEntry,
  type RunRequest,
  refusalError,
  type SessionEntry,
  waitersIn,
} from '../slots/index.ts';
import { bind, renew, takeOver, unbind } from './bonds.ts';
import type { BookedCall } from './call-book.ts';
import { type Caller, requestOf } from './caller.ts';
import type {
  AcquireCall,
  AcquireRunCall,
  AcquireSessionCall,
  Bonds,
  EvictCall,
  ExamineStorageCall,
  HolderDownCall,
  ReleaseCall,
  ReleaseRunCall,
  ReleaseSessionCall,
  RenewCall,
  RenewRunCall,
  RenewSessionCall,
  SetDrainingCall,
  SetLimitsCall,
  SweepCall,
  TakeBackCall,
  WithdrawCall,
} from './calls.ts';
import { grantWaiters, handleOn, leaveWait, refuse, refuseCaller, refuseWait } from './grants.ts';
import type { Holder } from './holder.ts';
import { noteNotTakenUp, noteQueued } from './journal-notes.ts';
import type { Lease } from './leases.ts';
import { recordDraining, recordEnd, recordGrant, recordLimits } from './records.ts';
import { NOTHING_RELEASED, ONE_RUN_RELEASED, type ReleaseReport } from './release-report.ts';
import { runIds } from './run-ids.ts';
import { tieOf } from './slot-tie.ts';
import { staleToken } from './stale-token.ts';
import type { Survivors } from './survivors.ts';
import type { Operation } from './write-path.ts';

/** A call that comes back after a crash and has its place in the queue still. */
const STAYS = { type: 'stays' } as const;

const NOT_KEPT = { type: 'refuse', refusal: { code: 'storage_unavailable' } } as const;

type Verdict<Entry> = Decision<Entry> | typeof STAYS;

export const acquireRun: Operation<AcquireRunCall, Verdict<RunEntry>> = {
  decide: (limiter, call) =>
    call.isWaiting ? STAYS : unlessDegraded(limiter, decideNewRun(limiter, call), call),

  change(limiter, call, decision) {
    const { batch } = limiter;
    switch (decision.type) {
      case 'grant': {
        const entry = holdRun(limiter, call);
        batch.answer(call, handleOn(limiter, entry), entry);
        break;
      }
      case 'wait':
        queueRun(limiter, call);
        break;
      case 'refuse':
        if (limiter.isDurable) noteNotTakenUp(limiter, call, decision.refusal.code);
        answerKnown(limiter, call, decision);
        break;
      default:
        answerKnown(limiter, call, decision);
    }
  },
};

export const acquireSession: Operation<AcquireSessionCall, Verdict<SessionEntry>> = {
  decide: (limiter, call) =>
    call.isWaiting ? STAYS : unlessDegraded(limiter, decideSession(limiter.tables, call), call),

  change(limiter, call, decision) {
    const { tables, batch, now } = limiter;
    switch (decision.type) {
      case 'grant': {
        const entry = tables.holdSession(call, limiter.tokens.next(), now);
        if (call.bonds) bind(limiter, entry, call.bonds);
        recordGrant(limiter, entry, now);
        batch.answer(call, handleOn(limiter, entry), entry);
        break;
      }
      case 'wait':
        claim(limiter, call, tables.queueSession(call, now));
        break;
      default:
        answerKnown(limiter, call, decision);
    }
  },
};

export const releaseRun: Operation<ReleaseRunCall, RunEntry | undefined> = {
  decide: ({ tables, isDurable }, call) =>
    call.held && !isDurable
      ? whileHeld(call.held)
      : concerned(call, tables.runs.get(runIds.keyOf(call.id))),

  change(limiter, call, entry) {
    limiter.batch.answer(call, entry ? releaseOneRun(limiter, entry, call) : NOTHING_RELEASED);
    if (entry) grantWaiters(limiter);
  },
};

export const releaseSession: Operation<ReleaseSessionCall, SessionEntry | undefined> = {
  decide: ({ tables }, call) => concerned(call, tables.sessions.get(call.id)),

  change(limiter, call, entry) {
    limiter.batch.answer(
      call,
      entry
        ? releaseAll(limiter, entry, 'released', call.held !== undefined, call.note)
        : NOTHING_RELEASED,
    );
    if (entry) grantWaiters(limiter);
  },
};

export const withdraw: Operation<WithdrawCall, BookedCall> = {
  decide: (_limiter, call) => call.call,

  change(limiter, call, leaving) {
    leaveWait(limiter, leaving);
    limiter.batch.answer(call, undefined);
    grantWaiters(limiter);
  },
};

/** The slot alone: what else is tied to a session is no concern of who has not got it. */
export const takeBack: Operation<TakeBackCall, boolean> = {
  decide: (_limiter, { granted }) => granted.isHeld && granted.claims === 0,

  change(limiter, call, isUnclaimed) {
    if (isUnclaimed) endSlot(limiter, call.granted, 'released', true);
    limiter.batch.answer(call, undefined);
    grantWaiters(limiter);
  },
};

export const holderDown: Operation<HolderDownCall, Holder> = {
  decide: (_limiter, call) => call.holder,

  change(limiter, call, { slots, calls }) {
    for (const waiting of [...calls]) refuseCaller(limiter, waiting);
    endAllHeld(limiter, [...slots], 'holder_down');
    limiter.batch.answer(call, undefined);
    grantWaiters(limiter);
  },
};

export const sweep: Operation<SweepCall, readonly Lease[]> = {
  decide: ({ leases }) => leases.due(),

  change(limiter, call, due) {
    endAllHeld(
      limiter,
      due.map(({ entry }) => entry),
      'expired',
    );
    limiter.leases.swept();
    limiter.batch.answer(call, undefined);
    grantWaiters(limiter);
  },
};

export const renewRun: Operation<RenewRunCall, RunEntry | undefined> = {
  decide: ({ tables }, { id, token }) => current(tables.runs.get(runIds.keyOf(id)), token),
  change: renewIfCurrent,
};

export const renewSession: Operation<RenewSessionCall, SessionEntry | undefined> = {
  decide: ({ tables }, { id, token }) => current(tables.sessions.get(id), token),
  change: renewIfCurrent,
};

export const evict: Operation<EvictCall, RunEntry | undefined> = {
  decide: ({ tables }, { id }) => tables.runs.get(runIds.keyOf(id)),

  change(limiter, call, entry) {
    limiter.batch.answer(call, entry ? evictRun(limiter, entry, call.note) : NOTHING_RELEASED);
    if (entry) grantWaiters(limiter);
  },
};

export const setDraining: Operation<SetDrainingCall, boolean> = {
  decide: ({ tables }, call) => tables.isDraining !== call.isDraining,

  change(limiter, call, isChange) {
    const refused = call.isDraining ? refuseAll(limiter, call.keepsOrders) : 0;
    limiter.batch.answer(call, refused);
    if (!isChange) return;
    limiter.tables.drain(call.isDraining);
    recordDraining(limiter, call.isDraining, refused);
    grantWaiters(limiter);
  },
};

export const setLimits: Operation<SetLimitsCall, boolean> = {
  decide: ({ storage }) => !storage.isDegraded,

  change(limiter, call, canBeKept) {
    if (!canBeKept) {
      limiter.batch.refuse(call, refusalError({ code: 'storage_unavailable' }));
      return;
    }
    if (call.changes) limiter.tables.changeLimits(call.changes);
    else limiter.tables.resetLimits();
    limiter.limitsChangedBy(call.by);
    recordLimits(limiter);
    limiter.batch.answer(call, limiter.tables.limits);
    grantWaiters(limiter);
  },
};

/** What is written in it stays written, also where the batch is served again: it is done once. */
export const examineStorage: Operation<ExamineStorageCall, void> = {
  decide({ storage }, call) {
    if (call.isExamined) return;
    call.isExamined = true;
    storage.examine();
  },

  change(limiter, call) {
    limiter.batch.answer(call, undefined);
    grantWaiters(limiter);
  },
};

/** What is asked for, and what the slot is to hang on. */
export interface BoundRequest extends RunRequest {
  readonly bonds: Bonds | undefined;
}

/** A run that was decided to be granted gets its slot. */
export function holdRun(limiter: Survivors, request: BoundRequest): RunEntry {
  const { now } = limiter;
  const entry = limiter.tables.holdRun(request, limiter.tokens.next(), now);
  if (request.bonds) bind(limiter, entry, request.bonds);
  recordGrant(limiter, entry, now);
  return entry;
}

/** Ends everything: the limiter stops. */
export function endAll(limiter: Survivors, reason: EndReason): void {
  for (const entry of limiter.tables.knownSessions()) {
    for (const run of entry.runs()) if (run.isHeld) endSlot(limiter, run, reason, false);
    if (entry.isHeld) endSlot(limiter, entry, reason, false);
  }
}

/** What cannot be written down is not granted, nor queued if its wait is to be written down. */
function unlessDegraded<Entry>(
  { storage }: Survivors,
  decision: Decision<Entry>,
  { bonds }: AcquireCall,
): Decision<Entry> {
  if (!storage.isDegraded) return decision;
  const isLost = decision.type === 'refuse' && decision.refusal.code === 'unavailable';
  const isToBeWritten = decision.type === 'wait' && bonds?.life === 'command';
  return decision.type === 'grant' || isLost || isToBeWritten ? NOT_KEPT : decision;
}

function queueRun(limiter: Survivors, call: AcquireRunCall): void {
  const entry = limiter.tables.queueRun(call, limiter.now);
  if (limiter.isDurable) {
    noteQueued(limiter, entry, call);
    limiter.tables.undo.add(forgetWait, call);
  }
  claim(limiter, call, entry);
}

function forgetWait(call: AcquireRunCall): void {
  call.entry = undefined;
}

/** A managed run is nobody else's: its work begins with its grant, and gives it back. */
function decideNewRun({ tables }: Survivors, call: AcquireRunCall): Decision<RunEntry> {
  const decision = decideRun(tables, call);
  if (decision.type !== 'held' && decision.type !== 'join') return decision;
  const isMeant = call.bonds?.work ? isToBeTakenUp(decision.entry) : !isManaged(decision.entry);
  if (isMeant) return decision;
  return { type: 'refuse', refusal: { code: 'run_id_conflict', id: call.runId } };
}

function answerKnown(
  limiter: Survivors,
  call: BookedCall,
  decision: Exclude<Verdict<RunEntry | SessionEntry>, { type: 'grant' | 'wait' }>,
): void {
  if (decision.type === 'join') claim(limiter, call, decision.entry);
  else if (decision.type === 'refuse') refuse(limiter, call, decision.refusal, 0);
  else if (decision.type === 'held') {
    const { work } = requestOf(call).bonds ?? {};
    if (work && isAlike(decision.entry, call)) takeOver(limiter, decision.entry, work);
    limiter.batch.answer(call, handleOn(limiter, decision.entry), decision.entry);
  }
}

function isManaged(entry: RunEntry): boolean {
  const waiting = entry.waiter?.claimants[0] as Caller | undefined; // nobody else is added
  return (waiting ? requestOf(waiting).bonds?.work : tieOf(entry)?.work) !== undefined;
}

/** It was held for a process that has ended, and nobody has taken it up yet. */
function isToBeTakenUp(entry: RunEntry): boolean {
  return entry.isHeld && entry.life === 'command' && tieOf(entry)?.work === undefined;
}

/** Who wants a slot to live on cannot take over one that ends with the process, nor the other way. */
function isAlike(entry: RunEntry | SessionEntry, call: BookedCall): boolean {
  return requestOf(call).bonds?.life === entry.life;
}

/** The call waits for this entry, alone or with others. */
function claim(limiter: Survivors, call: BookedCall, entry: RunEntry | SessionEntry): void {
  if (!entry.waiter) return;
  limiter.tables.addClaim(entry.waiter, call);
  call.startWaiting(entry);
  const { work } = requestOf(call).bonds ?? {};
  // Where its wait could not be written down, it was taken back.
  if (work) queueMicrotask(() => call.entry && work.queued());
}

/** A run's entry is that of one grant. Tables that were built anew from a journal may know another. */
function whileHeld(entry: RunEntry): RunEntry | undefined {
  return entry.isHeld ? entry : undefined;
}

/** What a release is about: with a handle or a token, only the grant that it stands for. */
function concerned<Entry extends RunEntry | SessionEntry>(
  { token, held }: ReleaseCall<Entry>,
  entry: Entry | undefined,
): Entry | undefined {
  const grant = token ?? held?.token;
  if (grant === undefined || entry === undefined) return entry;
  return entry.isHeld && entry.token === grant ? entry : undefined;
}

function releaseOneRun(
  limiter: Survivors,
  entry: RunEntry,
  { held, note }: ReleaseRunCall,
): ReleaseReport {
  if (entry.isHeld) {
    const isOver = endOrAsk(limiter, entry, 'released', held !== undefined, note);
    return isOver ? ONE_RUN_RELEASED : NOTHING_RELEASED;
  }
  refuseWait(limiter, entry, 'withdrawn');
  return { sessions: 0, runs: 0, waiters: 1 };
}

/** Its waiters first, so that none of them is granted what its runs give back. */
function releaseAll(
  limiter: Survivors,
  entry: SessionEntry,
  reason: EndReason,
  isOwn: boolean,
  note?: string,
): ReleaseReport {
  const waiters = refuseWaits(limiter, entry);
  let runs = 0;
  for (const run of entry.runs()) {
    if (endOrAsk(limiter, run, 'cascade', false)) runs += 1;
  }
  const sessions = entry.isHeld && endOrAsk(limiter, entry, reason, isOwn, note) ? 1 : 0;
  return { sessions, runs, waiters };
}

/** Slots end against their holders: runs for their own sake, sessions with all that is tied to them. */
function endAllHeld(
  limiter: Survivors,
  entries: readonly (RunEntry | SessionEntry)[],
  reason: EndReason,
): void {
  for (const entry of entries) {
    if (entry instanceof RunEntry && entry.isHeld) endOrAsk(limiter, entry, reason, false);
  }
  for (const entry of entries) {
    if (!(entry instanceof RunEntry) && entry.isHeld) releaseAll(limiter, entry, reason, false);
  }
}

function evictRun(limiter: Survivors, entry: RunEntry, note: string): ReleaseReport {
  if (entry.isHeld) {
    endSlot(limiter, entry, 'evicted', false, note);
    return ONE_RUN_RELEASED;
  }
  refuseWait(limiter, entry, 'withdrawn');
  return { sessions: 0, runs: 0, waiters: 1 };
}

/** The grant that a token stands for, if it is held still. */
function current<Entry extends RunEntry | SessionEntry>(
  entry: Entry | undefined,
  token: number,
): Entry | undefined {
  return entry?.isHeld && entry.token === token ? entry : undefined;
}

function renewIfCurrent(
  limiter: Survivors,
  call: RenewCall,
  entry: RunEntry | SessionEntry | undefined,
): void {
  if (entry) renew(limiter, entry);
  limiter.batch.answer(call, entry ? undefined : staleToken(call.id, call.token));
}

/** Who waits is taken in no more than who comes; work that waits in the journal may stay there. */
function refuseAll(limiter: Survivors, keepsOrders: boolean): number {
  const { tables } = limiter;
  const waiters = [...waitersIn(tables.runQueue), ...waitersIn(tables.sessionQueue)];
  const entries = waiters.map(({ entry }) => entry as RunEntry | SessionEntry); // nothing else waits
  const refused = entries.filter((entry) => !keepsOrders || !tieOf(entry)?.isWaitWritten);
  for (const entry of refused) refuseWait(limiter, entry, 'draining');
  return refused.length;
}

function refuseWaits(limiter: Survivors, entry: SessionEntry): number {
  let waiters = 0;
  const refuse = (waiting: RunEntry | SessionEntry, code: RefusalCode): void => {
    if (!waiting.isWaiting) return;
    refuseWait(limiter, waiting, code);
    waiters += 1;
  };
  refuse(entry, 'withdrawn');
  for (const run of entry.runs()) refuse(run, 'session_released');
  return waiters;
}

/**
 * Ends a slot against its holder or for him; or asks the work of a managed one to end, which gives it
 * back when it is gone. False if it was asked: it is held still.
 */
function endOrAsk(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  reason: EndReason,
  isOwn: boolean,
  note?: string,
): boolean {
  if (isOwn || !tieOf(entry)?.work) {
    endSlot(limiter, entry, reason, isOwn, note);
    return true;
  }
  // It was its lease or its holder, if it had one, or makes no difference to them.
  unbind(limiter, entry);
  limiter.batch.ask(entry, reason);
  return false;
}

/** The one place where slots end. */
export function endSlot(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  reason: EndReason,
  isOwn: boolean,
  note?: string,
): void {
  const { tables, batch } = limiter;
  entry.isOwnEnd = isOwn;
  if (entry.tie !== undefined) unbind(limiter, entry);
  if (entry instanceof RunEntry) tables.endRun(entry, reason);
  else tables.endSession(entry, reason);
  recordEnd(limiter, entry, reason, note);
  // Who has taken over a session has to hear of its end, also through a handle of another's.
  const { tie } = entry;
  if (tie !== undefined && (!isOwn || !(entry instanceof RunEntry))) batch.lose(entry);
}
