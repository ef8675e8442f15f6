/**
 * Real time: the thread is blocked for longer than a lease.
 */
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startConcurrencyLimiter } from '../../src/index.ts';
import { recordEvents } from '../../src/testing.ts';

const LEASE_MS = 1_000;

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('a loop that is blocked for three seconds', () => {
  test('costing no holder its slot who renews, and keeping none for who does not', async () => {
    await using limiter = await startConcurrencyLimiter();
    using recorder = recordEvents(['clock_jumped', 'run_slot_ended']);
    const alive = await limiter.acquireRunSlot('s', 'alive', { leaseMs: LEASE_MS });
    await limiter.acquireRunSlot('s', 'dead', { leaseMs: LEASE_MS });
    const renewing = setInterval(() => limiter.renewRunSlot('alive', alive.token), 200);
    block(3_000);
    while (limiter.getStatus().activeRuns === 2) await setTimeout(50);
    expect(recorder.events).toMatchObject([
      { type: 'clock_jumped' },
      { type: 'run_slot_ended', runId: 'dead', reason: 'expired' },
    ]);
    expect(alive.signal.aborted).toBe(false);
    clearInterval(renewing);
  });
});
