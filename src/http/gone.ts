/**
 * When the client of a request goes away before he is answered.
 *
 * Several requests may have come over one connection, each before the answers to the others: only the one
 * whose turn it is to be answered hears from its answer that the connection has ended, so the connection
 * itself is listened to.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Leave = () => void;

const unanswered = new WeakMap<Socket, Set<Leave>>();

/** Aborts when the connection ends before the answer has; `told` is called then, too. */
export function whenGone(socket: Socket, response: ServerResponse, told: () => void): AbortSignal {
  const gone = new AbortController();
  const leave = (): void => {
    gone.abort(new Error('The client has gone away'));
    told();
  };
  if (socket.destroyed) leave();
  else listen(socket, response, leave);
  return gone.signal;
}

function listen(socket: Socket, response: ServerResponse, leave: Leave): void {
  const all = unansweredAt(socket);
  all.add(leave);
  response.once('finish', () => all.delete(leave));
}

/** One listener, however many come over it. */
function unansweredAt(socket: Socket): Set<Leave> {
  const known = unanswered.get(socket);
  if (known) return known;
  const all = new Set<Leave>();
  unanswered.set(socket, all);
  socket.once('close', () => {
    for (const leave of all) leave();
  });
  return all;
}
