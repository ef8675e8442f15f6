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
import type { Tag } from '../otp/message.ts';
import { RunEntry, type SlotEntry } from '../slots/index.ts';
import type { BookedCall } from './call-book.ts';
import { loseSlot } from './slot.ts';
import type { Survivors } from './survivors.ts';

/** What one sort of message does: it is decided without changing anything, then changes the tables. */
export interface Operation<Request extends Tag, Decision> {
  decide(limiter: Survivors, call: BookedCall<Request>): Decision;
  change(limiter: Survivors, call: BookedCall<Request>, decision: Decision): void;
}

/** Takes one message through the path, as far as it goes by itself. */
export function take<Request extends Tag, Decision>(
  limiter: Survivors,
  call: BookedCall<Request>,
  operation: Operation<Request, Decision>,
): void {
  const { faultPoints } = limiter;
  faultPoints?.reach('before', 'mailbox');
  faultPoints?.reach('after', 'mailbox');
  faultPoints?.reach('before', 'decide');
  const decision = operation.decide(limiter, call);
  faultPoints?.reach('after', 'decide');
  faultPoints?.reach('before', 'change');
  operation.change(limiter, call, decision);
  faultPoints?.reach('after', 'change');
  if (!limiter.journal.isDurable) finish(limiter);
}

/** Commits the batch and tells it. */
export function finish(limiter: Survivors): void {
  const { batch, journal, tables, faultPoints } = limiter;
  faultPoints?.reach('before', 'journal');
  if (batch.changes.length > 0) journal.commit(batch.changes);
  tables.undo.clear();
  batch.isCommitted = true;
  faultPoints?.reach('after', 'journal');
  tell(limiter);
}

/** A committed batch is shown, answered, emitted. What was told before a crash is not told again. */
export function tell(limiter: Survivors): void {
  const { batch, faultPoints } = limiter;
  faultPoints?.reach('before', 'publish');
  publish(limiter);
  faultPoints?.reach('after', 'publish');
  faultPoints?.reach('before', 'reply');
  batch.tellAnswers(answer);
  batch.tellLosses(loseSlot);
  for (const entry of batch.grants) if (!entry.isClaimed) releaseUnclaimed(limiter, entry);
  faultPoints?.reach('after', 'reply');
  faultPoints?.reach('before', 'emit');
  batch.tellEvents();
  faultPoints?.reach('after', 'emit');
  batch.clear();
}

/** Shows the tables as they are now. */
export function publish({ tables, page }: Survivors): void {
  page.publish(
    tables.runGate.held,
    tables.waitingRuns,
    tables.sessionlessRuns,
    tables.sessionGate.held,
    tables.waitingSessions,
  );
  page.publishLimits(tables.limits.maxParallelSessions, tables.limits.maxParallelRuns);
}

function answer(
  call: BookedCall,
  value: unknown,
  isRejection: boolean,
  entry: SlotEntry | undefined,
): void {
  const isDelivered = call.answerer?.replyTo(call, value, isRejection) ?? false;
  if (entry && isDelivered) entry.isClaimed = true;
}

/** Everybody who asked for it has gone meanwhile: nobody would ever give it back. */
function releaseUnclaimed({ desk }: Survivors, entry: SlotEntry): void {
  if (entry instanceof RunEntry) desk.releaseRun(entry.id, entry.token, true);
  else desk.releaseSession(entry.id, entry.token, true);
}
