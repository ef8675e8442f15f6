/**
 * Managed slots: what would end another slot asks their work to end, and they are held until they are
 * given back.
 */
import { describe, expect, test } from 'vitest';
import {
  type AcquireRunOptions,
  type EndReason,
  exit,
  type SlotWork,
  startConcurrencyLimiter,
} from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import { counts, EMPTY, NOTHING_RELEASED, start } from '../../support/callers.ts';
import { faultOf } from '../../support/servers.ts';

/** Work that notes what it is told, and does nothing about it. */
class NotedWork implements SlotWork {
  readonly told: string[] = [];

  queued(): void {
    this.told.push('queued');
  }

  endAsked(reason: EndReason): void {
    this.told.push(`asked: ${reason}`);
  }

  lost(reason: EndReason): void {
    this.told.push(`lost: ${reason}`);
  }
}

async function held(options: AcquireRunOptions = {}) {
  const clock = new SimulatedClock();
  const limiter = await start({ maxParallelRuns: 1 }, { clock });
  const work = new NotedWork();
  const slot = await limiter.acquireRunSlot('s1', 'r1', { work, ...options });
  return { clock, limiter, work, slot };
}

describe('a managed slot', () => {
  test('asking its work to end when it is released by its id, and being held still', async () => {
    const { limiter, work, slot } = await held();
    expect(await limiter.releaseRunSlot('r1')).toEqual(NOTHING_RELEASED);
    expect(work.told).toEqual(['asked: released']);
    expect(counts(limiter)).toMatchObject({ activeRuns: 1 });
    expect(await slot.release()).toEqual({ sessions: 0, runs: 1, waiters: 0 });
    await settle();
    expect(work.told).toEqual(['asked: released']);
    await limiter.stop();
  });

  test('asking by its token too, and not by one that is not its own', async () => {
    const { limiter, work, slot } = await held();
    await limiter.releaseRunSlot('r1', { token: slot.token + 1 });
    expect(work.told).toEqual([]);
    await limiter.releaseRunSlot('r1', { token: slot.token });
    expect(work.told).toEqual(['asked: released']);
    await limiter.stop();
  });

  test('asking when its session is released, whose waiters are refused', async () => {
    const { limiter, work } = await held();
    const waiting = faultOf(limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: Infinity }));
    expect(await limiter.releaseSessionSlot('s1')).toEqual({ sessions: 0, runs: 0, waiters: 1 });
    expect((await waiting).code).toBe('session_released');
    expect(work.told).toEqual(['asked: cascade']);
    expect(counts(limiter)).toMatchObject({ activeRuns: 1 });
    await limiter.stop();
  });

  test('asking once when its lease has run out', async () => {
    const { clock, limiter, work } = await held({ leaseMs: 100 });
    await clock.advance(5_000);
    expect(work.told).toEqual(['asked: expired']);
    expect(counts(limiter)).toMatchObject({ activeRuns: 1 });
    await limiter.stop();
    expect(clock.allTimers).toBe(0);
  });

  test('asking when its holder is down', async () => {
    const holder = new AbortController();
    const { limiter, work } = await held({ holder: holder.signal });
    holder.abort();
    await settle();
    expect(work.told).toEqual(['asked: holder_down']);
    await limiter.stop();
  });

  test('being lost to an eviction and to the end of the limiter', async () => {
    const evicted = await held();
    await evicted.limiter.evict('r1', 'it hangs');
    expect(counts(evicted.limiter)).toEqual(EMPTY);
    const stopped = await held();
    await stopped.limiter.stop();
    await evicted.limiter.stop();
    await settle();
    expect([evicted.work.told, stopped.work.told]).toEqual([['lost: evicted'], ['lost: stopped']]);
  });

  test('being no slot to be shared: its id is refused to other work, held or waiting', async () => {
    const { limiter } = await held();
    const other = new NotedWork();
    const conflict = { code: 'run_id_conflict', retryable: false };
    const ask = (runId: string) =>
      limiter.acquireRunSlot('s1', runId, { work: other, waitTimeoutMs: 9 });
    expect(await faultOf(ask('r1'))).toMatchObject(conflict);
    const waiting = faultOf(ask('r2'));
    expect(await faultOf(ask('r2'))).toMatchObject(conflict);
    expect(await faultOf(limiter.acquireRunSlot('s1', 'r1'))).toMatchObject(conflict);
    const joined = limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: 9 });
    expect(await faultOf(joined)).toMatchObject(conflict);
    await limiter.stop();
    expect((await waiting).code).toBe('stopped');
  });

  test('being told that it waits, once, before it is granted', async () => {
    const { limiter, slot } = await held();
    const work = new NotedWork();
    const granted = limiter.acquireRunSlot('s1', 'r2', { work, waitTimeoutMs: Infinity });
    await settle();
    expect(work.told).toEqual(['queued']);
    await slot.release();
    await (await granted).release();
    expect(work.told).toEqual(['queued']);
    await limiter.stop();
  });

  test('being managed still after a crash of the limiter', async () => {
    const { limiter, work } = await held();
    exit(limiter.ref, new Error('fire'));
    await limiter.releaseRunSlot('r1');
    await settle();
    expect(work.told).toEqual(['asked: released']);
    await limiter.stop();
  });

  test('of a session: its unmanaged runs ending, and it being held', async () => {
    const limiter = await start();
    const work = new NotedWork();
    const session = await limiter.acquireSessionSlot('s1', { work });
    await limiter.acquireRunSlot('s1', 'r1');
    expect(session.hasRuns).toBe(true);
    expect(await limiter.releaseSessionSlot('s1')).toEqual({ sessions: 0, runs: 1, waiters: 0 });
    expect(work.told).toEqual(['asked: released']);
    expect(session.hasRuns).toBe(false);
    expect(await session.release()).toEqual({ sessions: 1, runs: 0, waiters: 0 });
    await limiter.stop();
  });

  test('outliving its session, whose id is granted anew: the old handle frees nobody else’s', async () => {
    const limiter = await start();
    const work = new NotedWork();
    const old = await limiter.acquireSessionSlot('s1', { work: new NotedWork() });
    const { signal } = old;
    const run = await limiter.acquireRunSlot('s1', 'r1', { work });
    await old.release();
    expect(counts(limiter)).toMatchObject({ activeSessions: 0, activeRuns: 1 });
    const next = await limiter.acquireSessionSlot('s1');
    expect(next.token).toBeGreaterThan(old.token);
    expect([signal.aborted, old.signal.aborted, next.signal.aborted]).toEqual([false, true, false]);
    expect(await old.release()).toEqual(NOTHING_RELEASED);
    // Its work was the old one's.
    expect(await limiter.releaseSessionSlot('s1')).toEqual({ sessions: 1, runs: 0, waiters: 0 });
    await run.release();
    expect(counts(limiter)).toEqual(EMPTY);
    await limiter.stop();
  });

  test('of a session telling who has taken it over that another handle gave it back', async () => {
    const limiter = await start();
    const work = new NotedWork();
    const raw = await limiter.acquireSessionSlot('s1');
    const { signal } = await limiter.acquireSessionSlot('s1', { work });
    await raw.release();
    await settle();
    expect([work.told, signal.aborted]).toEqual([['lost: released'], false]);
    await limiter.stop();
  });

  test('of a session that is held already being taken over by the first who brings work', async () => {
    const limiter = await start();
    const [first, second] = [new NotedWork(), new NotedWork()];
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireSessionSlot('s1', { work: first });
    await limiter.acquireSessionSlot('s1', { work: second });
    await limiter.releaseSessionSlot('s1');
    expect([first.told, second.told]).toEqual([['asked: released'], []]);
    await limiter.stop();
  });
});

describe('the option work', () => {
  test.each([null, {}, () => {}, { queued() {}, endAsked() {} }])('refusing %o', async (work) => {
    await using limiter = await startConcurrencyLimiter();
    const fault = await faultOf(limiter.acquireRunSlot('s1', 'r1', { work: work as never }));
    expect(fault).toMatchObject({ code: 'invalid_option', details: { option: 'work' } });
  });
});

describe('the option terms', () => {
  test('being for sessions that live on, and short', async () => {
    await using limiter = await startConcurrencyLimiter();
    const asked = [
      { terms: 'x' },
      { durable: true, terms: 'x'.repeat(4_097) },
      { terms: 7 as never },
    ];
    for (const options of asked) {
      const fault = await faultOf(limiter.acquireSessionSlot('s1', options));
      expect(fault.code).toBe('invalid_option');
    }
  });
});
