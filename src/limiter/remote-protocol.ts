/**
 * What goes through a port between a limiter and its client in another thread.
 *
 * Messages go in batches, both ways: all that one tick has brought. The thread that ends takes its port
 * with it, which is how the limiter sees that a holder is down.
 */
import { SlotkeeperError } from '../fault.ts';
import { type EndReason, type Refusal, RefusalError, refusalError } from '../slots/index.ts';
import type { AcquireRunOptions } from './acquire-options.ts';

/** The options of an acquire that can go through a port. */
export type RemoteAcquireOptions = Omit<AcquireRunOptions, 'holder' | 'signal'>;

/** What a client asks for. Each has a number that its answer repeats. */
export type RemoteRequest = { readonly number: number } & (
  | {
      readonly type: 'acquire_run';
      readonly sessionId: string;
      readonly runId: string;
      readonly options: RemoteAcquireOptions;
    }
  | {
      readonly type: 'acquire_session';
      readonly sessionId: string;
      readonly options: RemoteAcquireOptions;
    }
  | {
      readonly type: 'release_run' | 'release_session';
      readonly id: string;
      readonly token: number | undefined;
    }
  | { readonly type: 'give_back'; readonly token: number }
  | { readonly type: 'give_up'; readonly token: number }
  | { readonly type: 'renew_run' | 'renew_session'; readonly id: string; readonly token: number }
  | { readonly type: 'withdraw'; readonly acquire: number }
);

/** What the limiter tells a client. */
export type RemoteNews =
  | { readonly type: 'done'; readonly number: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly number: number; readonly fault: RemoteFault }
  | { readonly type: 'lost'; readonly token: number; readonly reason: EndReason }
  | { readonly type: 'closed'; readonly fault: RemoteFault };

/** An error as data: an error itself would lose its type and its code on the way. */
export interface RemoteFault {
  readonly isRefusal: boolean;
  readonly refusal: Refusal | undefined;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export function faultOf(error: unknown): RemoteFault {
  const isRefusal = error instanceof RefusalError;
  const refusal = isRefusal ? refusalOf(error) : undefined;
  const { code, message, details } = error instanceof SlotkeeperError ? error : unexpected(error);
  return { isRefusal, refusal, code, message, details: plain(details) };
}

export function errorOf({ refusal, code, message, details }: RemoteFault): Error {
  if (!refusal) return new SlotkeeperError(code, message, details);
  const error = refusalError(refusal);
  error.message = message;
  return error;
}

function refusalOf({ code, limit, active, scope }: RefusalError): Refusal {
  return { code, limit, active, scope };
}

function unexpected(error: unknown): SlotkeeperError<'server_down'> {
  return new SlotkeeperError('server_down', String(error));
}

/** What can be sent: numbers and texts, and what is made of them. */
function plain(details: object): Record<string, unknown> {
  const isPlain = (value: unknown): boolean =>
    typeof value !== 'function' && !(value instanceof Error);
  return Object.fromEntries(Object.entries(details).filter(([, value]) => isPlain(value)));
}

/** Gathers what is to be sent, and sends it when all that this tick brings is done. */
export class Outbox<Message> {
  private messages: Message[] = [];
  private readonly send: (messages: readonly Message[]) => void;

  constructor(send: (messages: readonly Message[]) => void) {
    this.send = send;
  }

  post(message: Message): void {
    this.messages.push(message);
    // A tick that is planned within a microtask comes after all of them.
    if (this.messages.length === 1) queueMicrotask(() => process.nextTick(() => this.flush()));
  }

  /** Sends what there is, at once. */
  flush(): void {
    if (this.messages.length === 0) return;
    const { messages } = this;
    this.messages = [];
    this.send(messages);
  }
}
