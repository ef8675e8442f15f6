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
  type SessionEntry,
} from '../slots/index.ts';
import type { BookedCall } from './call-book.ts';
import type {
  AcquireRunCall,
  AcquireSessionCall,
  ReleaseCall,
  ReleaseRunCall,
  ReleaseSessionCall,
  SetLimitsCall,
  TakeBackCall,
  WithdrawCall,
} from './calls.ts';
import { grantWaiters, handleOn, leaveWait, refuseCall, refuseWait } from './grants.ts';
import { recordEnd, recordGrant, recordLimits } from './records.ts';
import { NOTHING_RELEASED, ONE_RUN_RELEASED, type ReleaseReport } from './release-report.ts';
import { runIds } from './run-ids.ts';
import type { Survivors } from './survivors.ts';
import { nextToken } from './tokens.ts';
import type { Operation } from './write-path.ts';

/** A call that comes back after a crash and has its place in the queue still. */
const STAYS = { type: 'stays' } as const;

type Verdict<Entry> = Decision<Entry> | typeof STAYS;

export const acquireRun: Operation<AcquireRunCall, Verdict<RunEntry>> = {
  decide: ({ tables }, call) => (call.isWaiting ? STAYS : decideRun(tables, call)),

  change(limiter, call, decision) {
    const { tables, batch } = limiter;
    switch (decision.type) {
      case 'grant': {
        const entry = holdRun(limiter, call);
        batch.answer(call, handleOn(limiter, entry), entry);
        break;
      }
      case 'wait':
        claim(limiter, call, tables.queueRun(call, limiter.now));
        break;
      default:
        answerKnown(limiter, call, decision);
    }
  },
};

export const acquireSession: Operation<AcquireSessionCall, Verdict<SessionEntry>> = {
  decide: ({ tables }, call) => (call.isWaiting ? STAYS : decideSession(tables, call)),

  change(limiter, call, decision) {
    const { tables, batch, now } = limiter;
    switch (decision.type) {
      case 'grant': {
        const entry = tables.holdSession(call, nextToken(), now);
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
  decide: ({ tables }, call) => concerned(call, () => tables.runs.get(runIds.keyOf(call.id))),

  change(limiter, call, entry) {
    limiter.batch.answer(call, entry ? releaseOneRun(limiter, entry, call) : NOTHING_RELEASED);
    if (entry) grantWaiters(limiter);
  },
};

export const releaseSession: Operation<ReleaseSessionCall, SessionEntry | undefined> = {
  decide: ({ tables }, call) => concerned(call, () => tables.sessions.get(call.id)),

  change(limiter, call, entry) {
    limiter.batch.answer(call, entry ? releaseAll(limiter, entry, call) : NOTHING_RELEASED);
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
  decide: (_limiter, { granted }) => granted.isHeld && !granted.isClaimed,

  change(limiter, call, isUnclaimed) {
    if (isUnclaimed) endSlot(limiter, call.granted, 'released', true);
    limiter.batch.answer(call, undefined);
    grantWaiters(limiter);
  },
};

export const setLimits: Operation<SetLimitsCall, undefined> = {
  decide: () => undefined,

  change(limiter, call) {
    limiter.tables.changeLimits(call.changes);
    recordLimits(limiter);
    limiter.batch.answer(call, limiter.tables.limits);
    grantWaiters(limiter);
  },
};

/** A run that was decided to be granted gets its slot. */
export function holdRun(limiter: Survivors, request: RunRequest): RunEntry {
  const { now } = limiter;
  const entry = limiter.tables.holdRun(request, nextToken(), now);
  recordGrant(limiter, entry, now);
  return entry;
}

/** Ends everything: the limiter stops. */
export function endAll(limiter: Survivors, reason: EndReason): void {
  for (const entry of limiter.tables.sessions) {
    for (const run of entry.runs()) if (run.isHeld) endSlot(limiter, run, reason, false);
    if (entry.isHeld) endSlot(limiter, entry, reason, false);
  }
}

function answerKnown(
  limiter: Survivors,
  call: BookedCall,
  decision: Exclude<Verdict<RunEntry | SessionEntry>, { type: 'grant' | 'wait' }>,
): void {
  if (decision.type === 'join') claim(limiter, call, decision.entry);
  else if (decision.type === 'refuse') refuseCall(limiter, call, decision.refusal, 0);
  else if (decision.type === 'held') {
    limiter.batch.answer(call, handleOn(limiter, decision.entry), decision.entry);
  }
}

/** The call waits for this entry, alone or with others. */
function claim(limiter: Survivors, call: BookedCall, entry: RunEntry | SessionEntry): void {
  if (!entry.waiter) return;
  limiter.tables.addClaim(entry.waiter, call);
  call.startWaiting(entry);
}

/** What a release is about: with a handle or a token, only the grant that it stands for. */
function concerned<Entry extends RunEntry | SessionEntry>(
  { token, held }: ReleaseCall<Entry>,
  find: () => Entry | undefined,
): Entry | undefined {
  if (held) return held.isHeld ? held : undefined;
  const entry = find();
  if (token === undefined || entry === undefined) return entry;
  return entry.isHeld && entry.token === token ? entry : undefined;
}

function releaseOneRun(
  limiter: Survivors,
  entry: RunEntry,
  { held }: ReleaseRunCall,
): ReleaseReport {
  if (entry.isHeld) {
    endSlot(limiter, entry, 'released', held !== undefined);
    return ONE_RUN_RELEASED;
  }
  refuseWait(limiter, entry, 'withdrawn');
  return { sessions: 0, runs: 0, waiters: 1 };
}

/** Its waiters first, so that none of them is granted what its runs give back. */
function releaseAll(
  limiter: Survivors,
  entry: SessionEntry,
  { held }: ReleaseSessionCall,
): ReleaseReport {
  const waiters = refuseWaits(limiter, entry);
  let runs = 0;
  for (const run of entry.runs()) {
    endSlot(limiter, run, 'cascade', false);
    runs += 1;
  }
  const sessions = entry.isHeld ? 1 : 0;
  if (entry.isHeld) endSlot(limiter, entry, 'released', held !== undefined);
  return { sessions, runs, waiters };
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

/** The one place where slots end. */
export function endSlot(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  reason: EndReason,
  isOwn: boolean,
): void {
  const { tables, batch } = limiter;
  entry.isOwnEnd = isOwn;
  if (entry instanceof RunEntry) tables.endRun(entry, reason);
  else tables.endSession(entry, reason);
  recordEnd(limiter, entry, reason);
  if (entry.tie !== undefined && !isOwn) batch.lose(entry);
}
