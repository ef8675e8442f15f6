/**
 * The daemon: a keeper that is asked over HTTP.
 *
 * It owns the door and nothing behind it: who starts it starts and stops the keeper.
 */
import type { AddressInfo } from 'node:net';
import type { DaemonOptions } from './daemon-options.ts';
import { execRoutes } from './exec-routes.ts';
import { httpServer } from './http-server.ts';
import type { Route } from './route.ts';
import { runRoutes } from './run-routes.ts';
import { sessionRoutes } from './session-routes.ts';

export interface Daemon {
  /** `http://127.0.0.1:7411` */
  readonly url: string;
  /** Takes no connection any more, and waits until those that are there are answered. */
  close(): Promise<void>;
}

/** Rejects when it cannot listen. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { host, port } = options.config.listen;
  const server = httpServer(options, routesOf(options));
  await server.listen({ host, port });
  // It listens on a port, so it has an address of that form.
  const { port: actual } = server.server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return { url: `http://${name}:${actual}`, close: () => server.close() };
}

function routesOf(options: DaemonOptions): Route[] {
  return [...sessionRoutes(options), ...execRoutes(options), ...runRoutes(options)];
}
