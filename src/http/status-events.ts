/**
 * The status as server-sent events: one at once, one whenever it has changed.
 *
 * A viewer who is slow misses what was between; what he gets is always the newest.
 */
import { Readable } from 'node:stream';
import type { ConcurrencyLimiter } from '../limiter/index.ts';

/** `gone`: when he has gone away. */
export function statusEvents(
  limiter: ConcurrencyLimiter,
  status: () => object,
  gone: AbortSignal,
): Readable {
  const events = limiter.events();
  // A reader that waits for an event ends with it, and nobody knows when that comes.
  gone.addEventListener('abort', () => void events.return?.());
  return Readable.from(told(events, status), { objectMode: false });
}

async function* told(events: AsyncIterable<unknown>, status: () => object): AsyncGenerator<string> {
  let last = textOf(status());
  yield last;
  for await (const _event of events) {
    const next = textOf(status());
    if (next === last) continue;
    last = next;
    yield next;
  }
}

function textOf(status: object): string {
  return `event: status\ndata: ${JSON.stringify(status)}\n\n`;
}
