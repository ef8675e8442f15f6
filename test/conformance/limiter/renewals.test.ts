/**
 * Renewals: whose they may be, what they go before, and that they wait as long as it takes.
 */
import { describe, expect, test } from 'vitest';
import { exit, SlotkeeperError, sys } from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import {
  type Ask,
  ask,
  attempt,
  counts,
  EMPTY,
  type Limiter,
  lossOf,
  outcomes,
  start,
  wait,
} from '../../support/callers.ts';
import { faultOf } from '../../support/servers.ts';

type Renew = (limiter: Limiter, id: string, token: number) => Promise<void>;

const KINDS: readonly [string, Renew, (id: string) => Ask][] = [
  [
    'renewSessionSlot',
    (limiter, id, token) => limiter.renewSessionSlot(id, token),
    (id) => [id, undefined, { leaseMs: 1_000 }],
  ],
  [
    'renewRunSlot',
    (limiter, id, token) => limiter.renewRunSlot(id, token),
    (id) => ['s1', id, { leaseMs: 1_000 }],
  ],
];

describe.each(KINDS)('%s', (_name, renew, leased) => {
  /** A limiter of one slot, and the clock that it lives by. */
  async function timed() {
    const clock = new SimulatedClock();
    const limiter = await start({ maxParallelRuns: 1, maxParallelSessions: 1 }, { clock });
    return { limiter, clock, [Symbol.asyncDispose]: () => limiter.stop() };
  }

  const stale = async (renewal: Promise<unknown>) => {
    const fault = await faultOf(renewal);
    expect(fault).toBeInstanceOf(SlotkeeperError);
    return fault.code;
  };

  test('refusing the token of another grant, an earlier one too', async () => {
    await using world = await timed();
    const { limiter } = world;
    const first = await ask(limiter, leased('x'));
    await first.release();
    const second = await ask(limiter, leased('x'));
    for (const token of [first.token, second.token + 1, Number.MAX_SAFE_INTEGER]) {
      expect(await stale(renew(limiter, 'x', token))).toBe('stale_token');
    }
    expect(await renew(limiter, 'x', second.token)).toBe(undefined);
  });

  test('prolonging nothing with a token that is stale', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const slot = await ask(limiter, leased('x'));
    await clock.advance(900);
    await stale(renew(limiter, 'x', slot.token + 1));
    await clock.advance(100);
    expect(lossOf(slot)).toBe('expired');
  });

  test('refusing an id that nobody holds: unknown, waiting, released, expired', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    expect(await stale(renew(limiter, 'nobody', 1))).toBe('stale_token');
    const slot = await ask(limiter, leased('x'));
    wait(limiter, leased('y'));
    expect(await stale(renew(limiter, 'y', slot.token))).toBe('stale_token');
    await clock.advance(1_000);
    expect(await stale(renew(limiter, 'x', slot.token))).toBe('stale_token');
    const [sessionId, runId] = leased('y');
    const granted = await ask(limiter, [sessionId, runId]);
    await granted.release();
    expect(await stale(renew(limiter, 'y', granted.token))).toBe('stale_token');
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('doing nothing where there is no lease, and telling a stale token all the same', async () => {
    await using world = await timed();
    const { limiter, clock } = world;
    const [sessionId, runId] = leased('x');
    const slot = await ask(limiter, [sessionId, runId]);
    expect(await renew(limiter, 'x', slot.token)).toBe(undefined);
    await clock.advance(365 * 86_400_000);
    expect(lossOf(slot)).toBe(undefined);
    expect(await stale(renew(limiter, 'x', slot.token + 1))).toBe('stale_token');
  });

  test.each(['', 'x'.repeat(257), 'a\u0000b', '\ud800', 7, undefined, null])(
    'refusing the id %o',
    async (id) => {
      await using world = await timed();
      const fault = await faultOf(renew(world.limiter, id as string, 1)); // wrong on purpose
      expect(fault.code).toBe('invalid_id');
    },
  );

  test.each([0, -1, 1.5, NaN, Infinity, 2 ** 53, '1', undefined, null])(
    'refusing the token %o',
    async (token) => {
      await using world = await timed();
      const { limiter } = world;
      await ask(limiter, leased('x'));
      const fault = await faultOf(renew(limiter, 'x', token as number)); // wrong on purpose
      expect(fault.code).toBe('invalid_option');
      expect(fault.message).toContain('token');
    },
  );

  test('going before all that waits in the mailbox', async () => {
    await using world = await timed();
    const { limiter } = world;
    const slot = await ask(limiter, leased('x'));
    await sys.suspend(limiter.ref);
    const released = attempt(limiter.releaseRunSlot('x'));
    const session = attempt(limiter.releaseSessionSlot('x'));
    const renewed = attempt(renew(limiter, 'x', slot.token));
    await sys.resume(limiter.ref);
    await settle();
    expect(outcomes([released, session, renewed])).toEqual(['granted', 'granted', 'granted']);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('never timing out: it waits while the limiter is suspended, and then counts', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    const [sessionId, runId] = leased('x');
    const slot = await ask(limiter, [sessionId, runId, { leaseMs: 100_000 }]);
    await sys.suspend(limiter.ref);
    await clock.advance(10_000);
    const renewed = attempt(renew(limiter, 'x', slot.token));
    await clock.advance(60_000);
    expect(renewed.outcome).toBe('waiting');
    await sys.resume(limiter.ref);
    await settle();
    expect(renewed.outcome).toBe('granted');
    await clock.advance(39_999);
    expect(lossOf(slot)).toBe(undefined);
    await clock.advance(60_001);
    expect(lossOf(slot)).toBe('expired');
  });

  test.each([new Error('crash'), 'kill'] as const)(
    'being answered by the next incarnation after %s',
    async (reason) => {
      await using world = await timed();
      const { limiter, clock } = world;
      const slot = await ask(limiter, leased('x'));
      await clock.advance(900);
      exit(limiter.ref, reason);
      const renewed = attempt(renew(limiter, 'x', slot.token));
      await clock.advance(999);
      expect([renewed.outcome, lossOf(slot)]).toEqual(['granted', undefined]);
      await clock.advance(1);
      expect(lossOf(slot)).toBe('expired');
    },
  );

  test('keeping, by one renewal in the last moment, what others lose', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    const [kept, lost] = [await ask(limiter, leased('x')), await ask(limiter, leased('y'))];
    await clock.advance(999);
    await renew(limiter, 'x', kept.token);
    await clock.advance(1);
    expect([kept, lost].map(lossOf)).toEqual([undefined, 'expired']);
  });
});

describe('a renewal of one table', () => {
  test('being none of the same id in the other', async () => {
    await using limiter = await start();
    const run = await limiter.acquireRunSlot('s1', 'same', { leaseMs: 1_000 });
    const session = await limiter.acquireSessionSlot('same', { leaseMs: 1_000 });
    expect((await faultOf(limiter.renewSessionSlot('same', run.token))).code).toBe('stale_token');
    expect((await faultOf(limiter.renewRunSlot('same', session.token))).code).toBe('stale_token');
  });

  test('prolonging neither the session of the run nor the runs of the session', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    const session = await limiter.acquireSessionSlot('s1', { leaseMs: 1_000 });
    const run = await limiter.acquireRunSlot('s1', 'r1', { leaseMs: 2_000 });
    const other = await limiter.acquireRunSlot('s2', 'r2', { leaseMs: 1_000 });
    await clock.advance(900);
    await limiter.renewRunSlot('r1', run.token);
    await limiter.renewSessionSlot('s1', session.token);
    await clock.advance(100);
    expect([session, run, other].map(lossOf)).toEqual([undefined, undefined, 'expired']);
    await clock.advance(900);
    expect([session, run].map(lossOf)).toEqual(['expired', 'cascade']);
  });
});
