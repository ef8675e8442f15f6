/**
 * Limits over HTTP: looked at, changed while the daemon runs, and set back to what is configured.
 *
 * What is changed stands in the journal, above file and environment, with who has changed it and when.
 */
import { z } from 'zod';
import { type Caller, maySee } from './caller.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { keeperLimits } from './keeper-limits.ts';
import { changesOf, limitChanges, limitsAnswer, limitsAnswerOf } from './limits-answer.ts';
import { type Route, route } from './route.ts';

const schema = z.object({
  limits: limitsAnswer.describe('As they are'),
  configured: limitsAnswer.describe('As the daemon was started'),
  changedAt: z.int().nullable().describe('UTC epoch milliseconds; null: they never were'),
  changedBy: z.string().nullable().describe('An owner; another is told to admins alone'),
});
const answers = { 200: { meaning: 'The limits as they are now', schema } };

export function limitsRoutes(options: DaemonOptions): Route[] {
  return [looking(options), changing(options), settingBack(options)];
}

function looking(options: DaemonOptions): Route {
  return route({
    method: 'GET',
    url: '/v1/limits',
    summary: 'Look at the limits',
    schemas: {},
    answers,
    handle: ({ caller }) => ({ status: 200, body: bodyOf(options, caller) }),
  });
}

function changing(options: DaemonOptions): Route {
  return route({
    method: 'PATCH',
    url: '/v1/limits',
    summary: 'Change limits; those that are left out stay, nobody is evicted',
    scope: 'admin',
    schemas: { body: limitChanges },
    answers,
    handle: async ({ body, caller }) => {
      await options.keeper.limiter.setLimits(changesOf(body), { by: caller.owner });
      return told(options, caller, body);
    },
  });
}

function settingBack(options: DaemonOptions): Route {
  return route({
    method: 'DELETE',
    url: '/v1/limits',
    summary: 'Set the limits back to what the daemon was started with',
    scope: 'admin',
    schemas: {},
    answers,
    handle: async ({ caller }) => {
      await options.keeper.limiter.resetLimits({ by: caller.owner });
      return told(options, caller, 'configured');
    },
  });
}

function told(options: DaemonOptions, caller: Caller, changes: unknown) {
  const { owner, keyId } = caller;
  options.logger.info({ owner, keyId, changes }, 'limits were changed');
  return { status: 200, body: bodyOf(options, caller) };
}

function bodyOf({ keeper: { limiter }, config }: DaemonOptions, caller: Caller): object {
  const limits = limitsAnswerOf(limiter.getLimits());
  const configured = limitsAnswerOf(keeperLimits(config));
  const { at: changedAt = null, by } = limiter.getLimitsChange() ?? {};
  return { limits, configured, changedAt, changedBy: maySee(caller, by) ? (by ?? null) : null };
}
