import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Deadline, Deadlines, deadlinesOf } from '../../src/otp/deadlines.ts';
import { SimulatedClock } from '../../src/testing.ts';

class Entry extends Deadline {
  private readonly onExpire: (entry: Entry) => void;

  constructor(dueAt: number, onExpire: (entry: Entry) => void) {
    super(dueAt);
    this.onExpire = onExpire;
  }

  override expire(): void {
    this.onExpire(this);
  }
}

function arrange() {
  const clock = new SimulatedClock();
  const deadlines = new Deadlines(clock);
  const expired: number[] = [];
  const add = (dueAt: number): Entry => {
    const entry = new Entry(dueAt, () => expired.push(dueAt));
    deadlines.add(entry);
    return entry;
  };
  return { clock, deadlines, expired, add };
}

describe('Deadlines', () => {
  test('expiring in order of time, however they came', async () => {
    const { clock, expired, add } = arrange();
    for (const dueAt of [30, 10, 50, 20, 40]) add(dueAt);
    await clock.advance(45);
    expect(expired).toEqual([10, 20, 30, 40]);
    await clock.advance(5);
    expect(expired).toEqual([10, 20, 30, 40, 50]);
  });

  test('expiring neither early nor twice', async () => {
    const { clock, expired, add } = arrange();
    add(10);
    await clock.advance(9);
    expect(expired).toEqual([]);
    await clock.advance(100);
    expect(expired).toEqual([10]);
  });

  test('leaving out what was withdrawn', async () => {
    const { clock, deadlines, expired, add } = arrange();
    const entries = [10, 20, 30].map(add);
    const [, second] = entries;
    if (second) deadlines.remove(second);
    await clock.advance(100);
    expect(expired).toEqual([10, 30]);
    expect(entries.map((entry) => entry.list)).toEqual([undefined, undefined, undefined]);
  });

  test('rounding up to whole milliseconds, so that none is early', async () => {
    const { clock, expired, add } = arrange();
    for (const dueAt of [10.2, 10.9, 9.5]) add(dueAt);
    await clock.advance(10);
    expect(expired).toEqual([9.5]);
    await clock.advance(1);
    expect(expired).toEqual([9.5, 10.2, 10.9]);
  });

  test('using one timer for all', () => {
    const { clock, deadlines, add } = arrange();
    for (let dueAt = 1_000; dueAt > 0; dueAt -= 1) add(dueAt);
    expect(clock.allTimers).toBe(1);
    expect(deadlines.size).toBe(1_000);
  });

  test('keeping the process alive while one stands, and no longer', () => {
    const { clock, deadlines, add } = arrange();
    const entry = add(10);
    expect(clock.pendingTimers).toBe(1);
    deadlines.remove(entry);
    expect(clock.pendingTimers).toBe(0);
    add(20);
    expect(clock.pendingTimers).toBe(1);
  });

  test('leaving no timer once all have expired', async () => {
    const { clock, add } = arrange();
    add(10);
    add(20);
    await clock.advance(20);
    expect(clock.allTimers).toBe(0);
  });

  test('taking a new deadline from one that expires', async () => {
    const { clock, deadlines, expired, add } = arrange();
    deadlines.add(new Entry(10, () => add(15)));
    await clock.advance(20);
    expect(expired).toEqual([15]);
  });

  test('taking a withdrawal from one that expires', async () => {
    const { clock, deadlines, expired, add } = arrange();
    const later = add(10.5);
    deadlines.add(new Entry(10, () => deadlines.remove(later)));
    await clock.advance(20);
    expect(expired).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('doing what a sorted array does', async () => {
    const act = fc.record({
      do: fc.constantFrom('add' as const, 'add' as const, 'remove' as const, 'advance' as const),
      by: fc.nat({ max: 50 }),
    });
    const property = fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
      const model = new Model();
      for (const { do: deed, by } of acts) {
        await model[deed](by);
        model.compare();
      }
    });
    await fc.assert(property, { seed: 7 });
  });
});

/** Deadlines beside an array that says the same. */
class Model {
  private readonly real = arrange();
  private standing: Entry[] = [];
  private readonly expired: number[] = [];

  add(by: number): void {
    this.standing.push(this.real.add(this.real.clock.monotonicNow() + by + 1));
  }

  remove(by: number): void {
    const [entry] = this.standing.splice(by % Math.max(1, this.standing.length), 1);
    if (entry) this.real.deadlines.remove(entry);
  }

  async advance(by: number): Promise<void> {
    await this.real.clock.advance(by);
    const now = this.real.clock.monotonicNow();
    const due = this.standing.filter(({ dueAt }) => dueAt <= now).map(({ dueAt }) => dueAt);
    this.expired.push(...due.sort((one, other) => one - other));
    this.standing = this.standing.filter(({ dueAt }) => dueAt > now);
  }

  compare(): void {
    const { clock, deadlines, expired } = this.real;
    expect(expired).toEqual(this.expired);
    expect(deadlines.size).toBe(this.standing.length);
    expect(clock.pendingTimers).toBe(this.standing.length > 0 ? 1 : 0);
  }
}

describe('deadlinesOf', () => {
  test('giving one collection for each clock', () => {
    const clock = new SimulatedClock();
    expect(deadlinesOf(clock)).toBe(deadlinesOf(clock));
    expect(deadlinesOf(clock)).not.toBe(deadlinesOf(new SimulatedClock()));
  });
});
