/**
 * Limits over HTTP: looked at, changed while the daemon runs, and set back to what is configured.
 *
 * What is changed stands in the journal, above file and environment. Who has changed it is in the log.
 */
import { z } from 'zod';
import type { Caller } from './caller.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { keeperLimits } from './keeper-limits.ts';
import { changesOf, limitChanges, limitsAnswer, limitsAnswerOf } from './limits-answer.ts';
import { type Route, route } from './route.ts';

const schema = z.object({
  limits: limitsAnswer.describe('As they are'),
  configured: limitsAnswer.describe('As the daemon was started'),
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
    handle: () => ({ status: 200, body: bodyOf(options) }),
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
      await options.keeper.limiter.setLimits(changesOf(body));
      return told(options, caller, body);
    },
  });
}

function settingBack(options: DaemonOptions): Route {
  const { keeper, config } = options;
  return route({
    method: 'DELETE',
    url: '/v1/limits',
    summary: 'Set the limits back to what the daemon was started with',
    scope: 'admin',
    schemas: {},
    answers,
    handle: async ({ caller }) => {
      const { maxRunsPerKind } = keeper.limiter.getLimits();
      // A kind that was named meanwhile has no limit again.
      const unlimited = Object.fromEntries(
        Object.keys(maxRunsPerKind).map((one) => [one, Infinity]),
      );
      const limits = keeperLimits(config);
      const kinds = { ...unlimited, ...limits.maxRunsPerKind };
      await keeper.limiter.setLimits({ ...limits, maxRunsPerKind: kinds });
      return told(options, caller, 'configured');
    },
  });
}

function told(options: DaemonOptions, { owner, keyId }: Caller, changes: unknown) {
  options.logger.info({ owner, keyId, changes }, 'limits were changed');
  return { status: 200, body: bodyOf(options) };
}

function bodyOf({ keeper, config }: DaemonOptions): object {
  const limits = limitsAnswerOf(keeper.limiter.getLimits());
  return { limits, configured: limitsAnswerOf(keeperLimits(config)) };
}
