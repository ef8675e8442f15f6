/**
 * sys: looking into a running server, and stopping it for a while.
 *
 * Every request goes through the control lane, before all other messages, also while the server is
 * suspended; the server answers it between two messages. All but `suspend` and `resume` are for
 * debugging. Every function rejects as a call does; `timeoutMs` is 5,000 by default.
 */
import type { FormattedStatus } from './callbacks.ts';
import { type CallOptions, callAs } from './client.ts';
import {
  Debugging,
  describeEvent,
  type Statistics,
  type SystemEvent,
  type Tracer,
} from './debugging.ts';
import type { Ref } from './ref.ts';
import type { Phase, Server, SysRequest } from './server.ts';
import type { ServerTypes, StateOf } from './server-types.ts';

export type { Statistics, SystemEvent, Tracer } from './debugging.ts';

/** What `getStatus` tells. `state` is as `formatStatus` shows it. */
export interface ServerStatus {
  readonly server: string;
  readonly phase: Phase;
  readonly isSuspended: boolean;
  readonly queuedMessages: number;
  /** Messages that no clause was there for, since the start. */
  readonly unexpectedMessages: number;
  readonly state: unknown;
}

/** The server's state as it is. */
export function getState<T extends ServerTypes>(
  ref: Ref<T>,
  options?: CallOptions,
): Promise<StateOf<T>> {
  return ask(ref, 'sys.get_state', (server) => server.state as StateOf<T>, options);
}

/** Replaces the state by what `replace` makes of it. If it throws, the state stays and the call rejects. */
export function replaceState<T extends ServerTypes>(
  ref: Ref<T>,
  replace: (state: StateOf<T>) => StateOf<T>,
  options?: CallOptions,
): Promise<StateOf<T>> {
  const apply = (server: Server): StateOf<T> => {
    server.state = replace(server.state as StateOf<T>);
    return server.state as StateOf<T>;
  };
  return ask(ref, 'sys.replace_state', apply, options);
}

/** Stops the service of everything but sys requests and orders to end. Messages wait. */
export function suspend(ref: Ref, options?: CallOptions): Promise<void> {
  return ask(ref, 'sys.suspend', (server) => server.setSuspended(true), options);
}

/** Goes on with what has waited. */
export function resume(ref: Ref, options?: CallOptions): Promise<void> {
  return ask(ref, 'sys.resume', (server) => server.setSuspended(false), options);
}

/** Begins to count messages (`true`), ends (`false`), or tells the counts (`'get'`). */
export function statistics(ref: Ref, flag: boolean, options?: CallOptions): Promise<void>;
export function statistics(
  ref: Ref,
  flag: 'get',
  options?: CallOptions,
): Promise<Statistics | undefined>;
export function statistics(
  ref: Ref,
  flag: boolean | 'get',
  options?: CallOptions,
): Promise<unknown> {
  const apply = (server: Server): Statistics | undefined => {
    const now = server.clock.now();
    if (flag === 'get') return server.debugging?.statistics(now);
    debug(server, (debugging) => debugging.count(flag ? now : undefined));
    return undefined;
  };
  return ask(ref, 'sys.statistics', apply, options);
}

/** Sends every system event to `tracer`, or to the server's logger (`true`), or nowhere (`false`). */
export function trace(ref: Ref, tracer: Tracer | boolean, options?: CallOptions): Promise<void> {
  const apply = (server: Server): void =>
    debug(server, (debugging) => {
      debugging.tracer = tracerFor(server, tracer);
    });
  return ask(ref, 'sys.trace', apply, options);
}

/** The server's condition, with its state as `formatStatus` shows it. */
export function getStatus(ref: Ref, options?: CallOptions): Promise<ServerStatus> {
  return ask(ref, 'sys.get_status', statusOf, options);
}

function ask<Result>(
  ref: Ref,
  type: string,
  apply: (server: Server) => Result,
  options: CallOptions | undefined,
): Promise<Result> {
  const request: SysRequest = { type, apply };
  return callAs('sys', ref, request, options) as Promise<Result>;
}

function debug(server: Server, change: (debugging: Debugging) => void): void {
  const debugging = server.debugging ?? new Debugging((error) => removedTracer(server, error));
  change(debugging);
  server.debugging = debugging.isUsed ? debugging : undefined;
}

function removedTracer(server: Server, error: unknown): void {
  server.place.log('warn', { error }, `A tracer of ${server.label} has thrown and was removed`);
}

function tracerFor(server: Server, tracer: Tracer | boolean): Tracer | undefined {
  if (typeof tracer === 'function') return tracer;
  if (!tracer) return undefined;
  return (event: SystemEvent) => server.place.log('debug', { event }, describeEvent(event));
}

function statusOf(server: Server): ServerStatus {
  const shown: Partial<FormattedStatus<ServerTypes>> = server.formattedStatus({
    state: server.state,
  });
  return {
    server: server.label,
    phase: server.phase,
    isSuspended: server.isSuspended,
    queuedMessages: server.queuedMessages,
    unexpectedMessages: server.unexpectedMessages,
    state: shown.state,
  };
}
