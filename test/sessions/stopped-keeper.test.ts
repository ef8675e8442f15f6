/**
 * What is left of a keeper that has stopped.
 */
import { describe, expect, test } from 'vitest';
import { startSlotkeeper } from '../../src/index.ts';
import { SimulatedClock, settle } from '../../src/testing.ts';
import { gate } from '../support/servers.ts';

describe('a keeper that has stopped', () => {
  test('leaving no timer, though it remembers what has ended', async () => {
    const clock = new SimulatedClock();
    const keeper = await startSlotkeeper({ clock });
    const session = await keeper.openSession({ sessionId: 's1', idleTimeoutMs: 60_000 });
    await (await session.run(() => {}, { runId: 'r1' })).outcome;
    await keeper.stop();
    expect(clock.allTimers).toBe(0);
    expect(keeper.getSession('s1')?.closeReason).toBe('shutdown');
    expect(keeper.getRun('r1')?.state).toBe('succeeded');
  });

  test('leaving none when abandoned work ends later', async () => {
    const clock = new SimulatedClock();
    const keeper = await startSlotkeeper({ clock });
    const work = gate();
    await (await keeper.openSession()).run(() => work.opened);
    const stopping = keeper.stop({ timeoutMs: 100 });
    await clock.advance(100);
    expect((await stopping).abandoned).toHaveLength(1);
    work.open();
    await settle();
    expect(clock.allTimers).toBe(0);
  });
});
