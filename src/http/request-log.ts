/**
 * What the log says of requests: of those that are answered, and of those whose client goes away before.
 *
 * A good answer to who only watches (health, readiness, metrics, status) is counted and not logged: he asks
 * again all the time, and would drown what the log is for.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DaemonLog } from './log.ts';

/** As its metrics have what has no route. */
const NOWHERE = 'none';

export interface UnreadableFacts {
  readonly requestId: string;
  readonly status: number;
  readonly ip: string | undefined;
  readonly reason: string;
}

export class RequestLog {
  private readonly logger: DaemonLog;
  private readonly watched: ReadonlySet<string>;

  /** `watched`: routes of those who only watch. */
  constructor(logger: DaemonLog, watched: Iterable<string>) {
    this.logger = logger;
    this.watched = new Set(watched);
  }

  answered(request: FastifyRequest, reply: FastifyReply): void {
    const { id: requestId, method, ip } = request;
    const { statusCode: status, elapsedTime } = reply;
    const at = placeOf(request);
    if (status < 400 && this.watched.has(at)) return;
    this.logger.info(
      { requestId, method, at, status, ip, ms: Math.round(elapsedTime) },
      'answered',
    );
  }

  /** What came to no request for a route; `reason`: a code of Node's. */
  unreadable(facts: UnreadableFacts): void {
    this.logger.info({ ...facts, at: NOWHERE }, 'answered');
  }

  gone(request: FastifyRequest): void {
    const { id: requestId, method } = request;
    const at = placeOf(request);
    this.logger.info({ requestId, method, at }, 'the client has gone away');
  }
}

/** The route, not the path: ids are many, and may be somebody's, and what has no route may be anything, a secret. */
function placeOf({ routeOptions }: FastifyRequest): string {
  return routeOptions.url ?? NOWHERE;
}
