/**
 * Who comes when: the order in which those who wait for one slot are granted.
 */
import { recordEvents, settle } from '../../src/testing.ts';
import { type AcquireOptions, type Limiter, wait } from './callers.ts';

/** A run that waits: its id, its session, its options. */
export type Waiting = readonly [runId: string, sessionId: string, options?: AcquireOptions];

/** Lets them wait, in this order. */
export function queueUp(limiter: Limiter, waiting: readonly Waiting[]): void {
  for (const [runId, sessionId, options] of waiting) wait(limiter, [sessionId, runId, options]);
}

/** Releases the run that is held, and then `count` times whoever was granted: those who were, in order. */
export async function turns(limiter: Limiter, held: string, count = Infinity): Promise<string[]> {
  using recorder = recordEvents(['run_slot_granted']);
  const granted = () => recorder.events.map((event) => ('runId' in event && event.runId) || '');
  for (let next: string | undefined = held, turn = 0; next !== undefined && turn < count; turn++) {
    await limiter.releaseRunSlot(next);
    await settle();
    next = granted()[turn];
  }
  return granted();
}
