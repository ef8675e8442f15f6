/**
 * The body of a request: JSON in UTF-8, as it is, and not nested deeper than anybody needs.
 *
 * What is nested thousands of levels deep can be read, but not be written again, nor be looked at by recursion:
 * it is refused before anything looks at it. So is what is compressed or in another charset, instead of being
 * taken for something else.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SlotkeeperError } from '../fault.ts';
import { isDeeperThan } from './json-depth.ts';
import { requestFault } from './request-faults.ts';

const MOST_LEVELS = 100;

const CHARSET = /;\s*charset\s*=\s*"?(?<charset>[^\s";]*)/i;
const UTF_8 = ['utf-8', 'utf8'];

type Headers = FastifyRequest['headers'];

export function readBodies(server: FastifyInstance): void {
  // A form of a foreign page can send text without asking; JSON it cannot.
  server.removeContentTypeParser('text/plain');
  const parse = server.getDefaultJsonParser('error', 'error');
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = String(body);
    const fault = faultOf(request.headers, text);
    if (fault) done(fault);
    else if (isNothing(request, text)) done(null, undefined);
    else parse(request, text, done);
  });
}

/** Many clients say that they send JSON whether they send a body or not. */
function isNothing({ method }: FastifyRequest, text: string): boolean {
  return text === '' && method === 'DELETE';
}

function faultOf(headers: Headers, text: string): SlotkeeperError | undefined {
  return codingFault(headers) ?? charsetFault(headers) ?? depthFault(text);
}

function codingFault(headers: Headers): SlotkeeperError | undefined {
  const { 'content-encoding': content = 'identity', 'transfer-encoding': transfer } = headers;
  if (content.toLowerCase() !== 'identity') return unsupported('without Content-Encoding');
  if ((transfer ?? 'chunked').toLowerCase() === 'chunked') return undefined;
  return unsupported('without a Transfer-Encoding but chunked');
}

function charsetFault({ 'content-type': type = '' }: Headers): SlotkeeperError | undefined {
  const { charset = 'utf-8' } = CHARSET.exec(type)?.groups ?? {};
  return UTF_8.includes(charset.toLowerCase()) ? undefined : unsupported('in UTF-8');
}

function unsupported(expected: string): SlotkeeperError {
  return requestFault('unsupported_request', `Expected a body ${expected}`);
}

function depthFault(text: string): SlotkeeperError | undefined {
  if (!isDeeperThan(text, MOST_LEVELS)) return undefined;
  const message = `expected at most ${MOST_LEVELS} levels of arrays and objects`;
  return requestFault('invalid_request', `body: ${message}`, { faults: [{ at: 'body', message }] });
}
