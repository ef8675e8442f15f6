/**
 * What an idle limiter answers on its caller's stack: a grant, and what a handle gives back.
 *
 * It is a turn of the limiter's mailbox like any other, decided and changed by the same functions and
 * told by the same path; only the envelope is saved, which costs as much as all the rest. Whatever
 * cannot be answered on the spot changes nothing here and takes the way of a call.
 */
import { visit } from '../otp/client.ts';
import type { Host } from '../otp/server.ts';
import type { RunEntry } from '../slots/index.ts';
import { decideNewRun, decideRun } from '../slots/index.ts';
import type { AcquireRunCall } from './calls.ts';
import type { Desk } from './desk.ts';
import { grantWaiters, runHandleOn } from './grants.ts';
import { acquireRun, type BoundRequest, endSlot, holdRun } from './operations.ts';
import { ONE_RUN_RELEASED, type ReleaseReport } from './release-report.ts';
import type { RunSlot } from './slot.ts';
import { tieOf } from './slot-tie.ts';
import type { Survivors } from './survivors.ts';
import type { WaitingJob } from './waiting-job.ts';
import { enter, finish } from './write-path.ts';

/**
 * The slot, if there is room for it now or it is held already. It is given also where the loop's share is
 * used up; its caller must not be told before the next macrotask then (`hasShareLeft`, `shareOpens`), for
 * a chain of answers, each of which asks again, would starve timers and sockets.
 */
export function acquireRunAtOnce(desk: Desk, request: BoundRequest): RunSlot | undefined {
  return atOnce(desk, grantOnTheSpot, request);
}

/** The same for a run whose key is from `nextRunKey`, just now. */
export function acquireNewRunAtOnce(desk: Desk, request: BoundRequest): RunSlot | undefined {
  return atOnce(desk, grantNewOnTheSpot, request);
}

/** Ends the slot of a run for its holder. The same holds for him. */
export function giveBackAtOnce(desk: Desk, held: RunEntry): ReleaseReport | undefined {
  return atOnce(desk, endOnTheSpot, held);
}

/**
 * Queues a call that has to wait. It is then owed its answer, as a call is that was sent; if not, it has
 * to be sent. Nobody has an answer of it yet, so the loop's share does not matter: a burst of any length
 * is queued as it comes, and none of it stands in the mailbox.
 */
export function queueAtOnce(desk: Desk, call: AcquireRunCall): void {
  visit(desk.ref, queueOnTheSpot, call);
}

/** The same for a job that waits without a call. False if it does not: it has to call then. */
export function queueJobAtOnce(desk: Desk, waiting: WaitingJob): boolean {
  return atOnce(desk, queueJobOnTheSpot, waiting) !== undefined;
}

/** After a crash in the midst of it the answer stands if it was committed; if not, nothing was done. */
function atOnce<Subject, Answer>(
  desk: Desk,
  act: (limiter: Survivors, subject: Subject, host: Host) => Answer | undefined,
  subject: Subject,
): Answer | undefined {
  const answer = visit(desk.ref, act, subject);
  const committed = desk.batch.takeAtOnce() as Answer | undefined; // what `act` has committed
  return answer ?? committed;
}

function grantOnTheSpot(limiter: Survivors, request: BoundRequest): RunSlot | undefined {
  const { faultPoints, tables } = limiter;
  if (faultPoints) enter(faultPoints);
  const decision = decideRun(tables, request);
  faultPoints?.reach('after', 'decide');
  if (decision.type === 'held' && !request.bonds?.work && !tieOf(decision.entry)?.work) {
    decision.entry.claims += 1;
    return runHandleOn(limiter, decision.entry);
  }
  return decision.type === 'grant' ? grantNow(limiter, request) : undefined;
}

function grantNewOnTheSpot(limiter: Survivors, request: BoundRequest): RunSlot | undefined {
  const { faultPoints, tables } = limiter;
  if (faultPoints) enter(faultPoints);
  const decision = decideNewRun(tables, request);
  faultPoints?.reach('after', 'decide');
  return decision.type === 'grant' ? grantNow(limiter, request) : undefined;
}

function grantNow(limiter: Survivors, request: BoundRequest): RunSlot {
  const { faultPoints } = limiter;
  faultPoints?.reach('before', 'change');
  const entry = holdRun(limiter, request);
  faultPoints?.reach('after', 'change');
  const slot = runHandleOn(limiter, entry);
  entry.claims = 1;
  finish(limiter, slot);
  return slot;
}

function queueOnTheSpot(limiter: Survivors, call: AcquireRunCall, host: Host): undefined {
  const { faultPoints } = limiter;
  if (faultPoints) enter(faultPoints);
  const decision = acquireRun.decide(limiter, call);
  faultPoints?.reach('after', 'decide');
  if (decision.type !== 'wait') return;
  host.owe(call);
  faultPoints?.reach('before', 'change');
  acquireRun.change(limiter, call, decision);
  faultPoints?.reach('after', 'change');
  finish(limiter);
}

function queueJobOnTheSpot(limiter: Survivors, waiting: WaitingJob): WaitingJob | undefined {
  const { faultPoints, tables } = limiter;
  if (faultPoints) enter(faultPoints);
  const decision = decideNewRun(tables, waiting);
  faultPoints?.reach('after', 'decide');
  if (decision.type !== 'wait') return undefined;
  faultPoints?.reach('before', 'change');
  tables.queueRun(waiting, limiter.now, waiting);
  faultPoints?.reach('after', 'change');
  finish(limiter, waiting);
  return waiting;
}

function endOnTheSpot(limiter: Survivors, held: RunEntry, host: Host): ReleaseReport | undefined {
  const { faultPoints, tables } = limiter;
  // Who waits would be answered.
  if (!host.mayAnswer && tables.waitingRuns + tables.waitingSessions > 0) return undefined;
  if (faultPoints) enter(faultPoints);
  if (!held.isHeld) return undefined;
  faultPoints?.reach('after', 'decide');
  faultPoints?.reach('before', 'change');
  endSlot(limiter, held, 'released', true);
  grantWaiters(limiter);
  faultPoints?.reach('after', 'change');
  finish(limiter, ONE_RUN_RELEASED);
  return ONE_RUN_RELEASED;
}
