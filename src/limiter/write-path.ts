/**
 * The one path that every write takes:
 *
 *     client → mailbox → decide → change → journal → publish → reply → emit
 *
 * Nothing is visible before it is durable, and nothing is answered before it is visible. That order
 * stands here and nowhere else.
 *
 * With a journal that keeps nothing, each message is a batch of its own and is answered in its own
 * service. With a durable one the messages of a turn are one batch: each is decided and changes the
 * tables, and the turn's end commits them in one transaction and then answers them in order.
 */
import type { BookedCall } from './call-book.ts';
import type { Caller } from './caller.ts';
import type { FaultPoints } from './fault-points.ts';
import { noteActivities } from './journal-notes.ts';
import { askForEnd, loseSlot } from './slot.ts';
import type { Survivors } from './survivors.ts';

/** What one sort of message does: it is decided without changing anything, then changes the tables. */
export interface Operation<Call extends BookedCall, Decision> {
  decide(limiter: Survivors, call: Call): Decision;
  change(limiter: Survivors, call: Call, decision: Decision): void;
}

/** Takes one message through the path, as far as it goes by itself. */
export function take<Call extends BookedCall, Decision>(
  limiter: Survivors,
  call: Call,
  operation: Operation<Call, Decision>,
): void {
  const { faultPoints } = limiter;
  if (faultPoints) enter(faultPoints);
  const decision = operation.decide(limiter, call);
  faultPoints?.reach('after', 'decide');
  faultPoints?.reach('before', 'change');
  operation.change(limiter, call, decision);
  faultPoints?.reach('after', 'change');
  if (limiter.isDurable) limiter.batch.take(call, operation);
  else finish(limiter);
}

/** The points that every message passes before it is decided, with or without an envelope. */
export function enter(faultPoints: FaultPoints): void {
  faultPoints.reach('before', 'mailbox');
  faultPoints.reach('after', 'mailbox');
  faultPoints.reach('before', 'decide');
}

/** Commits the batch and tells it. `atOnce` is for a caller who is on this stack. */
export function finish(limiter: Survivors, atOnce?: unknown): void {
  const { batch, tables, faultPoints } = limiter;
  faultPoints?.reach('before', 'journal');
  if (batch.changes.length > 0 && !keep(limiter)) serveAgain(limiter);
  tables.undo.clear();
  batch.commit(atOnce);
  faultPoints?.reach('after', 'journal');
  tell(limiter);
}

/**
 * The batch could not be committed: it is taken back, and its messages are served again in their order,
 * by a limiter that grants nothing. What ends in them ends, and is owed to the journal.
 */
function serveAgain(limiter: Survivors): void {
  const { batch, tables } = limiter;
  tables.undo.rollBack();
  const messages = batch.takeMessages();
  batch.forget();
  for (const { call, operation } of messages) {
    operation.change(limiter, call, operation.decide(limiter, call));
    batch.take(call, operation);
  }
  keep(limiter);
}

function keep(limiter: Survivors): boolean {
  noteActivities(limiter);
  return limiter.storage.keep(limiter.batch.changes);
}

/** A committed batch is shown, answered, emitted. What was told before a crash is not told again. */
export function tell(limiter: Survivors): void {
  const { batch, storage, faultPoints } = limiter;
  faultPoints?.reach('before', 'publish');
  publish(limiter);
  faultPoints?.reach('after', 'publish');
  faultPoints?.reach('before', 'reply');
  if (!batch.isEmpty) reply(limiter);
  faultPoints?.reach('after', 'reply');
  faultPoints?.reach('before', 'emit');
  if (limiter.isDurable) storage.tellNews(limiter.publishEvent);
  if (!batch.isEmpty) batch.tellEvents(limiter.publishEvent);
  faultPoints?.reach('after', 'emit');
  batch.clear();
  if (limiter.drains.areOpen) endDrains(limiter);
}

/** What a crash has left: a committed batch is told to its end, any other is taken back. */
export function resume(limiter: Survivors): void {
  const { batch, tables } = limiter;
  if (batch.isCommitted) tell(limiter);
  tables.undo.rollBack();
  batch.forget();
}

/** Who waits for the last run to end, or for an end of draining, is told that it has come. */
function endDrains({ tables, drains }: Survivors): void {
  if (!tables.isDraining) drains.end(false);
  else if (tables.runGate.held === 0) drains.end(true);
}

/** Shows the tables as they are now. */
export function publish({ tables, page, mode, storage, restarts }: Survivors): void {
  const state = mode === 'accepting' && tables.isDraining ? 'draining' : mode;
  page.publishState(state, storage.state, restarts);
  page.publish(
    tables.runGate.held,
    tables.waitingRuns,
    tables.sessionlessRuns,
    tables.sessionGate.held,
    tables.waitingSessions,
  );
  page.publishLimits(tables.limits);
}

function reply(limiter: Survivors): void {
  const { batch } = limiter;
  batch.tellAnswers(answer);
  batch.tellLosses(loseSlot);
  batch.tellAsks(askForEnd);
  if (batch.hasGone) releaseUnclaimed(limiter);
}

/** Gives a caller his answer. False when he has gone, and a slot was for him that nobody else has. */
function answer(caller: Caller): boolean {
  const { entry, decided } = caller;
  const isDelivered = caller.tell();
  if (!entry || decided instanceof Error) return true;
  if (isDelivered) entry.claims += 1;
  return entry.claims > 0;
}

/** Everybody who asked for it has gone meanwhile: nobody would ever give it back. */
function releaseUnclaimed({ desk, batch }: Survivors): void {
  for (const entry of batch.takeUnclaimed()) desk.takeBack(entry);
}
