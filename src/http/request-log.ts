/**
 * What the log says of requests: of those that are answered, and of those whose client goes away before.
 *
 * A good answer to who only watches (health, readiness, metrics, status) is counted and not logged: he asks
 * again all the time, and would drown what the log is for.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DaemonLog } from './log.ts';

export class RequestLog {
  private readonly logger: DaemonLog;
  private readonly watched: ReadonlySet<string>;

  /** `watched`: routes of those who only watch. */
  constructor(logger: DaemonLog, watched: Iterable<string>) {
    this.logger = logger;
    this.watched = new Set(watched);
  }

  answered(request: FastifyRequest, reply: FastifyReply): void {
    const { id: requestId, method, ip, routeOptions } = request;
    const { statusCode: status, elapsedTime } = reply;
    if (status < 400 && this.watched.has(routeOptions.url ?? '')) return;
    const at = placeOf(request);
    this.logger.info(
      { requestId, method, at, status, ip, ms: Math.round(elapsedTime) },
      'answered',
    );
  }

  gone(request: FastifyRequest): void {
    const { id: requestId, method } = request;
    const at = placeOf(request);
    this.logger.info({ requestId, method, at }, 'the client has gone away');
  }
}

/** The route, not the path: ids are many, and may be somebody's. A query may have a secret. */
function placeOf({ routeOptions, url }: FastifyRequest): string {
  return routeOptions.url ?? pathOf(url);
}

/** Without the query. */
export function pathOf(url: string): string {
  const [path = ''] = url.split('?');
  return path;
}
