/**
 * What is answered to what is no HTTP request, or does not come to its end: there is none for a route then. It
 * is told and logged as any other problem.
 */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type Problem, problemOf } from './problem.ts';
import type { RequestLog } from './request-log.ts';

interface Refusal {
  readonly status: number;
  readonly text: string;
}

/** By Node's codes. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { status: 431, text: 'The headers are too long' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, text: 'The request has taken too long to come' },
};
const NO_REQUEST: Refusal = { status: 400, text: 'This is no HTTP request' };
const UNEXPECTED: Refusal = { status: 417, text: 'Expected no Expect but 100-continue' };

/** For an answer to be read. */
const GRACE_MS = 1_000;

/** Answers, if anybody still listens, and hangs up. */
export function answerUnreadable(
  log: RequestLog,
  { code = 'unknown' }: { readonly code?: string },
  socket: Socket,
): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = told(log, REFUSALS[code] ?? NO_REQUEST, socket, code);
  socket.end(writtenAnswer(problem));
  // Who does not hang up himself would keep his connection; at once, he might not get to read it.
  setTimeout(() => socket.destroy(), GRACE_MS).unref();
}

/** An `Expect` that is not `100-continue`. */
export function answerUnexpected(
  log: RequestLog,
  { socket }: IncomingMessage,
  response: ServerResponse,
): void {
  const problem = told(log, UNEXPECTED, socket, 'expect');
  const body = JSON.stringify(problem);
  response.writeHead(problem.status, headersOf(problem, body)).end(body);
}

function told(log: RequestLog, refusal: Refusal, socket: Socket, reason: string): Problem {
  const { status, text } = refusal;
  const requestId = randomUUID();
  log.unreadable({ requestId, status, ip: socket.remoteAddress, reason });
  return problemOf(Object.assign(new Error(text), { statusCode: status }), requestId);
}

function writtenAnswer(problem: Problem): string {
  const body = JSON.stringify(problem);
  const headers = Object.entries(headersOf(problem, body));
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  const first = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`;
  return `${[first, ...lines].join('\r\n')}\r\n\r\n${body}`;
}

function headersOf({ requestId }: Problem, body: string) {
  return {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
    connection: 'close',
  };
}
