/**
 * The HTTP server: Fastify, which reads requests, finds their route and writes answers. Nothing of what is
 * decided about a request is decided here.
 *
 * A body is bounded, and a client that is slow with his request, or takes nothing of his answer, is disconnected.
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
import type { SlotkeeperError } from '../fault.ts';
import type { MetricBook } from '../telemetry/metric-book.ts';
import { type Caller, callerOf, expectScope, NOBODY } from './caller.ts';
import { Client } from './client.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { expectAllowed, expectHost } from './doors.ts';
import { Idempotency } from './idempotency.ts';
import { isInternal, problemOf } from './problem.ts';
import { readBodies } from './request-body.ts';
import { requestFault } from './request-faults.ts';
import { type RequestKey, requestKey } from './request-key.ts';
import { RequestLog } from './request-log.ts';
import { type CountRequest, requestCounter } from './request-metrics.ts';
import { RetryTimes } from './retry-times.ts';
import type { Answer, Route } from './route.ts';
import { answerUnexpected, answerUnreadable } from './unreadable.ts';
import { hangUpUntaken } from './untaken-answer.ts';

declare module 'fastify' {
  interface FastifyRequest {
    client: Client;
    caller: Caller;
  }
}

/** Of a request's body. */
const MOST_BYTES = 1024 * 1024;
/** Of a request that is too large; read and dropped. */
const MOST_DROPPED_BYTES = 16 * 1024 * 1024;
/** For a whole request to come, its body included. */
const REQUEST_TIMEOUT_MS = 30_000;
/** A browser asks again what may be asked after so many seconds. */
const PREFLIGHT_KEPT_S = 600;
/** How often it is looked who has exceeded that. */
const CHECK_SLOW_MS = 5_000;
/** For some of an answer to be taken that is not taken at once. */
const UNTAKEN_MS = 30_000;
/** Ids have up to 256 units, each up to nine characters in a path. */
const LONGEST_PARAM = 9 * 256;

export function httpServer(
  options: DaemonOptions,
  routes: readonly Route[],
  metrics: MetricBook,
): FastifyInstance {
  const log = new RequestLog(options.logger, watchedOf(routes));
  const report = problemReporter(options);
  const meet = receptionist(log, requestCounter(metrics));
  const server = Fastify({
    bodyLimit: MOST_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Where headers have more time than the whole, as they have by default, Node swaps the two.
    http: {
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_SLOW_MS,
      // Node would answer without a word.
      requireHostHeader: false,
    },
    forceCloseConnections: 'idle',
    trustProxy: trusted(options.config.trustProxy),
    clientErrorHandler: (fault, socket) => answerUnreadable(log, fault, socket),
    // A path that cannot be read: it has no route, nor its hooks.
    frameworkErrors: (error, request, reply) => {
      meet(request, reply);
      reply.header('x-request-id', request.id);
      reply.raw.once('finish', () => log.answered(request, reply));
      report(error, request, reply);
    },
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: LONGEST_PARAM },
  });
  // Every request has the same shape, and both are set before a route sees it.
  server.decorateRequest('client').decorateRequest('caller');
  // Before other hooks, which may end a request.
  server.addHook('onRequest', (request, reply, done) => {
    meet(request, reply);
    done();
  });
  server.addHook('onClose', async () => metrics.close());
  readBodies(server);
  addHooks(server, options, log);
  answerOrigins(server, options.config);
  server.server.on('checkExpectation', (request, response) => {
    answerUnexpected(log, request, response);
  });
  server.setErrorHandler((error, request, reply) => report(error, request, reply));
  server.setNotFoundHandler((request, reply) => report(nothingAt(request), request, reply));
  const answers = new Idempotency();
  for (const route of routes) addRoute(server, options, route, report, answers);
  return server;
}

function watchedOf(routes: readonly Route[]): string[] {
  return routes.filter(({ isWatched }) => isWatched).map(({ url }) => url);
}

type Meet = (request: FastifyRequest, reply: FastifyReply) => void;

function receptionist(log: RequestLog, count: CountRequest): Meet {
  return (request, reply) => {
    const counted = count(request, reply);
    hangUpUntaken(reply.raw, UNTAKEN_MS);
    request.client = new Client(request.raw.socket, reply.raw, (isAnswered) => {
      counted(isAnswered);
      if (!isAnswered) log.gone(request);
    });
  };
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

/** None of them waits for anything, so none is given a promise: each request has them all. */
function addHooks(server: FastifyInstance, options: DaemonOptions, log: RequestLog): void {
  const { keeper, config } = options;
  server.addHook('onRequest', ({ id, headers, raw }, reply, done) => {
    reply.header('x-request-id', id);
    expectHost(raw.httpVersion, headers);
    expectAllowed(config, headers);
    done();
  });
  server.addHook('onSend', ({ headers }, reply, payload, done) => {
    // Who is hung up on while he writes may never read why he was refused: so what he sends is read, if it
    // is not too much.
    if (reply.statusCode === 413 && Number(headers['content-length']) <= MOST_DROPPED_BYTES) {
      reply.removeHeader('connection');
    }
    // Who ends waits for its connections: one that would be kept open is asked nothing any more.
    if (keeper.getStatus().state !== 'accepting') reply.header('connection', 'close');
    done(null, payload);
  });
  server.addHook('onResponse', (request, reply, done) => {
    log.answered(request, reply);
    done();
  });
}

type Report = (
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  titles?: Route['titles'],
) => void;

function problemReporter({ keeper, logger }: DaemonOptions): Report {
  const retryTimes = new RetryTimes(keeper.limiter);
  return (error, { id, routeOptions }, reply, titles) => {
    const problem = problemOf(error, id, titles);
    if (isInternal(problem)) logger.error({ error, requestId: id }, 'a request has failed');
    const retryAfter = retryTimes.secondsFor(error, routeOptions.url ?? '');
    if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
    // A reply that is returned is waited for, and its end listened to.
    reply.code(problem.status).type('application/problem+json').send(problem);
  };
}

function addRoute(
  server: FastifyInstance,
  options: DaemonOptions,
  route: Route,
  report: Report,
  answers: Idempotency,
): void {
  server.route({
    method: route.method,
    url: route.url,
    exposeHeadRoute: !route.isStream,
    errorHandler: (error, request, reply) => report(error, request, reply, route.titles),
    // Before the body is read: who may not ask is not listened to.
    onRequest: (request, _reply, done) => {
      const { authorization } = request.headers;
      request.caller = route.isOpen ? NOBODY : callerOf(options.config.keys, authorization);
      expectScope(request.caller, route.scope);
      done();
    },
    // No promise is given back: Fastify would listen to it, and to the end of the reply besides.
    handler: (request, reply) => {
      const answer = answered(route, request, answers);
      if (!(answer instanceof Promise)) send(reply, answer);
      else {
        answer
          .then((settled) => send(reply, settled))
          .catch((fault) => report(fault, request, reply, route.titles));
      }
    },
  });
}

function send(reply: FastifyReply, { status, headers, body }: Answer): void {
  reply.code(status);
  if (headers) reply.headers(headers);
  reply.send(body);
}

function answered(
  route: Route,
  request: FastifyRequest,
  answers: Idempotency,
): Answer | Promise<Answer> {
  const { params, query, body, caller, client } = request;
  const key = keyOf(route, request);
  const asked = { params, query, body: body ?? undefined, caller, client, key };
  if (!key) return route.answer(asked);
  return answers.once(key, async () => route.answer(asked));
}

/** A key counts where a request does something each time that it is sent. */
function keyOf({ method, url }: Route, request: FastifyRequest): RequestKey | undefined {
  const { headers, params, query, body = null, caller } = request;
  const { 'idempotency-key': key } = headers;
  if (key === undefined || method !== 'POST') return undefined;
  const text = Array.isArray(key) ? key.join() : key;
  return requestKey(text, [caller.owner, method, url], [params, query, body]);
}

function nothingAt({ method, url }: FastifyRequest): SlotkeeperError<'not_found'> {
  const [path] = url.split('?');
  return requestFault('not_found', `There is no ${method} ${path}`);
}

/** Fastify counts hops by a function. */
function trusted(
  trustProxy: Config['trustProxy'],
): NonNullable<FastifyServerOptions['trustProxy']> {
  if (typeof trustProxy !== 'number') return trustProxy;
  return (_address: string, hop: number) => hop < trustProxy;
}
