/**
 * What a callback answers: the builders `ready`, `reply`, `deferReply`, `rejectWith`, `noReply`,
 * `stop` and `ignore`, with `continueWith` or `timeoutAfter` for what comes next.
 *
 * OTP answers with tuples whose meaning is in their positions. Here each answer is made by a function
 * with a name, and the types know which callback may give which: a call that is not answered, or is
 * answered with the wrong thing, does not compile.
 */
import type { ExitReason } from './exit-reason.ts';
import type { From } from './message.ts';
import { expectOption, expectReason, isDuration } from './options.ts';

export type OutcomeKind =
  | 'ready'
  | 'ignore'
  | 'reply'
  | 'reject'
  | 'deferred'
  | 'no_reply'
  | 'stop';

/** What happens after the callback: a continuation before any message, or a time-out when idle. */
export type Next<Continuation = unknown> =
  | { readonly continuation: Continuation }
  | { readonly timeoutMs: number };

/** One class for all, so that reading an outcome is one shape for the engine. */
export class Outcome<Kind extends OutcomeKind = OutcomeKind, State = unknown, Value = unknown> {
  readonly kind: Kind;
  readonly state: State;
  readonly value: Value | undefined;
  readonly next: Next | undefined;

  constructor(kind: Kind, state: State, next: Next | undefined, value?: Value) {
    this.kind = kind;
    this.state = state;
    this.value = value;
    this.next = next;
  }
}

/** The outcome that ends the server. */
export class StopOutcome<State = unknown, Value = unknown> extends Outcome<'stop', State, Value> {
  readonly reason: ExitReason;
  readonly hasReply: boolean;

  constructor(state: State, reason: ExitReason, options?: { readonly reply: Value }) {
    super('stop', state, undefined, options?.reply);
    this.reason = reason;
    this.hasReply = options !== undefined;
  }
}

export type Awaitable<Result> = Result | PromiseLike<Result>;

export type InitResult<State> =
  | Outcome<'ready', State>
  | Outcome<'ignore', undefined>
  | Outcome<'stop', State | undefined, never>;
export type CallResult<Reply, State> =
  | Outcome<'reply', State, Reply>
  | Outcome<'reject', State, never>
  | Outcome<'deferred', State, Reply>
  | Outcome<'stop', State, Reply>;
export type CastResult<State> = Outcome<'no_reply', State, never> | Outcome<'stop', State, never>;

/** `init` succeeded; the server serves with `state`. */
export function ready<State>(state: State, next?: Next): Outcome<'ready', State> {
  return new Outcome('ready', state, next);
}

/** `init` decides that there is nothing to run. The supervisor keeps the spec and goes on. */
export function ignore(): Outcome<'ignore', undefined> {
  return new Outcome('ignore', undefined, undefined);
}

/** Answers the call and goes on. */
export function reply<Value, State>(
  value: Value,
  state: State,
  next?: Next,
): Outcome<'reply', State, Value> {
  return new Outcome('reply', state, next, value);
}

/** Rejects the call with `error` and goes on: a refusal, not a crash. */
export function rejectWith<State>(
  error: Error,
  state: State,
  next?: Next,
): Outcome<'reject', State, never> {
  return new Outcome<'reject', State, never>('reject', state, next, error as never);
}

/** Goes on without an answer; `replyTo(from, …)` gives it later. Who keeps no `from` cannot. */
export function deferReply<Value, State>(
  _from: From<Value>,
  state: State,
  next?: Next,
): Outcome<'deferred', State, Value> {
  return new Outcome<'deferred', State, Value>('deferred', state, next);
}

/** Goes on; for casts, infos and continuations, which nobody waits for. */
export function noReply<State>(state: State, next?: Next): Outcome<'no_reply', State, never> {
  return new Outcome<'no_reply', State, never>('no_reply', state, next);
}

/**
 * Ends the server with `reason` after `terminate`, which gets `state` or, without it, the state as it
 * was. In a call, `options.reply` answers it first;
 * without it the caller gets `server_down`. Throws `invalid_option` for what is no reason.
 */
export function stop<State = undefined>(
  reason: ExitReason,
  state?: State,
): Outcome<'stop', State, never>;
export function stop<State, Value>(
  reason: ExitReason,
  state: State,
  options: { readonly reply: Value },
): Outcome<'stop', State, Value>;
export function stop(
  reason: ExitReason,
  state?: unknown,
  options?: { readonly reply: unknown },
): Outcome<'stop'> {
  expectReason(reason);
  return new StopOutcome(state, reason, options);
}

/** `handleContinue` runs with this before any other message. */
export function continueWith<Continuation extends { readonly type: string }>(
  continuation: Continuation,
): Next<Continuation> {
  return { continuation };
}

/**
 * An info `{ type: 'timeout' }` comes unless a message arrives within `timeoutMs`. Throws
 * `invalid_option` for what is no time, which makes a crash of the callback that says it.
 */
export function timeoutAfter(timeoutMs: number): Next<never> {
  expectOption('timeoutMs', timeoutMs, isDuration, 'milliseconds, 0 or more');
  return { timeoutMs };
}
