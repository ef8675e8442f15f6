/**
 * Counts requests, by method, route and class of status, whatever becomes of them: also those that are refused
 * at the door, those whose path cannot be read, and those whose client goes away.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { MetricBook } from '../telemetry/metric-book.ts';
import type { ClientEnd } from './client.ts';

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/** To be told of each request once, before anything else is done with it; what it gives, of its end. */
export type CountRequest = (request: FastifyRequest, reply: FastifyReply) => ClientEnd;

export function requestCounter(book: MetricBook): CountRequest {
  let inFlight = 0;
  book.onScrape(() => book.set('http_requests_in_flight', {}, inFlight));
  return ({ method: asked, routeOptions }, { raw }) => {
    const beganAt = performance.now();
    const method = METHODS.has(asked) ? asked : 'other';
    const route = routeOptions.url ?? 'none';
    inFlight += 1;
    return (isAnswered) => {
      inFlight -= 1;
      const status = isAnswered ? `${Math.floor(raw.statusCode / 100)}xx` : 'gone';
      book.count('http_requests_total', { method, route, status });
      book.time('http_request_duration_seconds', { method, route }, performance.now() - beganAt);
    };
  };
}
