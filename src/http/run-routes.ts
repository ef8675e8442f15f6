/**
 * Runs by their ids, in whatever session and by whatever way they were asked for.
 */
import { z } from 'zod';
import type { DaemonOptions } from './daemon-options.ts';
import { runOf } from './found.ts';
import { id } from './request-schemas.ts';
import { type Route, route } from './route.ts';
import { answerOf, runAnswer } from './run-answer.ts';

const params = z.object({ id });

export function runRoutes(options: DaemonOptions): Route[] {
  return [looking(options), cancelling(options)];
}

function looking({ keeper }: DaemonOptions): Route {
  return route({
    method: 'GET',
    url: '/v1/runs/:id',
    summary: 'Look at a run: where it stands, what it has printed, how it has ended',
    schemas: { params },
    answers: { 200: { meaning: 'The run', schema: runAnswer } },
    handle: async ({ params, caller }) => {
      return { status: 200, body: await answerOf(runOf(keeper, caller, params.id)) };
    },
  });
}

function cancelling({ keeper }: DaemonOptions): Route {
  return route({
    method: 'DELETE',
    url: '/v1/runs/:id',
    summary: 'Cancel a run, and wait until its work is gone',
    schemas: { params },
    answers: { 200: { meaning: 'The run, which may have ended before', schema: runAnswer } },
    handle: async ({ params, caller }) => {
      const run = runOf(keeper, caller, params.id);
      await run.cancel();
      return { status: 200, body: await answerOf(run) };
    },
  });
}
