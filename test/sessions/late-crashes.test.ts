/**
 * Actors that crash when all is done but the end itself.
 */
import { describe, expect, test } from 'vitest';
import { type Slotkeeper, startSlotkeeper } from '../../src/index.ts';
import { CrashAt, SimulatedClock, type Step, settle } from '../../src/testing.ts';

async function startToCrash(step: Step): Promise<Slotkeeper> {
  const faultPoints = new CrashAt();
  const keeper = await startSlotkeeper({ clock: new SimulatedClock(), faultPoints });
  faultPoints.arm('before', step);
  return keeper;
}

describe('an actor that crashes at the very end', () => {
  test('letting its run be over all the same', async () => {
    await using keeper = await startToCrash('run_ended');
    const session = await keeper.openSession();
    const run = await session.run(() => 'value');
    expect(await run.outcome).toEqual({ state: 'succeeded', value: 'value' });
    expect(run.state).toBe('succeeded');
    expect(session.runs()).toEqual([]);
  });

  test('letting its run be over while evicted work goes on', async () => {
    await using keeper = await startToCrash('run_ended');
    const session = await keeper.openSession();
    const run = await session.run(() => new Promise(() => {}), { runId: 'r1' });
    await keeper.limiter.evict('r1', 'hangs');
    expect(await run.outcome).toMatchObject({ state: 'cancelled', reason: 'evicted' });
    expect(run.state).toBe('cancelled');
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 0, stuckRuns: 0 });
  });

  test('letting its session be closed, and its id be free', async () => {
    await using keeper = await startToCrash('session_closed');
    const session = await keeper.openSession({ sessionId: 's1' });
    expect(await session.close()).toMatchObject({ reason: 'released', isComplete: true });
    await settle();
    expect(keeper.getStatus()).toMatchObject({ openSessions: 0, activeSessions: 0 });
    expect(await keeper.openSession({ sessionId: 's1' })).not.toBe(session);
  });
});
