/**
 * Functions that end themselves, as soon as they are called.
 */
import { describe, expect, test } from 'vitest';
import { startSlotkeeper } from '../../src/index.ts';
import { SimulatedClock, settle } from '../../src/testing.ts';
import { gate } from '../support/servers.ts';

describe('a function that ends its own run, or session, as it begins', () => {
  test.each(['run', 'session'])('keeping its slot until it has settled (%s)', async (what) => {
    await using keeper = await startSlotkeeper({ clock: new SimulatedClock() });
    const session = await keeper.openSession({ sessionId: 's1' });
    const work = gate();
    const signals: AbortSignal[] = [];
    const run = await session.run(
      async ({ signal }) => {
        signals.push(signal);
        void (what === 'run' ? session.getRun('r1')?.cancel() : session.close());
        await work.opened;
      },
      { runId: 'r1' },
    );
    expect(await run.outcome).toMatchObject({ state: 'cancelled' });
    await settle();
    expect(signals[0]?.aborted).toBe(true);
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 1, stuckRuns: 1 });
    work.open();
    await settle();
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 0, stuckRuns: 0 });
    expect(run.state).toBe('cancelled');
  });
});
