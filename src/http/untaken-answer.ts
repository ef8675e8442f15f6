/**
 * Hangs up on a client who is answered and does not read: his answer would be kept for as long as he likes.
 *
 * An answer that the connection does not take whole at once has a time in which some of it must be taken, again
 * and again until all is. Before that nothing is asked of a client, for his answer may take as long as it needs;
 * after it Node has its own time for connections that are kept. A stream of events has its own patience.
 */
import type { ServerResponse } from 'node:http';

/** Told by `prefinish`: all of the answer was given to the connection, when its turn had come. */
export function hangUpUntaken(response: ServerResponse, patienceMs: number): void {
  response.once('prefinish', () => {
    const { socket } = response;
    if (!socket || socket.writableLength === 0) return;
    socket.setTimeout(patienceMs);
    // Before Node sets its own, which stays.
    response.prependOnceListener('finish', () => socket.setTimeout(0));
  });
}
