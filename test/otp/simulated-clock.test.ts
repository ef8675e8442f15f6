import { describe, expect, test } from 'vitest';
import { cast, fromGenServer, noReply, ready, startServer } from '../../src/index.ts';
import { SimulatedClock, settle } from '../../src/testing.ts';

function arrange() {
  const clock = new SimulatedClock();
  const fired: string[] = [];
  const set = (name: string, delayMs: number) =>
    clock.setTimeout(() => fired.push(`${name} at ${clock.monotonicNow()}`), delayMs);
  return { clock, fired, set };
}

describe('SimulatedClock.advance', () => {
  test('firing in order of time, each at its own time', async () => {
    const { clock, fired, set } = arrange();
    set('late', 30);
    set('early', 10);
    await clock.advance(30);
    expect(fired).toEqual(['early at 10', 'late at 30']);
  });

  test('firing what is due at the same time in the order in which it was set', async () => {
    const { clock, fired, set } = arrange();
    for (const name of ['a', 'b', 'c']) set(name, 10);
    await clock.advance(10);
    expect(fired).toEqual(['a at 10', 'b at 10', 'c at 10']);
  });

  test('firing nothing before its time', async () => {
    const { clock, fired, set } = arrange();
    set('a', 10);
    await clock.advance(9);
    expect(fired).toEqual([]);
    expect(clock.allTimers).toBe(1);
  });

  test('firing what a timer sets within the same time', async () => {
    const { clock, fired, set } = arrange();
    clock.setTimeout(() => set('inner', 5), 10);
    await clock.advance(15);
    expect(fired).toEqual(['inner at 15']);
  });

  test('letting promises follow from one timer before the next', async () => {
    const { clock, fired, set } = arrange();
    clock.setTimeout(() => {
      void Promise.resolve()
        .then(() => {})
        .then(() => fired.push('followed'));
    }, 10);
    set('next', 10);
    await clock.advance(10);
    expect(fired).toEqual(['followed', 'next at 10']);
  });

  test('moving both readings', async () => {
    const clock = new SimulatedClock(1_000);
    await clock.advance(250);
    expect([clock.now(), clock.monotonicNow()]).toEqual([1_250, 250]);
  });

  test('treating a delay below zero as none', async () => {
    const { clock, fired, set } = arrange();
    set('a', -5);
    set('b', Number.NaN);
    await clock.advance(0);
    expect(fired).toEqual(['a at 0', 'b at 0']);
  });
});

describe('SimulatedClock.setTimeout', () => {
  test('never firing after Infinity, and counting nothing for it', async () => {
    const { clock, fired, set } = arrange();
    const timer = set('never', Infinity);
    expect(clock.allTimers).toBe(0);
    await clock.advance(2 ** 40);
    clock.clearTimeout(timer);
    expect(fired).toEqual([]);
  });

  test('honouring delays that Node cannot', async () => {
    const { clock, fired, set } = arrange();
    set('far', 2 ** 31);
    await clock.advance(2 ** 31 - 1);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual([`far at ${2 ** 31}`]);
  });
});

describe('SimulatedClock.clearTimeout', () => {
  test('keeping a timer from firing, also from within another', async () => {
    const { clock, fired, set } = arrange();
    const victim = set('victim', 20);
    clock.setTimeout(() => clock.clearTimeout(victim), 10);
    await clock.advance(30);
    expect(fired).toEqual([]);
    expect(clock.allTimers).toBe(0);
  });
});

describe('SimulatedClock.pendingTimers', () => {
  test('counting only what would keep a process alive', () => {
    const { clock, set } = arrange();
    const timer = set('a', 10);
    set('b', 10);
    timer.unref();
    expect([clock.pendingTimers, clock.allTimers]).toEqual([1, 2]);
    timer.ref();
    expect(clock.pendingTimers).toBe(2);
  });
});

describe('SimulatedClock.stall', () => {
  test('moving both readings and firing nothing', () => {
    const clock = new SimulatedClock(1_000);
    const fired: string[] = [];
    clock.setTimeout(() => fired.push('a'), 10);
    clock.stall(250);
    expect([clock.now(), clock.monotonicNow()]).toEqual([1_250, 250]);
    expect(fired).toEqual([]);
  });

  test('making timers late, which fire with the next advance in their order', async () => {
    const { clock, fired, set } = arrange();
    for (const delayMs of [30, 10, 60]) set(`due at ${delayMs}`, delayMs);
    clock.stall(50);
    await clock.advance(0);
    expect(fired).toEqual(['due at 10 at 50', 'due at 30 at 50']);
    await clock.advance(10);
    expect(fired).toContain('due at 60 at 60');
  });
});

describe('SimulatedClock.jumpWall', () => {
  test('moving the wall reading alone, and firing nothing', async () => {
    const { clock, fired, set } = arrange();
    const wall = clock.now();
    set('a', 10);
    clock.jumpWall(3_600_000);
    await clock.advance(0);
    expect(clock.now() - wall).toBe(3_600_000);
    expect(clock.monotonicNow()).toBe(0);
    expect(fired).toEqual([]);
  });
});

describe('settle', () => {
  test('waiting for turns that were put off to later macrotasks', async () => {
    const served = { count: 0 };
    const counter = fromGenServer<{ state: typeof served; casts: { count(): void } }>({
      mailboxLimit: Infinity,
      init: () => ready(served),
      handleCast: {
        count: (_request, state) => {
          state.count += 1;
          return noReply(state);
        },
      },
    });
    const ref = await startServer(counter);
    for (let sent = 0; sent < 10_000; sent += 1) cast(ref, { type: 'count' });
    expect(served.count).toBeLessThan(10_000);
    await settle();
    expect(served.count).toBe(10_000);
  });
});
