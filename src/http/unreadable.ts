/**
 * What is answered to what is no HTTP request, or does not come to its end: there is none for a route then.
 */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** For an answer to be read. */
const GRACE_MS = 1_000;

/** Answers, if anybody still listens, and hangs up. */
export function answerUnreadable({ code }: { readonly code?: string }, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUSES[code ?? ''] ?? 400;
  const body = problem(status);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // Who does not hang up himself would keep his connection; at once, he might not get to read it.
  setTimeout(() => socket.destroy(), GRACE_MS).unref();
}

/** An `Expect` that is not `100-continue`. */
export function answerUnexpected(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(417, { 'content-type': 'application/problem+json', connection: 'close' });
  response.end(problem(417));
}

function problem(status: number): string {
  const title = STATUS_CODES[status];
  return JSON.stringify({ type: 'about:blank', title, status, code: 'unsupported_request' });
}
