/**
 * The limiter's client in another thread.
 *
 * The same functions to acquire and release, with the same answers; each call goes through the port, with
 * all others of its tick. The thread holds what it has acquired: when it ends, in whatever way, or closes
 * its client, its slots end as `holder_down`.
 */
import type { MessagePort } from 'node:worker_threads';
import { SlotkeeperError } from '../fault.ts';
import { invalidOption } from '../otp/options.ts';
import { invalidId, isId, type RunIds } from '../slots/index.ts';
import {
  type AcquireRunOptions,
  type AcquireSessionOptions,
  checkAcquireOptions,
} from './acquire-options.ts';
import { checkReleaseOptions, type ReleaseOptions } from './release-options.ts';
import type { ReleaseReport } from './release-report.ts';
import {
  errorOf,
  Outbox,
  type RemoteAcquireOptions,
  type RemoteNews,
  type RemoteRequest,
} from './remote-protocol.ts';
import { RemoteGrant, RemoteRunSlot, RemoteSessionSlot } from './remote-slot.ts';
import { randomRunIds } from './run-ids.ts';

/** How an acquire may wait and what it says; the thread itself is the holder. */
export type RemoteRunOptions = Omit<AcquireRunOptions, 'holder'>;
export type RemoteSessionOptions = Omit<AcquireSessionOptions, 'holder'>;

type Unnumbered = RemoteRequest extends infer Request
  ? Request extends RemoteRequest
    ? Omit<Request, 'number'>
    : never
  : never;

/** A call that has no answer yet. */
interface Open {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Makes a client of a port that the limiter has opened (`openPort`). */
export function connectLimiter(port: MessagePort): RemoteLimiter {
  return new RemoteLimiter(port);
}

export class RemoteLimiter {
  private readonly port: MessagePort;
  private readonly outbox: Outbox<RemoteRequest>;
  private readonly open = new Map<number, Open>();
  private readonly grants = new Map<number, RemoteGrant>();
  private readonly runIds: RunIds = randomRunIds();
  private last = 0;
  private closedWith: Error | undefined = undefined;

  /** Made by `connectLimiter`. */
  constructor(port: MessagePort) {
    this.port = port;
    this.outbox = new Outbox((requests) => port.postMessage(requests));
    port.on('message', (news: readonly RemoteNews[]) => {
      for (const one of news) this.hear(one);
    });
    port.on('close', () => this.end(closed()));
    port.unref();
  }

  /** Acquires the slot of a session; see `ConcurrencyLimiter.acquireSessionSlot`. */
  async acquireSessionSlot(
    sessionId: string,
    options: RemoteSessionOptions = {},
  ): Promise<RemoteSessionSlot> {
    const sent = sendable(options, 'session');
    expectId('sessionId', sessionId);
    const request = { type: 'acquire_session', sessionId, options: sent } as const;
    const grant = await this.acquire(request, sessionId, options.signal);
    return new RemoteSessionSlot(this, grant, sessionId);
  }

  /** Acquires a run slot; see `ConcurrencyLimiter.acquireRunSlot`. */
  async acquireRunSlot(
    sessionId: string,
    runId: string,
    options: RemoteRunOptions = {},
  ): Promise<RemoteRunSlot> {
    const sent = sendable(options, 'run');
    expectId('sessionId', sessionId);
    expectId('runId', runId);
    const request = { type: 'acquire_run', sessionId, runId, options: sent } as const;
    const grant = await this.acquire(request, runId, options.signal);
    return new RemoteRunSlot(this, grant, sessionId, runId);
  }

  /** Runs `fn` with a run slot of its own and releases it; see `ConcurrencyLimiter.withRunSlot`. */
  async withRunSlot<Result>(
    sessionId: string,
    fn: (slot: RemoteRunSlot) => Result | PromiseLike<Result>,
    options?: RemoteRunOptions,
  ): Promise<Result> {
    const runId = this.runIds.idOf(this.runIds.next());
    const slot = await this.acquireRunSlot(sessionId, runId, options);
    try {
      return await fn(slot);
    } finally {
      // If the port is closed, so is the slot.
      slot.release().catch(() => {});
    }
  }

  /** Releases a run slot by its id; see `ConcurrencyLimiter.releaseRunSlot`. */
  async releaseRunSlot(runId: string, options?: ReleaseOptions): Promise<ReleaseReport> {
    expectId('runId', runId);
    const token = tokenOf(options);
    return (await this.ask({ type: 'release_run', id: runId, token })) as ReleaseReport;
  }

  /** Releases a session and its runs; see `ConcurrencyLimiter.releaseSessionSlot`. */
  async releaseSessionSlot(sessionId: string, options?: ReleaseOptions): Promise<ReleaseReport> {
    expectId('sessionId', sessionId);
    const token = tokenOf(options);
    return (await this.ask({ type: 'release_session', id: sessionId, token })) as ReleaseReport;
  }

  /** Renews the lease of a run slot; see `ConcurrencyLimiter.renewRunSlot`. */
  async renewRunSlot(runId: string, token: number): Promise<void> {
    expectId('runId', runId);
    await this.ask({ type: 'renew_run', id: runId, token: checkedToken(token) });
  }

  /** The same for a session slot. */
  async renewSessionSlot(sessionId: string, token: number): Promise<void> {
    expectId('sessionId', sessionId);
    await this.ask({ type: 'renew_session', id: sessionId, token: checkedToken(token) });
  }

  /** Closes the port: its slots end as `holder_down`, later calls get `server_down`. */
  close(): void {
    this.outbox.flush();
    this.end(closed());
    this.port.close();
  }

  /** For handles: gives back a grant. */
  giveBack(token: number): Promise<ReleaseReport> {
    this.grants.delete(token);
    return this.ask({ type: 'give_back', token }) as Promise<ReleaseReport>; // as it asks for
  }

  private acquire(
    request: Unnumbered,
    id: string,
    signal: AbortSignal | undefined,
  ): Promise<RemoteGrant> {
    // That it is lost may come in the same message, so it is known as soon as it is heard of.
    const heard = (token: unknown): RemoteGrant => this.grantOf(token as number, id); // as it asks for
    return signal ? this.untilAborted(request, heard, signal) : this.ask(request, heard);
  }

  /** The caller has his answer at once; a slot that was on its way to him is given up. */
  private untilAborted(
    request: Unnumbered,
    heard: (token: unknown) => RemoteGrant,
    signal: AbortSignal,
  ): Promise<RemoteGrant> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const acquire = this.last + 1;
      const aborted = (): void => {
        this.post({ type: 'withdraw', acquire });
        reject(signal.reason);
      };
      const answered = (token: unknown): void => {
        signal.removeEventListener('abort', aborted);
        if (signal.aborted) this.post({ type: 'give_up', token: token as number });
        else resolve(heard(token));
      };
      signal.addEventListener('abort', aborted, { once: true });
      this.ask(request, answered).catch((error) => {
        signal.removeEventListener('abort', aborted);
        reject(error);
      });
    });
  }

  private grantOf(token: number, id: string): RemoteGrant {
    const grant = this.grants.get(token) ?? new RemoteGrant(token, id);
    this.grants.set(token, grant);
    return grant;
  }

  private ask(request: Unnumbered): Promise<unknown>;
  private ask<Value>(request: Unnumbered, heard: (answer: unknown) => Value): Promise<Value>;
  private ask(request: Unnumbered, heard = (answer: unknown) => answer): Promise<unknown> {
    if (this.closedWith) return Promise.reject(this.closedWith);
    return new Promise((resolve, reject) => {
      if (this.open.size === 0) this.port.ref();
      const answered = (answer: unknown): void => resolve(heard(answer));
      this.open.set(this.post(request), { resolve: answered, reject });
    });
  }

  private post(request: Unnumbered): number {
    this.last += 1;
    this.outbox.post({ ...request, number: this.last } as RemoteRequest);
    return this.last;
  }

  private hear(news: RemoteNews): void {
    switch (news.type) {
      case 'done':
        this.settle(news.number)?.resolve(news.value);
        break;
      case 'failed':
        this.settle(news.number)?.reject(errorOf(news.fault));
        break;
      case 'lost':
        this.grants.get(news.token)?.lose(news.reason);
        this.grants.delete(news.token);
        break;
      case 'closed':
        this.end(errorOf(news.fault));
    }
  }

  private settle(number: number): Open | undefined {
    const open = this.open.get(number);
    this.open.delete(number);
    if (this.open.size === 0) this.port.unref();
    return open;
  }

  private end(fault: Error): void {
    if (this.closedWith) return;
    this.closedWith = fault;
    for (const { reject } of this.open.values()) reject(fault);
    this.open.clear();
    for (const grant of this.grants.values()) grant.lose('holder_down');
    this.grants.clear();
  }
}

function closed(): SlotkeeperError<'server_down'> {
  return new SlotkeeperError('server_down', 'The port to the limiter is closed');
}

/** What of the options goes through the port. Throws `invalid_option`. */
function sendable(options: RemoteRunOptions, asked: 'session' | 'run'): RemoteAcquireOptions {
  checkAcquireOptions(options, asked === 'run' ? 'remote_run' : 'remote_session');
  const { signal: _signal, ...sent } = options;
  return sent;
}

function expectId(what: string, id: string): void {
  if (!isId(id)) throw invalidId(what, id);
}

function tokenOf(options: ReleaseOptions | undefined): number | undefined {
  const fault = options === undefined ? undefined : checkReleaseOptions(options);
  if (fault) throw fault;
  return options?.token;
}

function checkedToken(token: number): number {
  if (Number.isSafeInteger(token) && token > 0) return token;
  throw invalidOption('token', token, 'a positive integer');
}
