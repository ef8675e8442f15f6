/**
 * The daemon: a keeper that is asked over HTTP.
 *
 * It owns the door and nothing behind it: who starts it starts and stops the keeper.
 */
import type { AddressInfo } from 'node:net';
import type { MetricBook } from '../telemetry/metric-book.ts';
import { agentRoutes } from './agent-routes.ts';
import { daemonMetrics } from './daemon-metrics.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { execRoutes } from './exec-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { httpServer } from './http-server.ts';
import { limitsRoutes } from './limits-routes.ts';
import { metricsRoutes } from './metrics-routes.ts';
import { openApi } from './openapi.ts';
import { type Route, route } from './route.ts';
import { runRoutes } from './run-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { statusRoutes } from './status-routes.ts';

export interface Daemon {
  /** `http://127.0.0.1:7411` */
  readonly url: string;
  /** Takes no connection any more, and waits until those that are there are answered. */
  close(): Promise<void>;
}

/** Rejects when it cannot listen. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { host, port } = options.config.listen;
  const metrics = daemonMetrics(options);
  const server = httpServer(options, routesOf(options, metrics), metrics);
  try {
    await server.listen({ host, port });
  } catch (fault) {
    await server.close();
    throw fault;
  }
  // It listens on a port, so it has an address of that form.
  const { port: actual } = server.server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return { url: `http://${name}:${actual}`, close: () => server.close() };
}

function routesOf(options: DaemonOptions, metrics: MetricBook): Route[] {
  const routes = [
    ...sessionRoutes(options),
    ...execRoutes(options),
    ...runRoutes(options),
    ...agentRoutes(options),
    ...statusRoutes(options),
    ...limitsRoutes(options),
    ...healthRoutes(options),
    ...metricsRoutes(metrics),
  ];
  return [...routes, describing(openApi(routes, options.version))];
}

function describing(description: object): Route {
  return route({
    method: 'GET',
    url: '/openapi.json',
    summary: 'This API, described',
    isOpen: true,
    schemas: {},
    answers: { 200: { meaning: 'OpenAPI 3.1' } },
    handle: () => ({ status: 200, body: description }),
  });
}
