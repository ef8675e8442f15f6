/**
 * The status as server-sent events: one at once, one whenever it has changed.
 *
 * Nobody waits for a viewer. Who is slow misses what was between: what he gets is always the newest, and no more
 * than that is kept for him. Who takes nothing for ten seconds is disconnected.
 */
import { Readable } from 'node:stream';
import type { ConcurrencyLimiter } from '../limiter/index.ts';
import type { Client } from './client.ts';

/** Bytes that are not taken yet: some dozens of statuses. */
const MOST_UNTAKEN = 16 * 1024;
const PATIENCE_MS = 10_000;

/** `status`: as JSON, as it is now. */
export function statusEvents(
  limiter: ConcurrencyLimiter,
  status: () => string,
  client: Pick<Client, 'onGone'>,
  patienceMs = PATIENCE_MS,
): Readable {
  const events = limiter.events();
  const viewer = new Viewer(status, patienceMs);
  viewer.once('close', () => void events.return?.());
  client.onGone(() => viewer.destroy());
  void follow(viewer, events);
  return viewer;
}

async function follow(viewer: Viewer, events: AsyncIterable<unknown>): Promise<void> {
  for await (const _event of events) viewer.tell();
  viewer.push(null);
}

class Viewer extends Readable {
  private readonly status: () => string;
  private readonly patienceMs: number;
  private last = '';
  /** Runs while he takes nothing. */
  private patience: NodeJS.Timeout | undefined = undefined;

  constructor(status: () => string, patienceMs: number) {
    super({ highWaterMark: MOST_UNTAKEN });
    this.status = status;
    this.patienceMs = patienceMs;
  }

  /** The status, if he has not got it and there is room for it. */
  tell(): void {
    if (this.patience || this.destroyed) return;
    const next = eventOf(this.status());
    if (next === this.last) return;
    this.last = next;
    if (this.push(next)) return;
    this.patience = setTimeout(() => this.destroy(), this.patienceMs);
  }

  /** He has taken something. */
  override _read(): void {
    this.stopWaiting();
    this.tell();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.stopWaiting();
    done(error);
  }

  private stopWaiting(): void {
    clearTimeout(this.patience);
    this.patience = undefined;
  }
}

function eventOf(status: string): string {
  return `event: status\ndata: ${status}\n\n`;
}
