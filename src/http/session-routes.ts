/**
 * Sessions over HTTP: opened, looked at, closed. With a journal they outlive the daemon.
 */
import { z } from 'zod';
import type { SessionOptions } from '../sessions/index.ts';
import { type Caller, maySee } from './caller.ts';
import { closeAnswer, closeAnswerOf } from './close-answer.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { openSession } from './found.ts';
import { REPLAYED } from './idempotency.ts';
import type { RequestKey } from './request-key.ts';
import { flagInQuery, id, labels } from './request-schemas.ts';
import { type Route, route } from './route.ts';
import { sessionAnswer, sessionAnswerOf } from './session-answer.ts';

const params = z.object({ id });

export function sessionRoutes(options: DaemonOptions): Route[] {
  return [opening(options), listing(options), looking(options), closing(options)];
}

function opening({ keeper, config }: DaemonOptions): Route {
  const { idleTimeoutMs, maxLifetimeMs } = config.sessions;
  const body = z.strictObject({
    sessionId: id.optional().describe('Made where it is absent'),
    idleTimeoutMs: termUpTo(idleTimeoutMs).optional(),
    maxLifetimeMs: termUpTo(maxLifetimeMs).optional(),
    labels: labels.optional(),
  });
  return route({
    method: 'POST',
    url: '/v1/sessions',
    summary: 'Open a session',
    schemas: { body },
    answers: {
      200: { meaning: 'It was open already', schema: sessionAnswer },
      201: { meaning: 'It is open', schema: sessionAnswer },
    },
    handle: async ({ body, caller, key }) => {
      const terms = { idleTimeoutMs, maxLifetimeMs, ...madeUnder(key), ...given(body) };
      const known = keeper.getSession(terms.sessionId ?? '');
      // What was opened under a key is opened once, whatever has become of it.
      const isOfKey = known?.sessionId === key?.id && known?.owner === caller.owner;
      const session = isOfKey ? known : await keeper.openSession(ownedBy(caller, terms, config));
      const answer = { status: isOpen(known) ? 200 : 201, body: sessionAnswerOf(session) };
      return isOfKey ? { ...answer, status: 200, headers: REPLAYED } : answer;
    },
  });
}

function madeUnder(key: RequestKey | undefined): Pick<SessionOptions, 'sessionId'> {
  return key ? { sessionId: key.id } : {};
}

function listing({ keeper }: DaemonOptions): Route {
  return route({
    method: 'GET',
    url: '/v1/sessions',
    summary: 'List the sessions that are open, oldest first',
    schemas: { query: z.strictObject({ closed: flagInQuery.optional() }) },
    answers: {
      200: {
        meaning: 'Those of the caller',
        schema: z.object({ sessions: z.array(sessionAnswer) }),
      },
    },
    handle: ({ caller, query: { closed = false } }) => {
      const seen = [...keeper.sessions({ closed })].filter(({ owner }) => maySee(caller, owner));
      return { status: 200, body: { sessions: seen.map(sessionAnswerOf) } };
    },
  });
}

function looking({ keeper }: DaemonOptions): Route {
  return route({
    method: 'GET',
    url: '/v1/sessions/:id',
    summary: 'Look at a session',
    schemas: { params },
    answers: { 200: { meaning: 'It is open', schema: sessionAnswer } },
    handle: ({ params, caller }) => {
      return { status: 200, body: sessionAnswerOf(openSession(keeper, caller, params.id)) };
    },
  });
}

function closing({ keeper, config: { drainTimeoutMs } }: DaemonOptions): Route {
  return route({
    method: 'DELETE',
    url: '/v1/sessions/:id',
    summary: 'Close a session with all its runs, or show what that would do',
    schemas: { params, query: z.strictObject({ dryRun: flagInQuery.optional() }) },
    answers: { 200: { meaning: 'What was done, or would be', schema: closeAnswer } },
    handle: async ({ params, query: { dryRun = false }, caller }) => {
      const session = openSession(keeper, caller, params.id);
      const report = dryRun
        ? await session.close({ dryRun })
        : await session.close({ timeoutMs: drainTimeoutMs });
      return { status: 200, body: closeAnswerOf(report) };
    },
  });
}

/** A client may ask for less time than the daemon gives. */
function termUpTo(most: number): z.ZodNumber {
  const term = z.int().min(1).describe('Milliseconds');
  return most === Infinity ? term : term.max(most);
}

function ownedBy(
  { owner }: Caller,
  terms: SessionOptions,
  { journal }: DaemonOptions['config'],
): SessionOptions {
  return { ...terms, owner, durable: journal.path !== null };
}

function isOpen(session: { readonly state: string } | undefined): boolean {
  return session?.state === 'active';
}

/** Without what is absent, so that it hides no default. */
function given<Body extends object>(body: Body): { [Key in keyof Body]: NonNullable<Body[Key]> } {
  const present = Object.entries(body).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [Key in keyof Body]: NonNullable<Body[Key]> }; // the same keys
}
