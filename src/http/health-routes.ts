/**
 * Whether the daemon lives, and whether it takes work. For who watches over it; no key is needed, and nothing
 * is told.
 */
import { z } from 'zod';
import type { DaemonOptions } from './daemon-options.ts';
import { type Route, route } from './route.ts';

const schema = z.object({
  status: z.enum(['ok', 'draining', 'recovering', 'stopped', 'degraded']),
});

export function healthRoutes(options: DaemonOptions): Route[] {
  return [living(), ready(options)];
}

function living(): Route {
  return route({
    method: 'GET',
    url: '/healthz',
    summary: 'Whether the daemon lives',
    isOpen: true,
    isWatched: true,
    schemas: {},
    answers: { 200: { meaning: 'It does', schema } },
    handle: () => ({ status: 200, body: { status: 'ok' } }),
  });
}

function ready({ keeper }: DaemonOptions): Route {
  return route({
    method: 'GET',
    url: '/readyz',
    summary: 'Whether the daemon takes work',
    isOpen: true,
    isWatched: true,
    schemas: {},
    answers: { 200: { meaning: 'It does', schema }, 503: { meaning: 'It does not', schema } },
    handle: () => {
      const { state, storage } = keeper.getStatus();
      if (state !== 'accepting') return { status: 503, body: { status: state } };
      if (storage !== 'ok') return { status: 503, body: { status: storage } };
      return { status: 200, body: { status: 'ok' } };
    },
  });
}
