/**
 * The contract between a server and its author: which callbacks there are, what each gets, and what
 * it may answer. Types only.
 *
 * Callbacks are clauses: one function for each type of message, each a row of the server's decision
 * table. What has no clause is unexpected: it is logged and counted, a call is rejected.
 */
import type { Clock } from './clock.ts';
import type { ExitReason } from './exit-reason.ts';
import type { Logger } from './logger.ts';
import type { From } from './message.ts';
import type { DownMessage } from './monitor.ts';
import type { Awaitable, CallResult, CastResult, InitResult } from './outcome.ts';
import type { ServerRef } from './server-ref.ts';
import type {
  CallReply,
  CallRequest,
  CallType,
  CastRequest,
  CastType,
  Continuation,
  ContinueType,
  InfoMessage,
  InfoType,
  InputOf,
  ServerTypes,
  StateOf,
} from './server-types.ts';

/** What every callback gets last: the server seen from inside. One object per incarnation. */
export interface ServerContext<T extends ServerTypes> {
  /** Itself, to be given to others. */
  readonly self: ServerRef<T>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An exit signal that was trapped, from a linked server or from `exit`. */
export interface ExitMessage {
  readonly type: 'exit';
  readonly from: string;
  readonly reason: ExitReason;
}

export interface TimeoutMessage {
  readonly type: 'timeout';
}

/** What `formatStatus` may rewrite before people or logs see it. */
export interface FormattedStatus<T extends ServerTypes> {
  readonly state: StateOf<T> | undefined;
  /** The message in service, if any. */
  readonly message?: unknown;
  readonly reason?: ExitReason;
}

/** One answer of a turn, on its way out. */
export interface TurnReply {
  readonly request: { readonly type: string };
  readonly value: unknown;
  readonly isRejection: boolean;
  replaceWith(value: unknown): void;
  rejectWith(error: Error): void;
}

export type CallClauses<T extends ServerTypes> = {
  readonly [K in CallType<T>]: (
    request: CallRequest<T, K>,
    state: StateOf<T>,
    from: From<CallReply<T, K>>,
    context: ServerContext<T>,
  ) => Awaitable<CallResult<CallReply<T, K>, StateOf<T>>>;
};

export type CastClauses<T extends ServerTypes> = {
  readonly [K in CastType<T>]: (
    request: CastRequest<T, K>,
    state: StateOf<T>,
    context: ServerContext<T>,
  ) => Awaitable<CastResult<StateOf<T>>>;
};

type InfoClause<T extends ServerTypes, Message> = (
  message: Message,
  state: StateOf<T>,
  context: ServerContext<T>,
) => Awaitable<CastResult<StateOf<T>>>;

/** Besides its own infos a server may meet `down`, `exit` and `timeout`, and `'*'` is any other. */
export type InfoClauses<T extends ServerTypes> = {
  readonly [K in InfoType<T>]: InfoClause<T, InfoMessage<T, K>>;
} & {
  readonly down?: InfoClause<T, DownMessage>;
  readonly exit?: InfoClause<T, ExitMessage>;
  readonly timeout?: InfoClause<T, TimeoutMessage>;
  readonly '*'?: InfoClause<T, { readonly type: string }>;
};

export type ContinueClauses<T extends ServerTypes> = {
  readonly [K in ContinueType<T>]: InfoClause<T, Continuation<T, K>>;
};

/** A member that is required as soon as the interface declares something for it. */
type Needed<Name extends string, Keys, Value> = [Keys] extends [never]
  ? { readonly [N in Name]?: Value }
  : { readonly [N in Name]: Value };

export interface GenServerSettings<T extends ServerTypes> {
  /** Ordinary messages that may wait. Default 100,000; `Infinity` is allowed. */
  readonly mailboxLimit?: number;
  /**
   * How a turn begins when the server is idle: `at_once` on the sender's stack (default), or gathered
   * in a `microtask`, so that all that is sent in one tick is one turn.
   */
  readonly turnStart?: 'at_once' | 'microtask';
  /**
   * Calls and casts that go before all others, never time out and are never refused by a full mailbox.
   * A crash takes them with the mailbox; their callers get `server_down`.
   */
  readonly uncancellable?: readonly (CallType<T> | CastType<T>)[];
  /** Exit signals of others arrive as an info `exit` instead of ending the server. */
  readonly trapExit?: boolean;
}

export interface GenServerCallbacks<T extends ServerTypes> {
  /** Makes the first state. Nothing else is served before it has succeeded. */
  init(input: InputOf<T>, context: ServerContext<T>): Awaitable<InitResult<StateOf<T>>>;
  /**
   * Called once per turn, after its last message and before its answers go out: the place to commit.
   * Answers that are given from outside a turn wait for it, too. There may be none. It may replace them. If it throws, the server crashes and none of them is sent.
   */
  handleReplies?(
    replies: readonly TurnReply[],
    state: StateOf<T>,
    context: ServerContext<T>,
  ): Awaitable<CastResult<StateOf<T>>>;
  /** Cleans up, whatever the reason, except after `kill`. Its throw becomes the reason. */
  terminate?(reason: ExitReason, state: StateOf<T>, context: ServerContext<T>): Awaitable<unknown>;
  /** Hides secrets and bulk before a status or a crash report is seen by anyone. */
  formatStatus?(status: FormattedStatus<T>): FormattedStatus<T> | Record<string, unknown>;
}

export type GenServerDefinition<T extends ServerTypes> = GenServerSettings<T> &
  GenServerCallbacks<T> &
  Needed<'handleCall', CallType<T>, CallClauses<T>> &
  Needed<'handleCast', CastType<T>, CastClauses<T>> &
  Needed<'handleInfo', InfoType<T>, InfoClauses<T>> &
  Needed<'handleContinue', ContinueType<T>, ContinueClauses<T>>;
