/**
 * What has ended is found for a time, and so many of them; then it is unknown.
 */
import { describe, expect, test } from 'vitest';
import type { Slotkeeper } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { keep, keepOn, stubborn } from '../../support/sessions.ts';

const HOUR_MS = 3_600_000;

/** Ids of runs that are found. */
const foundOf = (keeper: Slotkeeper, ids: readonly string[]) => {
  return ids.filter((id) => keeper.getRun(id) !== undefined);
};

async function endRuns(keeper: Slotkeeper, ids: readonly string[]): Promise<void> {
  const session = await keeper.openSession({ sessionId: 's1' });
  for (const runId of ids) await (await session.run(() => runId, { runId })).result();
}

describe('what has ended', () => {
  test('being found for an hour, and unknown then', async () => {
    const { keeper, clock } = await keepOn();
    await endRuns(keeper, ['r1']);
    const session = keeper.getSession('s1');
    await session?.close();
    await clock.advance(HOUR_MS - 1);
    expect([keeper.getSession('s1'), await keeper.getRun('r1')?.result()]).toEqual([session, 'r1']);
    expect([...keeper.sessions({ closed: true })]).toEqual([session]);
    await clock.advance(1);
    expect([keeper.getSession('s1'), keeper.getRun('r1')]).toEqual([undefined, undefined]);
    expect([...keeper.sessions({ closed: true })]).toEqual([]);
    await keeper.stop();
  });

  test('being unknown then also where no timer has come', async () => {
    const { keeper, clock } = await keepOn();
    await endRuns(keeper, ['r1']);
    clock.stall(HOUR_MS);
    expect([keeper.getRun('r1'), keeper.getSession('s1')?.runs({ ended: true })]).toEqual([
      undefined,
      [],
    ]);
    await keeper.stop();
  });

  test('counting from the end, for each', async () => {
    const { keeper, clock } = await keepOn({}, { retention: { maxAgeMs: 1_000 } });
    const session = await keeper.openSession();
    const it = stubborn();
    await session.run(it.work, { runId: 'r1' });
    await clock.advance(5_000);
    it.open(0);
    await settle();
    await clock.advance(600);
    await (await session.run(() => 5, { runId: 'r2' })).result();
    await clock.advance(400);
    expect(foundOf(keeper, ['r1', 'r2'])).toEqual(['r2']);
    await clock.advance(600);
    expect(foundOf(keeper, ['r1', 'r2'])).toEqual([]);
    await keeper.stop();
  });

  test('being the last so many, oldest forgotten first', async () => {
    await using keeper = await keep({}, { retention: { maxCount: 2 } });
    await endRuns(keeper, ['r1', 'r2', 'r3', 'r4']);
    expect(foundOf(keeper, ['r1', 'r2', 'r3', 'r4'])).toEqual(['r3', 'r4']);
    const ended = keeper.getSession('s1')?.runs({ ended: true });
    expect(ended?.map(({ runId }) => runId)).toEqual(['r3', 'r4']);
  });

  test('being 10,000 where nothing is said', async () => {
    await using keeper = await keep();
    const ids = Array.from({ length: 10_001 }, (_none, at) => `r${at}`);
    await endRuns(keeper, ids);
    expect(foundOf(keeper, ids).length).toBe(10_000);
    expect([keeper.getRun('r0'), keeper.getRun('r1')?.state]).toEqual([undefined, 'succeeded']);
  });

  test('being nothing with a count or an age of 0', async () => {
    for (const retention of [{ maxCount: 0 }, { maxAgeMs: 0 }]) {
      await using keeper = await keep({}, { retention });
      await endRuns(keeper, ['r1']);
      await keeper.getSession('s1')?.close();
      expect([keeper.getRun('r1'), keeper.getSession('s1')]).toEqual([undefined, undefined]);
    }
  });

  test('being kept for ever where nothing forbids it', async () => {
    const { keeper, clock } = await keepOn({}, { retention: { maxAgeMs: Infinity } });
    await endRuns(keeper, ['r1']);
    await clock.advance(1_000 * HOUR_MS);
    expect(foundOf(keeper, ['r1'])).toEqual(['r1']);
    expect(clock.pendingTimers).toBe(0);
    await keeper.stop();
  });

  test('being counted apart: sessions do not push out runs', async () => {
    await using keeper = await keep({}, { retention: { maxCount: 2 } });
    await endRuns(keeper, ['r1', 'r2']);
    for (let turn = 0; turn < 5; turn += 1) await (await keeper.openSession()).close();
    expect(foundOf(keeper, ['r1', 'r2'])).toEqual(['r1', 'r2']);
    expect([...keeper.sessions({ closed: true })]).toHaveLength(2);
  });

  test('being what lives, where an id is in use again', async () => {
    await using keeper = await keep();
    await endRuns(keeper, ['r1']);
    await keeper.getSession('s1')?.close();
    const next = await keeper.openSession({ sessionId: 's1' });
    const run = await next.run(() => 5, { runId: 'r1' });
    expect([keeper.getSession('s1'), keeper.getRun('r1')]).toEqual([next, run]);
    await run.result();
    await next.close();
    expect([keeper.getSession('s1'), keeper.getRun('r1')]).toEqual([next, run]);
    expect([...keeper.sessions({ closed: true })]).toEqual([next]);
  });

  test('never being what goes on, however old', async () => {
    const { keeper, clock } = await keepOn({}, { retention: { maxAgeMs: 10, maxCount: 1 } });
    const session = await keeper.openSession({ sessionId: 's1' });
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r1' });
    await settle();
    await run.cancel();
    await clock.advance(HOUR_MS);
    expect([keeper.getSession('s1'), keeper.getRun('r1')]).toEqual([session, run]);
    it.open(0);
    await keeper.stop();
  });

  test('holding no process alive', async () => {
    const { keeper, clock } = await keepOn();
    await endRuns(keeper, ['r1']);
    expect([clock.pendingTimers, clock.allTimers]).toEqual([0, 1]);
    await keeper.stop();
  });

  test('being no session or run that never was', async () => {
    await using keeper = await keep({ maxParallelRuns: 1, maxParallelSessions: 1 });
    const session = await keeper.openSession({ sessionId: 's1' });
    await session.run(() => new Promise((resolve) => setImmediate(resolve)), { runId: 'r1' });
    await session.run(() => 5, { runId: 'r2' }).catch(() => {});
    await keeper.openSession({ sessionId: 's2' }).catch(() => {});
    expect([keeper.getRun('r2'), keeper.getSession('s2')]).toEqual([undefined, undefined]);
  });
});
