/**
 * The HTTP server: Fastify, which reads requests, finds their route and writes answers. Nothing of what is
 * decided about a request is decided here.
 *
 * A body is bounded, and a client that is slow with his request is disconnected.
 */
import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify';
import type { Config } from '../config/index.ts';
import { SlotkeeperError } from '../fault.ts';
import type { MetricBook } from '../telemetry/metric-book.ts';
import { type Caller, callerOf, expectScope, NOBODY } from './caller.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { expectAllowed } from './doors.ts';
import { whenGone } from './gone.ts';
import { Idempotency } from './idempotency.ts';
import { isInternal, problemOf } from './problem.ts';
import { requestCounter } from './request-metrics.ts';
import { RetryTimes } from './retry-times.ts';
import type { Answer, RawAsked, Route } from './route.ts';
import { answerUnexpected, answerUnreadable } from './unreadable.ts';

/** Of a request's body. */
const MOST_BYTES = 1024 * 1024;
/** For a whole request to come, its body included. */
const REQUEST_TIMEOUT_MS = 30_000;
/** A browser asks again what may be asked after so many seconds. */
const PREFLIGHT_KEPT_S = 600;
/** How often it is looked who has exceeded that. */
const CHECK_SLOW_MS = 5_000;
/** Ids have up to 256 units, each up to nine characters in a path. */
const LONGEST_PARAM = 9 * 256;

export function httpServer(
  options: DaemonOptions,
  routes: readonly Route[],
  metrics: MetricBook,
): FastifyInstance {
  const report = problemReporter(options);
  const count = requestCounter(metrics);
  const server = Fastify({
    bodyLimit: MOST_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Where headers have more time than the whole, as they have by default, Node swaps the two.
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: CHECK_SLOW_MS },
    forceCloseConnections: 'idle',
    trustProxy: trusted(options.config.trustProxy),
    clientErrorHandler: answerUnreadable,
    // A path that cannot be read: it has no route, nor its hooks.
    frameworkErrors: (error, request, reply) => {
      count(request, reply);
      report(error, request, reply);
    },
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: LONGEST_PARAM },
  });
  // A form of a foreign page can send text without asking; JSON it cannot.
  server.removeContentTypeParser('text/plain');
  // Before other hooks, which may end a request.
  server.addHook('onRequest', async (request, reply) => count(request, reply));
  server.addHook('onClose', async () => metrics.close());
  takeNothingForABody(server);
  addHooks(server, options);
  answerOrigins(server, options.config);
  server.server.on('checkExpectation', answerUnexpected);
  server.setErrorHandler((error, request, reply) => report(error, request, reply));
  server.setNotFoundHandler((request, reply) => report(nothingAt(request), request, reply));
  const answers = new Idempotency();
  for (const route of routes) addRoute(server, options, route, report, answers);
  return server;
}

/** A page of an origin that may ask may read the answer, too. Whoever may not is refused before this. */
function answerOrigins(server: FastifyInstance, { allowedOrigins }: Config): void {
  if (allowedOrigins.length === 0) return;
  server.register(cors, {
    origin: [...allowedOrigins],
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'last-event-id'],
    exposedHeaders: ['idempotency-replayed', 'retry-after', 'x-request-id'],
    maxAge: PREFLIGHT_KEPT_S,
  });
}

/** Many clients say that they send JSON whether they send a body or not. */
function takeNothingForABody(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    const isNothing = text === '' && request.method === 'DELETE';
    if (isNothing) done(null, undefined);
    else parse(request, String(text), done);
  });
}

function addHooks(server: FastifyInstance, options: DaemonOptions): void {
  const { keeper, config } = options;
  server.addHook('onRequest', async ({ id, headers }, reply) => {
    reply.header('x-request-id', id);
    expectAllowed(config, headers);
  });
  server.addHook('onSend', async (_request, reply) => {
    // Who ends waits for its connections: one that would be kept open is asked nothing any more.
    if (keeper.getStatus().state !== 'accepting') reply.header('connection', 'close');
  });
  server.addHook('onResponse', async (request, reply) => logAnswer(options, request, reply));
  // Before its body is there; `whenGone` tells it of the others.
  server.addHook('onRequestAbort', async (request) => logGone(options, request));
}

type Report = (
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  titles?: Route['titles'],
) => FastifyReply;

function problemReporter({ keeper, logger }: DaemonOptions): Report {
  const retryTimes = new RetryTimes(keeper.limiter);
  return (error, { id, routeOptions }, reply, titles) => {
    const problem = problemOf(error, id, titles);
    if (isInternal(problem)) logger.error({ error, requestId: id }, 'a request has failed');
    const retryAfter = retryTimes.secondsFor(error, routeOptions.url ?? '');
    if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
    return reply.code(problem.status).type('application/problem+json').send(problem);
  };
}

function addRoute(
  server: FastifyInstance,
  options: DaemonOptions,
  route: Route,
  report: Report,
  answers: Idempotency,
): void {
  const callers = new WeakMap<FastifyRequest, Caller>();
  server.route({
    method: route.method,
    url: route.url,
    errorHandler: (error, request, reply) => report(error, request, reply, route.titles),
    // Before the body is read: who may not ask is not listened to.
    onRequest: async (request) => {
      const caller = route.isOpen
        ? NOBODY
        : callerOf(options.config.keys, request.headers.authorization);
      expectScope(caller, route.scope);
      callers.set(request, caller);
    },
    handler: async (request, reply) => {
      const { params, query, body } = request;
      const caller = callers.get(request) ?? NOBODY;
      const told = () => logGone(options, request);
      const gone = whenGone(request.raw.socket, reply.raw, told);
      const asked = { params, query, body: body ?? undefined, caller, gone };
      const answer = await answered(route, asked, keyOf(request), answers);
      return reply
        .code(answer.status)
        .headers(answer.headers ?? {})
        .send(answer.body);
    },
  });
}

function logAnswer({ logger }: DaemonOptions, request: FastifyRequest, reply: FastifyReply): void {
  const { id: requestId, method, ip } = request;
  const { statusCode: status, elapsedTime } = reply;
  const at = placeOf(request);
  logger.info({ requestId, method, at, status, ip, ms: Math.round(elapsedTime) }, 'answered');
}

function logGone({ logger }: DaemonOptions, request: FastifyRequest): void {
  const { id: requestId, method } = request;
  logger.info({ requestId, method, at: placeOf(request) }, 'the client has gone away');
}

/** The route, not the path: ids are many, and may be somebody's. A query may have a secret. */
function placeOf({ routeOptions, url }: FastifyRequest): string {
  return routeOptions.url ?? pathOf(url);
}

function pathOf(url: string): string {
  const [path = ''] = url.split('?');
  return path;
}

/** A key counts where a request does something each time that it is sent. */
function answered(
  route: Route,
  asked: RawAsked,
  key: string | undefined,
  answers: Idempotency,
): Promise<Answer> {
  if (key === undefined || route.method !== 'POST') return route.answer(asked);
  const { params, query, body, caller } = asked;
  const scope = [caller.owner, route.method, route.url];
  return answers.once(key, scope, [params, query, body], () => route.answer(asked));
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  const { 'idempotency-key': key } = headers;
  return Array.isArray(key) ? key.join() : key;
}

function nothingAt({ method, url }: FastifyRequest): SlotkeeperError<'not_found'> {
  return new SlotkeeperError('not_found', `There is no ${method} ${pathOf(url)}`);
}

/** Fastify counts hops by a function. */
function trusted(
  trustProxy: Config['trustProxy'],
): NonNullable<FastifyServerOptions['trustProxy']> {
  if (typeof trustProxy !== 'number') return trustProxy;
  return (_address: string, hop: number) => hop < trustProxy;
}
