/**
 * What the daemon stands on: a keeper, as far as it is asked over HTTP. A port.
 */
import type { ConcurrencyLimiter, Status } from '../limiter/index.ts';
import type { Run, Session, SessionOptions } from '../sessions/index.ts';

export interface Keeper {
  readonly limiter: ConcurrencyLimiter;
  openSession(options: SessionOptions): Promise<Session>;
  sessions(options?: { readonly closed?: boolean }): Iterable<Session>;
  getSession(sessionId: string): Session | undefined;
  getRun(runId: string): Run | undefined;
  getStatus(): Status & { readonly openSessions: number; readonly stuckRuns: number };
}
