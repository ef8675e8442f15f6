/**
 * What counts as activity of a session, and what does not.
 */
import { describe, expect, test } from 'vitest';
import { type Slotkeeper, startSlotkeeper } from '../../src/index.ts';
import { SimulatedClock } from '../../src/testing.ts';
import { gate } from '../support/servers.ts';

const clock = new SimulatedClock();

function start(maxParallelRuns: number): Promise<Slotkeeper> {
  return startSlotkeeper({ clock, limits: { maxParallelRuns } });
}

describe('a run that is refused at once', () => {
  test('being no activity', async () => {
    await using keeper = await start(1);
    const work = gate();
    await (await keeper.openSession()).run(() => work.opened);
    const idle = await keeper.openSession({ idleTimeoutMs: 5_000 });
    await clock.advance(4_000);
    await expect(idle.run(() => {})).rejects.toMatchObject({ code: 'max_runs_exceeded' });
    await clock.advance(999);
    expect(idle.state).toBe('active');
    await clock.advance(1);
    expect(idle).toMatchObject({ state: 'closed', closeReason: 'idle_timeout' });
    work.open();
  });

  test('not hiding that another has ended a while ago', async () => {
    await using keeper = await start(2);
    const idle = await keeper.openSession({ idleTimeoutMs: 5_000 });
    await clock.advance(4_000);
    await (await idle.run(() => {})).outcome;
    const other = await keeper.openSession();
    const works = [gate(), gate()];
    for (const work of works) await other.run(() => work.opened);
    await clock.advance(4_000);
    await expect(idle.run(() => {})).rejects.toMatchObject({ code: 'max_runs_exceeded' });
    await clock.advance(1_000);
    expect(idle.closeReason).toBe('idle_timeout');
    for (const work of works) work.open();
  });
});

describe('a run that was acquired from the limiter directly', () => {
  test('being activity until it ends, however long it is held', async () => {
    await using keeper = await start(1);
    const session = await keeper.openSession({ sessionId: 's1', idleTimeoutMs: 5_000 });
    const slot = await keeper.limiter.acquireRunSlot('s1', 'r1');
    await clock.advance(10_500);
    await slot.release();
    await clock.advance(4_999);
    expect(session.state).toBe('active');
    await clock.advance(1_001);
    expect(session).toMatchObject({ state: 'closed', closeReason: 'idle_timeout' });
  });

  test('being activity also when it is looked at late, by who asks for a run', async () => {
    await using keeper = await start(2);
    const session = await keeper.openSession({ sessionId: 's1', idleTimeoutMs: 5_000 });
    await keeper.limiter.acquireRunSlot('s1', 'r1');
    clock.stall(6_000);
    expect(await (await session.run(() => 'done')).outcome).toMatchObject({ value: 'done' });
  });
});
