/**
 * Leases and clocks that jump: who was held up with the whole machine gets a second to renew before his
 * slot expires, and the event `clock_jumped` tells of it.
 *
 * The clock is simulated: to oversleep moves its readings and lets no timer fire, and no test waits.
 */
import { describe, expect, test } from 'vitest';
import { exit } from '../../../src/index.ts';
import { recordEvents } from '../../../src/testing.ts';
import { type AcquireOptions, ask, lossOf, outcomes, start, wait } from '../../support/callers.ts';
import { OversleepingClock } from '../../support/oversleeping-clock.ts';

const LEASE: AcquireOptions = { leaseMs: 60_000 };

/** A limiter that holds one run with a lease, a millisecond before the lease is over. */
async function lastMoment() {
  const clock = new OversleepingClock();
  const limiter = await start({ maxParallelRuns: 1 }, { clock });
  const slot = await ask(limiter, ['s1', 'r1', LEASE]);
  const recorder = recordEvents(['clock_jumped']);
  await clock.advance(59_999);
  const dispose = async (): Promise<void> => {
    recorder.stop();
    await limiter.stop();
  };
  return { clock, limiter, slot, recorder, [Symbol.asyncDispose]: dispose };
}

type LastMoment = Awaited<ReturnType<typeof lastMoment>>;

/** What jumps, by how much, and what the event says of it; the direction of a drift is not told. */
const JUMPS: readonly [string, (world: LastMoment) => void, number, number][] = [
  ['a thread that was blocked', ({ clock }) => clock.oversleep(5_000), 5_000, 0],
  ['a thread blocked a little too long', ({ clock }) => clock.oversleep(1_001), 1_001, 0],
  ['a laptop that slept', ({ clock }) => clock.jumpWall(3_600_000), 0, 3_600_000],
  ['a clock set forward a little too far', ({ clock }) => clock.jumpWall(1_001), 0, 1_001],
  ['a clock set back', ({ clock }) => clock.jumpWall(-3_600_000), 0, 3_600_000],
  [
    'both',
    ({ clock }) => {
      clock.oversleep(2_000);
      clock.jumpWall(3_000);
    },
    2_000,
    3_000,
  ],
];

describe.each(JUMPS)('%s', (_name, jump, lateMs, drift) => {
  test('being told, once', async () => {
    await using world = await lastMoment();
    const { clock, recorder } = world;
    jump(world);
    await clock.advance(1);
    const told = recorder.events.map((event) => ({
      ...event,
      driftMs: Math.abs('driftMs' in event ? event.driftMs : NaN),
    }));
    expect(told).toEqual([{ type: 'clock_jumped', lateMs, driftMs: drift }]);
    await clock.advance(600_000);
    expect(recorder.events).toHaveLength(1);
  });

  test('ending the slot a second later, if nobody renews it', async () => {
    await using world = await lastMoment();
    const { clock, slot, limiter } = world;
    const waiting = wait(limiter, ['s1', 'r2']);
    jump(world);
    await clock.advance(1);
    await clock.advance(999);
    expect([lossOf(slot), waiting.outcome]).toEqual([undefined, 'waiting']);
    await clock.advance(1);
    expect([lossOf(slot), waiting.outcome]).toEqual(['expired', 'granted']);
  });

  test('leaving the slot that is renewed within that second', async () => {
    await using world = await lastMoment();
    const { clock, slot, limiter } = world;
    jump(world);
    await clock.advance(1_000);
    await limiter.renewRunSlot('r1', slot.token);
    await clock.advance(59_999);
    expect(lossOf(slot)).toBe(undefined);
    await clock.advance(1);
    expect(lossOf(slot)).toBe('expired');
  });

  test('being no reason to wait the next time', async () => {
    await using world = await lastMoment();
    const { clock, slot, limiter, recorder } = world;
    jump(world);
    await clock.advance(1);
    await limiter.renewRunSlot('r1', slot.token);
    await clock.advance(59_999);
    expect(lossOf(slot)).toBe(undefined);
    await clock.advance(1);
    expect([lossOf(slot), recorder.events.length]).toEqual(['expired', 1]);
  });

  test('being survived by a limiter that crashes within that second', async () => {
    await using world = await lastMoment();
    const { clock, slot, limiter, recorder } = world;
    jump(world);
    await clock.advance(500);
    exit(limiter.ref, new Error('crash'));
    await clock.advance(500);
    expect(lossOf(slot)).toBe(undefined);
    await clock.advance(1);
    expect(lossOf(slot)).toBe('expired');
    expect(recorder.events).toHaveLength(1);
  });
});

describe.each<[string, (world: LastMoment) => void]>([
  ['a thread that was blocked for a second', ({ clock }) => clock.oversleep(1_000)],
  ['a clock set forward by a second', ({ clock }) => clock.jumpWall(1_000)],
  ['a clock set back by a second', ({ clock }) => clock.jumpWall(-1_000)],
  ['nothing', () => {}],
])('%s', (_name, jump) => {
  test('being no jump: the slot ends at once, and nothing is told', async () => {
    await using world = await lastMoment();
    const { clock, slot, recorder } = world;
    jump(world);
    await clock.advance(1);
    expect([lossOf(slot), recorder.events]).toEqual(['expired', []]);
  });
});

describe('a jump', () => {
  test('leaving alone whose lease has time left, and who has none', async () => {
    await using world = await lastMoment();
    const { clock, slot, limiter } = world;
    await limiter.setLimits({ maxParallelRuns: 5 });
    const others = [
      await ask(limiter, ['s1', 'r2', { leaseMs: 600_000 }]),
      await ask(limiter, ['s1', 'r3']),
    ];
    clock.oversleep(5_000);
    await clock.advance(2_000);
    expect([slot, ...others].map(lossOf)).toEqual(['expired', undefined, undefined]);
    await clock.advance(592_999);
    expect(others.map(lossOf)).toEqual([undefined, undefined]);
    await clock.advance(1);
    expect(others.map(lossOf)).toEqual(['expired', undefined]);
  });

  test('giving the second to all that is due, also to what became due while nobody looked', async () => {
    await using world = await lastMoment();
    const { clock, slot, limiter } = world;
    await limiter.setLimits({ maxParallelRuns: 5 });
    const later = await ask(limiter, ['s1', 'r2', { leaseMs: 3_000 }]);
    clock.oversleep(5_000);
    await clock.advance(1);
    await limiter.renewRunSlot('r2', later.token);
    await clock.advance(1_000);
    expect([slot, later].map(lossOf)).toEqual(['expired', undefined]);
  });

  test('being no matter to who waits for a slot: deadlines are measured in monotonic time', async () => {
    await using world = await lastMoment();
    const { clock, limiter } = world;
    const hasty = wait(limiter, ['s1', 'r2', { waitTimeoutMs: 500 }]);
    clock.jumpWall(3_600_000);
    await clock.advance(499);
    expect(outcomes([hasty])).toEqual(['waiting']);
    await clock.advance(1);
    expect(outcomes([hasty])).toEqual(['wait_timeout']);
  });

  test('being told of the limiter whose leases it concerns, as often as it jumps', async () => {
    await using world = await lastMoment();
    const { clock, slot, limiter, recorder } = world;
    for (const jump of [3_000, 4_000]) {
      clock.oversleep(jump);
      await clock.advance(1);
      await limiter.renewRunSlot('r1', slot.token);
      await clock.advance(59_999);
    }
    expect(recorder.events).toMatchObject([{ lateMs: 3_000 }, { lateMs: 4_000 }]);
    expect(lossOf(slot)).toBe(undefined);
  });
});
