/**
 * The status of the whole, and why somebody waits.
 */
import { z } from 'zod';
import type { Explanation } from '../limiter/index.ts';
import { type Caller, maySee } from './caller.ts';
import type { DaemonOptions } from './daemon-options.ts';
import type { Keeper } from './keeper.ts';
import { limit, writtenLimit } from './limits-answer.ts';
import { requestFault } from './request-faults.ts';
import { id } from './request-schemas.ts';
import { type Route, route } from './route.ts';
import { statusEvents } from './status-events.ts';

const count = z.int().min(0);
const roomy = limit.describe('"infinity" without a limit');

const statusAnswer = z.object({
  state: z.enum(['recovering', 'accepting', 'draining', 'stopped']),
  storage: z.enum(['ok', 'degraded']).describe('degraded: the journal cannot be written'),
  activeSessions: count,
  activeRuns: count,
  sessionlessRuns: count.describe('Held runs whose session holds no slot'),
  waitingSessions: count,
  waitingRuns: count,
  maxParallelSessions: roomy,
  maxParallelRuns: roomy,
  availableSessionSlots: z.union([count, z.literal('infinity')]),
  availableRunSlots: z.union([count, z.literal('infinity')]),
  version: count.describe('Rises with every change'),
  restarts: count.describe('How often the limiter was restarted after a crash'),
  openSessions: count,
  stuckRuns: count.describe('Runs whose outcome is told and whose work goes on'),
});

const JSON_TEXT = { 'content-type': 'application/json; charset=utf-8' };

const explainAnswer = z.looseObject({
  state: z.enum(['waiting', 'held', 'unknown']),
  text: z.string().optional().describe('The same, for people'),
});

const explainQuery = z
  .strictObject({ runId: id.optional(), sessionId: id.optional() })
  .refine(({ runId, sessionId }) => (runId === undefined) !== (sessionId === undefined), {
    message: 'expected runId or sessionId',
  });

export function statusRoutes(options: DaemonOptions): Route[] {
  const text = statusText(options.keeper);
  return [status(text), events(options, text), explain(options)];
}

function status(text: () => string): Route {
  return route({
    method: 'GET',
    url: '/v1/status',
    isWatched: true,
    summary: 'Counts of sessions and runs at one moment',
    schemas: {},
    answers: { 200: { meaning: 'The status', schema: statusAnswer } },
    handle: () => ({ status: 200, headers: JSON_TEXT, body: text() }),
  });
}

function events({ keeper }: DaemonOptions, text: () => string): Route {
  return route({
    method: 'GET',
    url: '/v1/events',
    isStream: true,
    summary: 'The status as server-sent events: at once, and whenever it has changed',
    schemas: {},
    answers: { 200: { meaning: 'Events `status`, each with a whole status' } },
    handle: ({ client }) => ({
      status: 200,
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
      body: statusEvents(keeper.limiter, text, client),
    }),
  });
}

function explain({ keeper }: DaemonOptions): Route {
  return route({
    method: 'GET',
    url: '/v1/explain',
    summary: 'Why a run or a session waits, or since when it holds its slot',
    schemas: { query: explainQuery },
    answers: { 200: { meaning: 'What holds it back', schema: explainAnswer } },
    handle: ({ query: { runId = '', sessionId = '' }, caller }) => {
      const subject = runId === '' ? { sessionId } : { runId };
      const explanation = keeper.limiter.explain(subject);
      expectOwn(caller, explanation, runId);
      return { status: 200, body: withoutOthers(caller, explanation) };
    },
  });
}

/** Many may ask for it, and it does not change for each: a status is written once. */
function statusText(keeper: Keeper): () => string {
  let last: object | undefined;
  let text = '';
  return () => {
    const status = keeper.getStatus();
    if (status !== last) text = JSON.stringify(status, (_name, value) => writtenLimit(value));
    last = status;
    return text;
  };
}

/** Another's is as unknown as what is not there. */
function expectOwn(caller: Caller, explanation: Explanation, runId: string): void {
  const owner = 'owner' in explanation ? (explanation.owner ?? undefined) : undefined;
  if (explanation.state !== 'unknown' && maySee(caller, owner)) return;
  if (runId === '') throw requestFault('session_not_found', 'There is no such session now');
  throw requestFault('run_not_found', 'There is no such run now');
}

/** Who holds what he waits for is nobody's business unless it is his own. */
function withoutOthers(caller: Caller, explanation: Explanation): object {
  if (!('blockedBy' in explanation)) return explanation;
  const blockedBy = explanation.blockedBy.map((limit) => {
    const holders = limit.holders.filter(({ owner }) => maySee(caller, owner ?? undefined));
    return { ...limit, holders };
  });
  const isAll = caller.scopes.includes('admin');
  // The text names holders, too.
  const { text, ...rest } = explanation;
  return { ...rest, ...(isAll && { text }), blockedBy };
}
