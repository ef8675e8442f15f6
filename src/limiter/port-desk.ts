/**
 * The limiter's end of a port: does what a client in another thread asks for.
 *
 * It is a caller like any other, through the limiter's own functions. The thread is the holder of all
 * that it acquires: when its port closes, its slots end and its waits are withdrawn.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ConcurrencyLimiter } from './limiter.ts';
import {
  faultOf,
  Outbox,
  type RemoteAcquireOptions,
  type RemoteNews,
  type RemoteRequest,
} from './remote-protocol.ts';
import { RunSlot, SessionSlot } from './slot.ts';
import { SlotLostError } from './slot-lost-error.ts';

type Slot = RunSlot | SessionSlot;

/** Opens a port to a limiter: the end that is given to the other thread. */
export function openPort(limiter: ConcurrencyLimiter, ports: Set<PortDesk>): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const desk = new PortDesk(limiter, port1, () => ports.delete(desk));
  ports.add(desk);
  return port2;
}

/** A slot, and how often it was given to a caller there who has not given it up. */
interface Kept {
  readonly slot: Slot;
  claims: number;
}

/** What is asked for without an answer. */
type Notice = Extract<RemoteRequest, { type: 'withdraw' | 'give_up' }>;

export class PortDesk {
  private readonly limiter: ConcurrencyLimiter;
  private readonly port: MessagePort;
  private readonly outbox: Outbox<RemoteNews>;
  /** Aborts when the port closes: the holder of its slots. */
  private readonly thread = new AbortController();
  /** Slots that it was given, by token. */
  private readonly slots = new Map<number, Kept>();
  /** Acquires that wait for their answer, by number. */
  private readonly waiting = new Map<number, AbortController>();

  constructor(limiter: ConcurrencyLimiter, port: MessagePort, whenClosed: () => void) {
    this.limiter = limiter;
    this.port = port;
    this.outbox = new Outbox((news) => port.postMessage(news));
    port.on('message', (requests: readonly RemoteRequest[]) => {
      for (const request of requests) this.serve(request);
    });
    port.on('close', () => {
      this.thread.abort();
      whenClosed();
    });
    // Who waits for an answer is in the other thread, and keeps it alive.
    port.unref();
  }

  /** The limiter has ended: the client is told why, and the port is closed. */
  close(fault: Error): void {
    this.outbox.post({ type: 'closed', fault: faultOf(fault) });
    this.outbox.flush();
    this.port.close();
  }

  private serve(request: RemoteRequest): void {
    if (request.type === 'withdraw') this.waiting.get(request.acquire)?.abort();
    else if (request.type === 'give_up') this.giveUp(request.token);
    else this.serveCall(request);
  }

  private serveCall(request: Exclude<RemoteRequest, Notice>): void {
    const { number } = request;
    this.answerTo(request).then(
      (value) => this.answer(number, value),
      (error) => this.outbox.post({ type: 'failed', number, fault: faultOf(error) }),
    );
  }

  /** A slot is kept from its answer on: that it is lost is told after that it was given. */
  private answer(number: number, value: unknown): void {
    const slot = value instanceof RunSlot || value instanceof SessionSlot ? value : undefined;
    this.outbox.post({ type: 'done', number, value: slot ? slot.token : value });
    if (slot) this.keep(slot);
  }

  private answerTo(request: Exclude<RemoteRequest, Notice>): Promise<unknown> {
    const { limiter } = this;
    switch (request.type) {
      case 'acquire_run':
        return this.acquire(request.number, request.options, (options) =>
          limiter.acquireRunSlot(request.sessionId, request.runId, options),
        );
      case 'acquire_session':
        return this.acquire(request.number, request.options, (options) =>
          limiter.acquireSessionSlot(request.sessionId, options),
        );
      case 'release_run':
        return limiter.releaseRunSlot(request.id, tokenOption(request.token));
      case 'release_session':
        return limiter.releaseSessionSlot(request.id, tokenOption(request.token));
      case 'give_back':
        return this.giveBack(request.token);
      case 'renew_run':
        return limiter.renewRunSlot(request.id, request.token);
      case 'renew_session':
        return limiter.renewSessionSlot(request.id, request.token);
    }
  }

  private async acquire(
    number: number,
    options: RemoteAcquireOptions,
    ask: (options: object) => Promise<Slot>,
  ): Promise<Slot> {
    const abort = new AbortController();
    this.waiting.set(number, abort);
    try {
      return await ask({ ...options, signal: abort.signal, holder: this.thread.signal });
    } finally {
      this.waiting.delete(number);
    }
  }

  /** The client is told when the slot is lost. */
  private keep(slot: Slot): void {
    const { token, signal } = slot;
    const kept = this.slots.get(token);
    if (kept) {
      kept.claims += 1;
      return;
    }
    this.slots.set(token, { slot, claims: 1 });
    const lost = (): void => this.lost(token, signal.reason);
    if (signal.aborted) lost();
    else signal.addEventListener('abort', lost, { once: true });
  }

  private lost(token: number, reason: unknown): void {
    if (!this.slots.delete(token) || this.thread.signal.aborted) return;
    if (reason instanceof SlotLostError) {
      this.outbox.post({ type: 'lost', token, reason: reason.code });
    }
  }

  /** The slot came too late for one of its callers. */
  private giveUp(token: number): void {
    const kept = this.slots.get(token);
    if (!kept) return;
    kept.claims -= 1;
    if (kept.claims === 0) this.slots.delete(token);
    RunSlot.giveUp(kept.slot);
  }

  private async giveBack(token: number): Promise<unknown> {
    const kept = this.slots.get(token);
    this.slots.delete(token);
    return (await kept?.slot.release()) ?? { sessions: 0, runs: 0, waiters: 0 };
  }
}

function tokenOption(token: number | undefined): { token?: number } {
  return token === undefined ? {} : { token };
}
