/**
 * What a caller asks for by its id: found if it is his, or if he sees all.
 */
import type { SlotkeeperError } from '../fault.ts';
import type { Run, Session } from '../sessions/index.ts';
import { type Caller, maySee } from './caller.ts';
import type { Keeper } from './keeper.ts';
import { requestFault } from './request-faults.ts';

/** Throws `session_not_found`, and `session_closed` for one that has ended. */
export function openSession(keeper: Keeper, caller: Caller, sessionId: string): Session {
  const session = keeper.getSession(sessionId);
  if (!session || !maySee(caller, session.owner)) {
    throw requestFault('session_not_found', `There is no session ${sessionId}`, {
      sessionId,
    });
  }
  if (session.state === 'closed') throw sessionClosed(session);
  return session;
}

/** Throws `run_not_found`. */
export function runOf(keeper: Keeper, caller: Caller, runId: string): Run {
  const run = keeper.getRun(runId);
  if (run && maySee(caller, run.owner)) return run;
  throw requestFault('run_not_found', `There is no run ${runId}`, { runId });
}

function sessionClosed(session: Session): SlotkeeperError<'session_closed'> {
  const { sessionId, closeReason: reason = 'crashed' } = session;
  const text = `Session ${sessionId} has ended: ${reason}`;
  return requestFault('session_closed', text, { sessionId, reason, ...timesOf(session) });
}

/** For a time that was exceeded how long it was, and what the limit is. */
function timesOf({ closeReason, elapsedMs, idleTimeoutMs, maxLifetimeMs }: Session): object {
  if (elapsedMs === undefined) return {};
  return { elapsedMs, limitMs: closeReason === 'idle_timeout' ? idleTimeoutMs : maxLifetimeMs };
}
