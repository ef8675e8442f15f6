/**
 * The client of one request: there until he is answered, or gone before.
 *
 * Several requests may have come over one connection, each before the answers to the others: only the one
 * whose turn it is to be answered hears from its answer that the connection has ended, so the connection
 * itself is listened to.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Told once: whether he was answered. */
export type ClientEnd = (isAnswered: boolean) => void;

const unanswered = new WeakMap<Socket, Set<Client>>();

export class Client {
  private readonly ended: ClientEnd;
  private leave: (() => void) | undefined = undefined;
  private hasLeft = false;

  constructor(socket: Socket, response: ServerResponse, ended: ClientEnd) {
    this.ended = ended;
    if (socket.destroyed) this.goAway();
    else this.waitAt(socket, response);
  }

  /** `leave` is called when he goes away before he is answered; at once, if he has. For one at a time. */
  onGone(leave: () => void): void {
    this.leave = leave;
    if (this.hasLeft) leave();
  }

  private waitAt(socket: Socket, response: ServerResponse): void {
    const all = unansweredAt(socket);
    all.add(this);
    response.once('finish', () => {
      all.delete(this);
      this.ended(true);
    });
  }

  private goAway(): void {
    this.hasLeft = true;
    this.ended(false);
    this.leave?.();
  }

  /** None of them is answered any more. */
  static goAwayFrom(clients: Iterable<Client>): void {
    for (const client of clients) client.goAway();
  }
}

/** One listener, however many come over it. */
function unansweredAt(socket: Socket): Set<Client> {
  const known = unanswered.get(socket);
  if (known) return known;
  const all = new Set<Client>();
  unanswered.set(socket, all);
  socket.once('close', () => Client.goAwayFrom(all));
  return all;
}
