/**
 * The metrics, for Prometheus. Any key will do: they count what is of all owners, and name nobody, as the status.
 */
import type { MetricBook } from '../telemetry/metric-book.ts';
import { type Route, route } from './route.ts';

export function metricsRoutes(book: MetricBook): Route[] {
  return [
    route({
      method: 'GET',
      url: '/metrics',
      isWatched: true,
      summary: 'Metrics, as Prometheus reads them',
      schemas: {},
      answers: { 200: { meaning: 'Text, version 0.0.4' } },
      handle: async () => ({
        status: 200,
        headers: { 'content-type': book.contentType, 'cache-control': 'no-store' },
        body: await book.text(),
      }),
    }),
  ];
}
