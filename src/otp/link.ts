/**
 * Links: two servers that end together.
 *
 * When one ends for another reason than `normal`, the other gets an exit signal with that reason: it
 * ends too, after `terminate`, unless it traps exits and so gets an info `exit`. `normal` reaches only
 * who traps. A link is between two incarnations and is gone with the first of them.
 */

import { noproc } from './address.ts';
import { exitOrder } from './client.ts';
import type { ExitReason } from './exit-reason.ts';
import { incarnationOf, labelOf, type Ref } from './ref.ts';
import type { EndListener, Server } from './server.ts';

const links = new WeakMap<Server, Map<Server, EndListener>>();

/** Links two servers. Linking twice is one link. Throws `noproc` if either does not run. */
export function link(one: Ref, other: Ref): void {
  const first = runningServer(one);
  const second = runningServer(other);
  if (first === second) return;
  endTogether(first, second);
  endTogether(second, first);
}

/** Takes a link away, if there is one; no signal is sent any more in either direction. */
export function unlink(one: Ref, other: Ref): void {
  const first = incarnationOf(one);
  const second = incarnationOf(other);
  if (!first || !second) return;
  part(first, second);
  part(second, first);
}

function runningServer(ref: Ref): Server {
  const server = incarnationOf(ref);
  if (!server || server.phase === 'exited') throw noproc(labelOf(ref));
  return server;
}

function endTogether(watched: Server, told: Server): void {
  const linked = linksOf(watched);
  if (linked.has(told)) return;
  const listener: EndListener = {
    serverEnded: (_server, reason) => {
      part(told, watched);
      signal(watched, told, reason);
    },
  };
  linked.set(told, listener);
  watched.onEnd(listener);
}

function part(watched: Server, told: Server): void {
  const listener = linksOf(watched).get(told);
  if (!listener) return;
  linksOf(watched).delete(told);
  watched.offEnd(listener);
}

function signal(from: Server, to: Server, reason: ExitReason): void {
  if (to.phase !== 'exited') to.order(exitOrder(reason, from.label, false));
}

function linksOf(server: Server): Map<Server, EndListener> {
  const linked = links.get(server) ?? new Map<Server, EndListener>();
  links.set(server, linked);
  return linked;
}
