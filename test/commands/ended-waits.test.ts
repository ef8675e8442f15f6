/**
 * Commands whose wait has ended without a slot: whoever comes next finds how, as it was told. The outcome is
 * written with the end of the wait, so there is never one without the other.
 *
 * On the built package: `npm test` builds first.
 */
import {
  type LimiterOptions,
  type Run,
  type Session,
  type Slotkeeper,
  startSlotkeeper,
} from 'slotkeeper';
import { CrashAt, SimulatedClock, STEPS, settle } from 'slotkeeper/testing';
import { describe, expect, test } from 'vitest';
import { readJournal } from '../../src/journal/journal-reader.ts';
import type { Connection } from '../../src/journal/sqlite-connection.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { freshPlace } from '../support/journal-places.ts';
import { gate } from '../support/servers.ts';

const NEVER = { cmd: ['false'] };

/** One journal, and its keepers one after the other. The one slot is held; who is asked for waits. */
class Place {
  readonly path = freshPlace();
  readonly clock = new SimulatedClock();
  readonly held = gate();

  start(options: LimiterOptions = {}): Promise<Slotkeeper> {
    const { path, clock } = this;
    return startSlotkeeper({
      journal: { path },
      clock,
      limits: { maxParallelRuns: 1 },
      ...options,
    });
  }

  /** Resolves with a session in which `w` waits. */
  async wait(keeper: Slotkeeper, options: object = {}): Promise<{ session: Session; run: Run }> {
    await (await keeper.openSession()).run(() => this.held.opened);
    const session = await keeper.openSession({ sessionId: 's1', owner: 'alice', durable: true });
    const said = { runId: 'w', kind: 'tool', labels: { of: 'us' }, waitTimeoutMs: 60_000 };
    return { session, run: await session.run(NEVER, { ...said, ...options }) };
  }

  /** The next keeper has it as it was. */
  async expectFound(run: Run): Promise<Run> {
    expect(readJournal(this.path).waiting).toEqual([]);
    const keeper = await this.start();
    const found = keeper.getRun('w') as Run; // it is there, or the test fails
    expect(shown(found)).toEqual(shown(run));
    expect(await found.outcome).toEqual(await run.outcome);
    await keeper.stop();
    return found;
  }
}

/** All that a run shows; its end is told a moment after that of its wait. */
function shown(run: Run): object {
  const { endedAt: _, history: _orders, ...rest } = run.toJSON() as Record<string, unknown>;
  return rest;
}

const ways = [
  ['cancelled', 'cancelled', ({ run }) => run.cancel('not needed')],
  ['interrupted', 'interrupted', ({ run }) => run.interrupt()],
  ['cancelled', 'session_released', ({ session }) => session.close()],
  ['cancelled', 'withdrawn', ({ keeper }) => keeper.limiter.releaseRunSlot('w')],
  ['cancelled', 'withdrawn', ({ keeper }) => keeper.limiter.evict('w', 'in the way')],
  ['cancelled', 'aborted', ({ aborting }) => aborting.abort()],
  ['cancelled', 'draining', ({ keeper }) => keeper.drain({ timeoutMs: 0 })],
  ['timed_out', 'wait_timeout', ({ clock }) => clock.advance(60_000)],
] as const satisfies readonly (readonly [string, string, (ending: Ending) => unknown])[];

interface Ending {
  readonly keeper: Slotkeeper;
  readonly session: Session;
  readonly run: Run;
  readonly clock: SimulatedClock;
  readonly aborting: AbortController;
}

describe('a command whose wait has ended', () => {
  test.each(ways)('being found as %s, reason %s', async (state, reason, end) => {
    const place = new Place();
    const keeper = await place.start();
    const aborting = new AbortController();
    const { session, run } = await place.wait(keeper, { signal: aborting.signal });
    await end({ keeper, session, run, clock: place.clock, aborting });
    expect(await run.outcome).toMatchObject({ state, reason });
    place.held.open();
    await keeper.stop();
    const found = await place.expectFound(run);
    expect([found.token, found.startedAt, found.labels]).toEqual([0, undefined, { of: 'us' }]);
  });

  test('being listed with its session, and forgotten with all that has ended', async () => {
    const place = new Place();
    const first = await place.start();
    const { run } = await place.wait(first);
    await run.cancel();
    place.held.open();
    await first.stop();
    const second = await place.start();
    const found = second.getRun('w');
    expect(second.getSession('s1')?.runs({ ended: true })).toEqual([found]);
    await second.stop();
    await using third = await place.start({ retention: { maxAgeMs: 0 } });
    expect(third.getRun('w')).toBeUndefined();
  });

  test('being unknown where it was never accepted', async () => {
    const place = new Place();
    const first = await place.start();
    const { session } = await place.wait(first);
    const refused = [
      session.run(NEVER, { runId: 'no room' }),
      session.run(NEVER, { runId: 'too late', waitTimeoutMs: 60_000 }),
    ].map((asked) => expect(asked).rejects.toThrow());
    await session.close();
    await Promise.all(refused);
    place.held.open();
    await first.stop();
    await using keeper = await place.start();
    expect([keeper.getRun('no room'), keeper.getRun('too late')]).toEqual([undefined, undefined]);
    expect(keeper.getRun('w')?.state).toBe('cancelled');
  });

  test('being found as timed out where it was left to the next keeper just before', async () => {
    const place = new Place();
    const first = await place.start();
    const { run } = await place.wait(first);
    const stopped = first.stop({ waiting: 'keep', timeoutMs: 100_000 });
    expect(await run.outcome).toMatchObject({ state: 'interrupted', reason: 'shutdown' });
    await place.clock.advance(60_000);
    place.held.open();
    expect(await stopped).toMatchObject({ isComplete: true });
    await using keeper = await place.start();
    const timedOut = { state: 'timed_out', reason: 'wait_timeout' };
    expect(await keeper.getRun('w')?.outcome).toMatchObject(timedOut);
  });
});

describe('the end of a wait', () => {
  const points = (['before', 'after'] as const).flatMap((moment) => {
    return STEPS.map((step) => [moment, step] as const);
  });

  test.each(points)('being written once, though the limiter crashes %s %s', async (...point) => {
    for (const end of ['cancelled', 'timed_out']) {
      const place = new Place();
      const faultPoints = new CrashAt();
      const keeper = await place.start({ faultPoints });
      const { run } = await place.wait(keeper);
      faultPoints.arm(...point);
      if (end === 'cancelled') run.cancel();
      else await place.clock.advance(60_000);
      expect((await run.outcome).state).toBe(end);
      await settle();
      const { ended } = readJournal(place.path);
      expect([ended.map(({ runId }) => runId), keeper.getStatus().restarts]).toEqual([['w'], 1]);
      place.held.open();
      await keeper.stop();
      await place.expectFound(run);
    }
  });

  test('being written of who is refused when he is asked for again', async () => {
    const place = new Place();
    const first = await place.start();
    const { session } = await place.wait(first);
    for (const runId of ['w1', 'w2']) {
      await session.run(NEVER, { runId, waitTimeoutMs: 60_000 });
    }
    place.held.open();
    await first.stop({ waiting: 'keep' });
    // The first of them begins, one may wait.
    const second = await place.start({ limits: { maxParallelRuns: 1, maxWaiters: 1 } });
    const refused = { state: 'cancelled', reason: 'refused' };
    expect(await second.getRun('w2')?.outcome).toMatchObject(refused);
    for (const id of ['w', 'w1']) expect((await second.getRun(id)?.outcome)?.state).toBe('failed');
    await second.stop();
    await using third = await place.start();
    expect(await third.getRun('w2')?.outcome).toMatchObject(refused);
  });

  test('being written when the journal can be written again', async () => {
    const place = new Place();
    const journal = openSqliteJournal({ path: place.path });
    const connection = Reflect.get(journal, 'connection') as Connection; // while it is open
    const keeper = await place.start({ journal, spoolDir: `${place.path}.spool` });
    const { run } = await place.wait(keeper);
    connection.pragma('query_only = ON');
    expect(await run.cancel()).toMatchObject({ state: 'cancelled' });
    expect(readJournal(place.path)).toMatchObject({ waiting: [{ runId: 'w' }], ended: [] });
    connection.pragma('query_only = OFF');
    await place.clock.advance(5_000);
    await settle();
    expect(readJournal(place.path)).toMatchObject({ waiting: [], ended: [{ runId: 'w' }] });
    place.held.open();
    await keeper.stop();
    await place.expectFound(run);
  });
});
