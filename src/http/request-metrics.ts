/**
 * Counts requests, by method, route and class of status, whatever becomes of them: also those that are refused
 * at the door, and those whose client goes away. What is no HTTP is no request.
 */
import type { FastifyInstance } from 'fastify';
import type { MetricBook } from '../telemetry/metric-book.ts';

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/** Before other hooks, which may end a request. The book is closed with the server. */
export function countRequests(server: FastifyInstance, book: MetricBook): void {
  let inFlight = 0;
  server.addHook('onRequest', async ({ method: asked, routeOptions }, { raw }) => {
    const beganAt = performance.now();
    const method = METHODS.has(asked) ? asked : 'other';
    const route = routeOptions.url ?? 'none';
    inFlight += 1;
    // Comes once, after the whole answer or without one.
    raw.once('close', () => {
      inFlight -= 1;
      const status = raw.writableFinished ? `${Math.floor(raw.statusCode / 100)}xx` : 'gone';
      book.count('http_requests_total', { method, route, status });
      book.time('http_request_duration_seconds', { method, route }, performance.now() - beganAt);
    });
  });
  book.onScrape(() => book.set('http_requests_in_flight', {}, inFlight));
  server.addHook('onClose', async () => book.close());
}
