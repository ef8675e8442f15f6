/**
 * The end of the limiter: nobody will serve any more, in an orderly stop or because its supervisor has
 * given up.
 */
import { SlotkeeperError } from '../fault.ts';
import type { RunEntry, SessionEntry } from '../slots/index.ts';
import type { BookedCall } from './call-book.ts';
import { endAll } from './operations.ts';
import type { Survivors } from './survivors.ts';
import { finish } from './write-path.ts';

/**
 * Ends every slot as `stopped`, rejects every caller who waits and every call that comes with `fault`,
 * and says so on the status page. Again is a no-op.
 */
export function close(limiter: Survivors, fault: () => SlotkeeperError): void {
  const { tables, batch, desk, page } = limiter;
  if (desk.book.closingFault) return;
  limiter.faultPoints = undefined;
  if (!batch.isCommitted) tables.undo.rollBack();
  const callers = callersWaiting(limiter);
  endAll(limiter, 'stopped');
  page.publishState('stopped', limiter.restarts);
  desk.book.close(fault);
  finish(limiter);
  for (const call of callers) call.rejectWith(fault());
}

export function stopped(): SlotkeeperError<'stopped'> {
  return new SlotkeeperError('stopped', 'The limiter has been stopped');
}

function callersWaiting({ tables }: Survivors): BookedCall[] {
  const callers: BookedCall[] = [];
  const withdraw = (entry: RunEntry | SessionEntry, take: () => void): void => {
    if (!entry.waiter) return;
    callers.push(...(entry.waiter.claimants as BookedCall[])); // only calls wait
    take();
  };
  for (const run of tables.runs) withdraw(run, () => tables.withdrawRun(run));
  for (const session of tables.sessions) withdraw(session, () => tables.withdrawSession(session));
  return callers;
}
