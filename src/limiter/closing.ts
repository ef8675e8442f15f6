/**
 * The end of the limiter: nobody will serve any more, in an orderly stop or because its supervisor has
 * given up.
 */
import { SlotkeeperError } from '../fault.ts';
import type { RunEntry, SessionEntry } from '../slots/index.ts';
import type { Caller } from './caller.ts';
import { leaveIfAnswered } from './grants.ts';
import { noteWaitEnded } from './journal-notes.ts';
import { endAll } from './operations.ts';
import type { Survivors } from './survivors.ts';
import { finish, resume } from './write-path.ts';

/**
 * Ends every slot as `stopped`, rejects every caller who waits and every call that comes with `fault`,
 * and says so on the status page. Again is a no-op.
 */
export function close(limiter: Survivors, fault: () => SlotkeeperError): void {
  const { desk } = limiter;
  if (desk.book.closingFault) return;
  limiter.faultPoints = undefined;
  resume(limiter);
  const areOrdersKept = limiter.waitingOrders.areKept || fault().code !== 'stopped';
  const callers = callersWaiting(limiter, areOrdersKept);
  endAll(limiter, 'stopped');
  limiter.mode = 'stopped';
  limiter.leases.close();
  const at = Math.round(limiter.clock.now());
  // Nothing else is noted when the limiter ends than who has left the queue.
  const left = limiter.batch.changes.splice(0);
  limiter.storage.close([...left, { type: 'process_slots_ended', reason: 'stopped', at }]);
  limiter.drains.reject(fault);
  desk.book.close(fault);
  finish(limiter);
  for (const caller of callers) caller.rejectWith(fault());
  for (const port of limiter.ports) port.close(fault());
  limiter.streams.close();
}

export function stopped(): SlotkeeperError<'stopped'> {
  return new SlotkeeperError('stopped', 'The limiter has been stopped');
}

/**
 * Takes all who wait out of the queue; who has left already is said to have left. Work that is no part of the
 * process goes on waiting for the next one if the limiter has failed, or was told to keep it.
 */
function callersWaiting(limiter: Survivors, areOrdersKept: boolean): Caller[] {
  const { tables } = limiter;
  const callers: Caller[] = [];
  const withdraw = (entry: RunEntry | SessionEntry, take: () => void): void => {
    const { waiter } = entry;
    if (!waiter) return;
    leaveIfAnswered(limiter, waiter);
    callers.push(...(waiter.claimants as Caller[])); // nobody else is added
    if (entry.waiter === waiter) take();
  };
  const takeRun = (run: RunEntry): void => {
    if (limiter.isDurable && !areOrdersKept) noteWaitEnded(limiter, run, 'stopped');
    tables.withdrawRun(run);
  };
  for (const run of tables.knownRuns()) withdraw(run, () => takeRun(run));
  for (const session of tables.knownSessions()) {
    withdraw(session, () => tables.withdrawSession(session));
  }
  return callers;
}
