/**
 * Talking to servers: `call`, `cast`, `info`, `sendAfter`, `replyTo`, `exit`.
 *
 * A call is a promise that settles exactly once: with the reply, with what the server rejected it with,
 * or with a fault. Faults by code: `call_timeout` (no answer in time), `server_down` (it ended first),
 * `noproc` (nobody runs there), `not_a_server`, `mailbox_full`, `calling_self`, `unexpected_request`,
 * `invalid_option`.
 * A call that timed out or was aborted before its turn is never served, so it has no effect.
 */
import type { AnyActorRef } from 'xstate';
import { SlotkeeperError } from '../fault.ts';
import { dropped, noproc } from './address.ts';
import type { Clock, ClockTimer } from './clock.ts';
import type { ExitSignal } from './exit-reason.ts';
import { CallEnvelope, Envelope, type From, type Tag } from './message.ts';
import { expectOption, expectReason, invalidOption, isDuration } from './options.ts';
import {
  type AnyRef,
  actorOf,
  clockOf,
  type Destination,
  destinationOf,
  incarnationOf,
  labelOf,
  type Ref,
} from './ref.ts';
import { type ExitOrder, type Host, type Server, serverInCallback } from './server.ts';
import type { ServerRef } from './server-ref.ts';
import { serverOf } from './server-snapshot.ts';
import type {
  CallReply,
  CallRequest,
  CallType,
  CastRequest,
  CastType,
  InfoMessage,
  ServerTypes,
} from './server-types.ts';

/** As in OTP: long enough for any healthy server, short enough for a caller to notice. */
export const DEFAULT_CALL_TIMEOUT_MS = 5_000;

export interface CallOptions {
  /** How long to wait for the reply, in milliseconds. Default 5,000; `Infinity` waits for ever. */
  readonly timeoutMs?: number;
  /** Rejects the call with `signal.reason` at once, and takes it out of the mailbox. */
  readonly signal?: AbortSignal;
}

/** Asks a server and waits for its reply. Never throws; every fault is a rejection. */
export function call<T extends ServerTypes, Key extends CallType<T>>(
  ref: Ref<T>,
  request: CallRequest<T, Key>,
  options?: CallOptions,
): Promise<CallReply<T, Key>> {
  return callAs('call', ref, request, options) as Promise<CallReply<T, Key>>;
}

/** The one way of every call, `sys` requests included. */
export function callAs(
  type: 'call' | 'sys',
  ref: AnyRef | Ref,
  request: Tag,
  options: CallOptions | undefined,
): Promise<unknown> {
  const timeoutMs = options?.timeoutMs ?? DEFAULT_CALL_TIMEOUT_MS;
  const destination = destinationOf(ref);
  const fault = callFault(ref, destination, request, timeoutMs);
  if (fault || !destination) return Promise.reject(fault);
  const signal = options?.signal;
  if (signal?.aborted) return Promise.reject(signal.reason);
  const envelope = new CallEnvelope(type, request, type === 'sys' ? 'control' : 'ordinary');
  const refusal = destination.send(envelope);
  if (refusal) return Promise.reject(refusal);
  if (envelope.lane === 'urgent') return envelope.promise(destination, Infinity, undefined);
  return envelope.promise(destination, timeoutMs, signal);
}

function callFault(
  ref: AnyRef | Ref,
  destination: Destination | undefined,
  request: Tag,
  timeoutMs: number,
): SlotkeeperError | undefined {
  if (!destination) return noproc(labelOf(ref));
  if (typeof request?.type !== 'string')
    return invalidOption('request', request, 'an object with a type');
  if (!isDuration(timeoutMs))
    return invalidOption('timeoutMs', timeoutMs, 'milliseconds, 0 or more');
  const caller = serverInCallback();
  return caller && isItself(caller, destination) ? callingSelf(caller.label) : undefined;
}

/**
 * Sends a call that its maker has made and keeps (`CallEnvelope`): it may be sent again to the next
 * incarnation when it was abandoned by one. Returns the fault that keeps it from being sent, if any.
 */
export function sendCall(ref: Ref, call: CallEnvelope): SlotkeeperError | undefined {
  const destination = destinationOf(ref);
  return destination ? destination.send(call) : noproc(labelOf(ref));
}

/**
 * The same, and has it served on this stack, after all that waits before it. False, and nothing is sent,
 * when the server cannot serve now: it is suspended, being restarted, or in a turn.
 */
export function sendCallNow(ref: ServerRef, call: CallEnvelope): boolean {
  return ref.address()?.sendAndServe(call) ?? false;
}

/**
 * Has an idle server do `act` on this stack, as the service of a message that needs no envelope.
 * `undefined`, and nothing was done, when it is not idle or somebody looks on: send a message then.
 * `act` may be run where the loop's share is used up, and then must answer nobody (`host.mayAnswer`).
 */
export function visit<State, Subject, Result>(
  ref: ServerRef,
  act: (state: State, subject: Subject, host: Host) => Result | undefined,
  subject: Subject,
): Result | undefined {
  return ref.address()?.server?.visit(act, subject);
}

/** Gives a new incarnation, in its `init`, a call of the former one: before all that came since. */
export function passOn(ref: ServerRef, call: CallEnvelope): void {
  call.renew();
  incarnationOf(ref)?.send(call);
}

/**
 * Sends a server something that needs no answer. Like OTP it does not say whether anybody is there.
 * Throws `mailbox_full` when it cannot be taken in, because no message is lost in silence.
 */
export function cast<T extends ServerTypes, Key extends CastType<T>>(
  ref: Ref<T>,
  request: CastRequest<T, Key>,
): void {
  send(ref, new Envelope<Tag>('cast', expectTag(request), 'ordinary'));
}

/** What `info` takes: one of the server's infos, or anything with a type if the types are unknown. */
export type InfoFor<T extends ServerTypes> = ServerTypes extends T
  ? Tag | (Tag & Readonly<Record<string, unknown>>)
  : InfoMessage<T>;

/** Sends a plain message: to a server's `handleInfo`, or as an event to any other XState actor. */
export function info<T extends ServerTypes>(ref: Ref<T> | AnyActorRef, message: InfoFor<T>): void {
  const tagged = expectTag(message as Tag);
  const actor = actorOf(ref);
  if (actor && !serverOf(actor)) actor.send(tagged);
  else send(ref, new Envelope<Tag>('info', tagged, 'ordinary'));
}

/** A message that was planned with `sendAfter`. */
export interface PlannedMessage {
  cancel(): void;
}

/**
 * Sends `message` with `info` after `delayMs`, on the target's clock. If the target is a server, it is
 * cancelled when the incarnation that runs now ends. `keepAlive: false` lets the process end before it.
 */
export function sendAfter<T extends ServerTypes>(
  ref: Ref<T> | AnyActorRef,
  message: InfoFor<T>,
  delayMs: number,
  options: { readonly keepAlive?: boolean } = {},
): PlannedMessage {
  expectOption('delayMs', delayMs, isDuration, 'milliseconds, 0 or more');
  expectTag(message as Tag);
  const timer = new PlannedSend(() => deliver(ref, message));
  timer.start(incarnationOf(ref), clockOf(ref), delayMs);
  if (options.keepAlive === false) timer.unref();
  return timer;
}

/** Answers a call later, from anywhere. False when it had ended before; the reply is dropped then. */
export function replyTo<Reply>(from: From<Reply>, value: Reply): boolean {
  return answer(from, value, false);
}

/** Rejects a call later. False when it had ended before. */
export function rejectTo(from: From<never>, error: Error): boolean {
  return answer(from, error, true);
}

/**
 * Sends an exit signal, as OTP's `exit/2`. `kill` ends the server at once and cannot be trapped.
 * Any other reason ends it after `terminate`, unless it traps exits and so gets an info `exit`;
 * `normal` is ignored by who does not trap. A dead target is not an error. Only servers hear it:
 * `terminateChild` ends a child that runs other logic.
 */
export function exit(ref: Ref, reason: ExitSignal): void {
  if (reason !== 'kill') expectReason(reason);
  const server = incarnationOf(ref);
  if (!server) return;
  if (reason === 'kill') server.kill();
  else server.order(exitOrder(reason, serverInCallback()?.label ?? '', false));
}

/** An order to end; a parent's cannot be trapped. */
export function exitOrder(
  reason: ExitOrder['reason'],
  from: string,
  isFromParent: boolean,
): ExitOrder {
  return { type: 'exit', from, reason, isFromParent };
}

/** Nobody could catch what is thrown when the time has come, so a full mailbox is reported there. */
function deliver<T extends ServerTypes>(ref: Ref<T> | AnyActorRef, message: InfoFor<T>): void {
  try {
    info(ref, message);
  } catch {
    const envelope = new Envelope<Tag>('info', message as Tag, 'ordinary');
    dropped(labelOf(ref), envelope, 'mailbox_full');
  }
}

function send(ref: Ref | AnyRef, envelope: Envelope<Tag>): void {
  const destination = destinationOf(ref);
  const fault = destination ? destination.send(envelope) : noproc(labelOf(ref));
  if (!fault) return;
  if (fault.code !== 'noproc') throw fault;
  dropped(labelOf(ref), envelope);
}

function answer(from: From<never>, value: unknown, isRejection: boolean): boolean {
  const envelope = from as unknown as CallEnvelope;
  return envelope.answerer?.replyTo(envelope, value, isRejection) ?? false;
}

function expectTag(message: Tag): Tag {
  if (typeof message?.type === 'string') return message;
  throw invalidOption('message', message, 'an object with a type');
}

function isItself(caller: Server, destination: Destination): boolean {
  return destination === caller || destination === caller.address;
}

/** A server that would wait for itself. */
export function callingSelf(server: string): SlotkeeperError<'calling_self'> {
  return new SlotkeeperError(
    'calling_self',
    `${server} calls itself and would wait for ever: answer later with deferReply, or continueWith`,
    { server },
  );
}

/** A timer that belongs to the server it is for, where there is one. */
class PlannedSend implements PlannedMessage {
  private readonly fire: () => void;
  private timer: ClockTimer | undefined = undefined;
  private stop: () => void = () => {};

  constructor(fire: () => void) {
    this.fire = fire;
  }

  start(server: Server | undefined, clock: Clock, delayMs: number): void {
    if (server) this.startIn(server, delayMs);
    else this.startAlone(clock, delayMs);
  }

  unref(): void {
    this.timer?.unref();
  }

  cancel(): void {
    this.stop();
  }

  private startIn(server: Server, delayMs: number): void {
    const timer = server.place.startTimer(this.fire, delayMs);
    this.timer = timer;
    this.stop = () => server.place.stopTimer(timer);
  }

  private startAlone(clock: Clock, delayMs: number): void {
    const timer = clock.setTimeout(this.fire, delayMs);
    this.timer = timer;
    this.stop = () => clock.clearTimeout(timer);
  }
}
