/**
 * What a message can be sent to: a `ServerRef`, which outlives restarts, or an XState `ActorRef`, which
 * is one incarnation and dead after its end.
 */
import type { AnyActorRef } from 'xstate';
import type { SlotkeeperError } from '../fault.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Logger, silentLogger } from './logger.ts';
import type { Envelope, Tag } from './message.ts';
import type { Server } from './server.ts';
import { ServerRef } from './server-ref.ts';
import type { ServerSnapshot } from './server-snapshot.ts';
import { serverOf } from './server-snapshot.ts';
import type { ServerTypes } from './server-types.ts';

/** Any XState actor, for who knows nothing else of XState. */
export type { AnyActorRef } from 'xstate';

/** An XState actor that runs a server of these types. */
export interface ServerActor<T extends ServerTypes> {
  readonly id: string;
  getSnapshot(): ServerSnapshot<T>;
}

/** A server, by either handle. */
export type Ref<T extends ServerTypes = ServerTypes> = ServerRef<T> | ServerActor<T>;
/** A server or any other XState actor. */
export type AnyRef = ServerRef | AnyActorRef;

/** What takes envelopes: an address, or one incarnation. */
export interface Destination {
  readonly label: string;
  readonly clock: Clock;
  send(envelope: Envelope<Tag>): SlotkeeperError | undefined;
}

/** JavaScript can pass anything. */
function isActor(ref: unknown): boolean {
  return typeof (ref as AnyActorRef | undefined)?.getSnapshot === 'function';
}

/** Where envelopes for `ref` go; `undefined` if it never led to a server. */
export function destinationOf(ref: AnyRef | Ref): Destination | undefined {
  if (ref instanceof ServerRef) return ref.address();
  return isActor(ref) ? serverOf(ref) : undefined;
}

/** The incarnation behind `ref` now. */
export function actorOf(ref: AnyRef | Ref): AnyActorRef | undefined {
  return ref instanceof ServerRef ? ref.actor : (ref as AnyActorRef);
}

/** The server behind `ref`, also before it serves and while it ends. */
export function incarnationOf(ref: AnyRef | Ref): Server | undefined {
  if (ref instanceof ServerRef) return ref.address()?.incarnation;
  return isActor(ref) ? serverOf(ref) : undefined;
}

/** The clock of whoever is meant; the machine's own where nobody is there to have one. */
export function clockOf(ref: AnyRef | Ref): Clock {
  const actor = actorOf(ref) as { readonly clock?: Clock } | undefined;
  return destinationOf(ref)?.clock ?? actor?.clock ?? systemClock;
}

/** The logger of whoever is meant; a silent one where nobody is there to have one. */
export function loggerOf(ref: AnyRef | Ref): Logger {
  const address = ref instanceof ServerRef ? ref.address() : incarnationOf(ref)?.address;
  return address?.environment.logger ?? silentLogger;
}

export function labelOf(ref: AnyRef | Ref): string {
  if (ref instanceof ServerRef) return ref.name ?? ref.address()?.label ?? String(ref);
  return isActor(ref) ? (serverOf(ref)?.label ?? ref.id) : String(ref);
}
