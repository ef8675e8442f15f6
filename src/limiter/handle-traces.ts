/**
 * Handle traces: slots whose last handle was collected, so that nobody can give them back.
 *
 * For finding leaks: the place of each acquire is noted, which costs microseconds, so it is off by
 * default. A slot with a holder or a lease ends without a handle, and is no leak.
 */
import type { RunEntry, SessionEntry } from '../slots/index.ts';
import { RunEntry as Run } from '../slots/index.ts';
import { slotLostTrack } from './channels.ts';
import type { RunSlot, SessionSlot } from './slot.ts';
import { tieOf } from './slot-tie.ts';
import type { Survivors } from './survivors.ts';

/** What is known of a handle that is gone. */
interface Trace {
  readonly entry: RunEntry | SessionEntry;
  readonly token: number;
}

export class HandleTraces {
  private readonly limiter: Survivors;
  private readonly registry = new FinalizationRegistry<Trace>((trace) => this.collected(trace));

  constructor(limiter: Survivors) {
    this.limiter = limiter;
  }

  watch(handle: RunSlot | SessionSlot, entry: RunEntry | SessionEntry): void {
    const tie = tieOf(entry);
    if (!tie) return;
    tie.handles += 1;
    this.registry.register(handle, { entry, token: entry.token });
  }

  private collected({ entry, token }: Trace): void {
    const tie = tieOf(entry);
    if (!tie || entry.token !== token) return;
    tie.handles -= 1;
    if (tie.handles > 0 || !entry.isHeld || tie.holder || tie.lease) return;
    this.limiter.publishEvent(slotLostTrack, {
      sessionId: entry instanceof Run ? entry.session.id : entry.id,
      runId: entry instanceof Run ? entry.id : undefined,
      token,
      acquiredAt: tie.acquiredAt ?? '',
    });
  }
}

/** The stack of whoever has called the limiter. */
export function placeOfCaller(): string {
  const lines = new Error('acquired').stack?.split('\n').slice(1) ?? [];
  const outside = lines.findIndex((line) => !line.includes(import.meta.dirname));
  return lines.slice(Math.max(0, outside)).join('\n');
}
