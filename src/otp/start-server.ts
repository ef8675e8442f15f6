/**
 * Starting and stopping a server that no supervisor stands over.
 *
 * It is the root of its own XState actor system. Its crash is reported to the logger and the event
 * channels and ends there: never as an uncaught exception of the process.
 */
import { type AnyActorLogic, createActor, type InspectionEvent, type Observer } from 'xstate';
import { SlotkeeperError } from '../fault.ts';
import { Address, noproc } from './address.ts';
import { callingSelf, exitOrder } from './client.ts';
import { type Environment, environment } from './environment.ts';
import { describeReason, type ExitReason } from './exit-reason.ts';
import { behaviourIn, type GenServerLogic } from './gen-server.ts';
import type { Logger } from './logger.ts';
import { expectKnown, expectOption, expectReason, isDuration, isOptionalName } from './options.ts';
import { DEFAULT_TERMINATE_MS } from './place.ts';
import { incarnationOf, labelOf, type Ref } from './ref.ts';
import { type Server, serverInCallback } from './server.ts';
import { ServerRef } from './server-ref.ts';
import { serverOf } from './server-snapshot.ts';
import type { InputOf, ServerTypes } from './server-types.ts';

export type Inspector = Observer<InspectionEvent> | ((event: InspectionEvent) => void);

interface CommonStartOptions extends Partial<Omit<Environment, 'isInspected'>> {
  /** Registered before `init` runs; a second start under it is refused with `already_started`. */
  readonly name?: string;
  /** How long `init` may take. Default `Infinity`, as in OTP. */
  readonly startTimeoutMs?: number;
  /** XState's inspection of this server and all that it starts. */
  readonly inspect?: Inspector;
}

/** `input` is needed exactly when the server declares one. */
export type StartOptions<T extends ServerTypes> = CommonStartOptions &
  (undefined extends InputOf<T> ? { readonly input?: InputOf<T> } : { readonly input: InputOf<T> });

const START_OPTIONS = ['name', 'input', 'clock', 'logger', 'registry', 'startTimeoutMs', 'inspect'];

type StartArguments<T extends ServerTypes> =
  undefined extends InputOf<T> ? [options?: StartOptions<T>] : [options: StartOptions<T>];

/**
 * Starts a server and waits for its `init`. Rejects with `already_started` (`details.ref` is the first
 * holder of the name), `start_failed` (`cause` says why), `start_ignored` or `start_timeout`.
 */
export async function startServer<T extends ServerTypes>(
  logic: GenServerLogic<T>,
  ...[options]: StartArguments<T>
): Promise<ServerRef<T>> {
  const given: CommonStartOptions & { input?: unknown } = options ?? {};
  const { name, startTimeoutMs = Infinity } = given;
  expectOption('logic', logic, isServerLogic, 'made by fromGenServer or supervisor');
  expectKnown(given, START_OPTIONS);
  expectOption('name', name, isOptionalName, 'a non-empty string');
  expectOption('startTimeoutMs', startTimeoutMs, isDuration, 'milliseconds, 0 or more');
  const server = createServer(logic as unknown as GenServerLogic<ServerTypes>, given);
  await startWithin(server, startTimeoutMs);
  return new ServerRef<T>(server.address.environment.registry, server.address);
}

/**
 * Orders a server to end with `reason` and waits until it has. Rejects with `noproc` when nobody runs,
 * `stop_timeout` after `timeoutMs` (the order stands), or `stopped_otherwise` when it ended for another
 * reason, and `calling_self` when a server would wait for its own end: it returns `stop` instead.
 */
export async function stopServer(
  ref: Ref,
  reason: ExitReason = 'normal',
  timeoutMs = Infinity,
): Promise<void> {
  expectOption('timeoutMs', timeoutMs, isDuration, 'milliseconds, 0 or more');
  expectReason(reason);
  const server = incarnationOf(ref);
  if (!server || server.phase === 'exited') throw noproc(labelOf(ref));
  if (server === serverInCallback()) throw callingSelf(server.label);
  server.order(exitOrder(reason, '', true));
  if (!(await endsWithin(server, timeoutMs))) throw stopTimeout(server.label, timeoutMs);
  if (server.exitReason !== reason) throw stoppedOtherwise(server.label, server.exitReason);
}

/** Resolves when the server has ended (true) or the time is over (false). */
export function endsWithin(server: Server, timeoutMs: number): Promise<boolean> {
  if (server.hasEnded) return Promise.resolve(true);
  return new Promise((resolve) => {
    const timer = server.clock.setTimeout(() => settle(false), timeoutMs);
    const listener = { serverEnded: () => settle(true) };
    const settle = (hasEnded: boolean): void => {
      server.clock.clearTimeout(timer);
      server.offEnd(listener);
      resolve(hasEnded);
    };
    server.onEnd(listener);
  });
}

/** Waits for `init`. A server that takes too long is killed. */
export async function startWithin(server: Server, timeoutMs: number): Promise<void> {
  if (server.phase === 'starting' && !(await isReadyWithin(server, timeoutMs))) {
    server.kill();
    throw startTimeout(server.label, timeoutMs);
  }
  if (server.wasIgnored) throw startIgnored(server.label);
  if (server.hasFailedToStart) throw startFailed(server.label, server.exitReason);
}

function isReadyWithin(server: Server, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = server.clock.setTimeout(() => resolve(false), timeoutMs);
    server.onStarted = () => {
      server.clock.clearTimeout(timer);
      resolve(true);
    };
  });
}

function createServer(
  logic: GenServerLogic<ServerTypes>,
  options: CommonStartOptions & { input?: unknown },
): Server {
  const { name, inspect } = options;
  const env = environment({ ...options, isInspected: inspect !== undefined });
  const address = new Address({
    label: name ?? 'server',
    name,
    behaviour: logic.behaviour,
    environment: env,
  });
  const actor = createActor(logic as AnyActorLogic, {
    input: options.input,
    clock: env.clock as never,
    ...(name !== undefined && { id: name }),
    ...(inspect && { inspect: guarded(inspect, env.logger) }),
  });
  const server = serverOf(actor);
  if (!server) throw new TypeError('XState has not made the snapshot of a server');
  server.settleIn({ address, terminateTimeoutMs: DEFAULT_TERMINATE_MS, isRoot: true });
  actor.start();
  return server;
}

/** An inspector that fails must not take down what it looks at. */
function guarded(inspect: Inspector, logger: Logger): (event: InspectionEvent) => void {
  const observe = typeof inspect === 'function' ? inspect : inspect.next?.bind(inspect);
  return (event) => {
    try {
      observe?.(event);
    } catch (error) {
      logger.warn({ error }, 'An inspector has thrown');
    }
  };
}

const isServerLogic = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && behaviourIn(value) !== undefined;

function startTimeout(server: string, timeoutMs: number): SlotkeeperError<'start_timeout'> {
  return new SlotkeeperError(
    'start_timeout',
    `init of ${server} took longer than ${timeoutMs} ms`,
    {
      server,
      timeoutMs,
    },
  );
}

function startIgnored(server: string): SlotkeeperError<'start_ignored'> {
  return new SlotkeeperError('start_ignored', `init of ${server} decided not to start`, { server });
}

export function startFailed(server: string, reason: ExitReason): SlotkeeperError<'start_failed'> {
  const why = describeReason(reason);
  return new SlotkeeperError(
    'start_failed',
    `${server} could not be started: ${why}`,
    { server, reason: why },
    reason,
  );
}

function stopTimeout(server: string, timeoutMs: number): SlotkeeperError<'stop_timeout'> {
  return new SlotkeeperError('stop_timeout', `${server} has not ended within ${timeoutMs} ms`, {
    server,
    timeoutMs,
  });
}

function stoppedOtherwise(
  server: string,
  reason: ExitReason,
): SlotkeeperError<'stopped_otherwise'> {
  const why = describeReason(reason);
  return new SlotkeeperError(
    'stopped_otherwise',
    `${server} ended for another reason than it was told: ${why}`,
    { server, reason: why },
    reason,
  );
}
