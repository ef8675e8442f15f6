/**
 * The stream of events: what one limiter publishes, for readers who iterate at their own pace.
 */
import { describe, expect, test } from 'vitest';
import { exit, limiterChannels } from '../../../src/index.ts';
import { CrashAt, type EventRecorder, recordEvents, settle } from '../../../src/testing.ts';
import { ask, attempt, type Limiter, refusalOf, start, wait } from '../../support/callers.ts';
import { MANY_RESTARTS } from '../../support/crash-points.ts';
import { MOMENTS, STEPS } from '../../support/crashes.ts';

type Events = ReturnType<Limiter['events']>;
type StreamEvent = Extract<Awaited<ReturnType<Events['next']>>, { done?: false }>['value'];

const NAMES = Object.keys(limiterChannels) as (keyof typeof limiterChannels)[];

/** All that is left until the stream is done. */
async function rest(events: Events): Promise<StreamEvent[]> {
  const seen: StreamEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

/** The next so many. */
async function take(events: Events, count: number): Promise<StreamEvent[]> {
  const seen: StreamEvent[] = [];
  while (seen.length < count) {
    const { value, done } = await events.next();
    if (done) break;
    seen.push(value);
  }
  return seen;
}

const typesOf = (events: readonly { readonly type: string }[]) => events.map(({ type }) => type);
const idsOf = (events: readonly object[]) =>
  events.map((event) => ('runId' in event ? event.runId : undefined));

/** A life in which much happens. */
async function live(limiter: Limiter): Promise<void> {
  await limiter.setLimits({ maxParallelRuns: 1, maxParallelSessions: 1 });
  await ask(limiter, ['s1', undefined, { owner: 'alice', labels: { a: 'b' } }]);
  const run = await ask(limiter, ['s1', 'r1', { kind: 'exec' }]);
  await refusalOf(ask(limiter, ['s2']));
  await refusalOf(ask(limiter, ['s2', 'r2']));
  wait(limiter, ['s2', 'r3']);
  exit(limiter.ref, new Error('crash'));
  await run.release();
  await limiter.evict('r3', 'in the way');
  await limiter.drain();
  await limiter.resume();
  await limiter.releaseSessionSlot('s1');
}

describe('events', () => {
  test('giving what the channels publish, all of it, in their order', async () => {
    const limiter = await start();
    using recorder: EventRecorder = recordEvents(NAMES);
    const events = limiter.events();
    await live(limiter);
    await limiter.stop();
    expect(await rest(events)).toEqual(recorder.events);
    expect(typesOf(recorder.events)).toEqual(
      expect.arrayContaining([
        'limits_changed',
        'session_slot_granted',
        'session_slot_refused',
        'session_slot_ended',
        'run_slot_granted',
        'run_slot_refused',
        'run_slot_ended',
        'limiter_restarted',
        'drain_started',
        'drain_ended',
        'resumed',
      ]),
    );
  });

  test('giving an iterator that is its own iterable', async () => {
    await using limiter = await start();
    const events = limiter.events();
    expect(events[Symbol.asyncIterator]()).toBe(events);
    await events.return?.();
  });

  test('giving nothing of what was before the call', async () => {
    await using limiter = await start();
    await ask(limiter, ['s1', 'r1']);
    const events = limiter.events();
    await ask(limiter, ['s1', 'r2']);
    expect(idsOf(await take(events, 1))).toEqual(['r2']);
    await events.return?.();
  });

  test('giving from the call on, not from the first read on', async () => {
    await using limiter = await start();
    const events = limiter.events();
    await ask(limiter, ['s1', 'r1']);
    await limiter.releaseRunSlot('r1');
    expect(typesOf(await take(events, 2))).toEqual(['run_slot_granted', 'run_slot_ended']);
    await events.return?.();
  });

  test('giving nothing of other limiters', async () => {
    await using limiter = await start();
    await using other = await start();
    const events = limiter.events();
    await ask(other, ['s1', 'other']);
    await ask(limiter, ['s1', 'own']);
    await ask(other, ['s1', 'another']);
    await limiter.releaseRunSlot('own');
    expect(idsOf(await take(events, 2))).toEqual(['own', 'own']);
    const next = attempt(events.next());
    await other.stop();
    await settle();
    expect(next.outcome).toBe('waiting');
    await events.return?.();
  });

  test('letting a reader wait for what comes', async () => {
    await using limiter = await start();
    const events = limiter.events();
    const next = attempt(events.next());
    await settle();
    expect(next.outcome).toBe('waiting');
    const { token } = await ask(limiter, ['s1', 'r1']);
    await settle();
    expect(next.value).toMatchObject({
      done: false,
      value: { type: 'run_slot_granted', sessionId: 's1', runId: 'r1', token },
    });
    await events.return?.();
  });

  test('answering several reads that wait in their order', async () => {
    await using limiter = await start();
    const events = limiter.events();
    const reads = [1, 2, 3].map(() => attempt(events.next()));
    for (const id of ['r1', 'r2', 'r3']) await ask(limiter, ['s1', id]);
    await settle();
    const seen = reads.flatMap(({ value }) => (value?.done ? [] : [value?.value as StreamEvent]));
    expect(idsOf(seen)).toEqual(['r1', 'r2', 'r3']);
    await events.return?.();
  });

  test('giving everything to each of several readers, each at its own pace', async () => {
    const limiter = await start();
    const [quick, slow, late] = [limiter.events(), limiter.events(), limiter.events()];
    await ask(limiter, ['s1', 'r1']);
    const begun = await take(quick, 1);
    await ask(limiter, ['s1', 'r2']);
    const half = await take(slow, 2);
    await limiter.stop();
    const all = await rest(late);
    expect(typesOf(all)).toEqual([
      ...Array(2).fill('run_slot_granted'),
      ...Array(2).fill('run_slot_ended'),
    ]);
    expect([...begun, ...(await rest(quick))]).toEqual(all);
    expect([...half, ...(await rest(slow))]).toEqual(all);
  });
});

describe('a reader that is slow', () => {
  /** A limiter that has published this many events, which nobody has read. */
  async function published(count: number) {
    const limiter = await start({ maxParallelRuns: Infinity });
    const events = limiter.events();
    for (let n = 0; n < count; n++) limiter.tryAcquireRunSlot('s1', `r${n}`);
    await settle();
    return { limiter, events, [Symbol.asyncDispose]: () => limiter.stop() };
  }

  test('missing nothing of a thousand', async () => {
    await using world = await published(1_000);
    const seen = await take(world.events, 1_000);
    expect(idsOf(seen)).toEqual(Array.from({ length: 1_000 }, (_, n) => `r${n}`));
  });

  test('being told how many it has missed, before the oldest that is left', async () => {
    await using world = await published(1_500);
    const [gap, ...seen] = await take(world.events, 1_001);
    expect(gap).toEqual({ type: 'gap', missed: 500 });
    expect(idsOf(seen)).toEqual(Array.from({ length: 1_000 }, (_, n) => `r${n + 500}`));
  });

  test('being told of one that it has missed', async () => {
    await using world = await published(1_001);
    const seen = await take(world.events, 2);
    expect(seen).toMatchObject([{ type: 'gap', missed: 1 }, { runId: 'r1' }]);
  });

  test('being told of each gap by itself', async () => {
    await using world = await published(1_100);
    const { limiter, events } = world;
    const seen = await take(events, 501);
    for (let n = 1_100; n < 1_650; n++) limiter.tryAcquireRunSlot('s1', `r${n}`);
    await settle();
    const later = await take(events, 1_001);
    expect(seen[0]).toEqual({ type: 'gap', missed: 100 });
    expect(seen.at(-1)).toMatchObject({ runId: 'r599' });
    expect(later[0]).toEqual({ type: 'gap', missed: 50 });
    expect([later[1], later.at(-1)]).toMatchObject([{ runId: 'r650' }, { runId: 'r1649' }]);
  });

  test('taking nothing from a reader that is quick', async () => {
    await using limiter = await start({ maxParallelRuns: Infinity });
    const [slow, quick] = [limiter.events(), limiter.events()];
    const seen: unknown[] = [];
    for (let n = 0; n < 1_200; n++) {
      await ask(limiter, ['s1', `r${n}`]);
      seen.push(...idsOf(await take(quick, 1)));
    }
    expect(seen).toEqual(Array.from({ length: 1_200 }, (_, n) => `r${n}`));
    expect(await take(slow, 1)).toEqual([{ type: 'gap', missed: 200 }]);
  });
});

describe('the end of the stream', () => {
  test('coming when the limiter has stopped and all was read, and staying', async () => {
    const limiter = await start();
    const events = limiter.events();
    await ask(limiter, ['s1', 'r1']);
    await limiter.stop();
    expect(typesOf(await take(events, 2))).toEqual(['run_slot_granted', 'run_slot_ended']);
    for (let again = 0; again < 2; again++) {
      expect(await events.next()).toEqual({ done: true, value: undefined });
    }
  });

  test('coming to who waits for the next when the limiter stops', async () => {
    const limiter = await start();
    const events = limiter.events();
    const reads = [attempt(events.next()), attempt(events.next())];
    await limiter.stop();
    await settle();
    expect(reads.map(({ value }) => value?.done)).toEqual([true, true]);
  });

  test('coming when the supervisor has given up', async () => {
    const restartIntensity = { restarts: 0, withinMs: 5_000 };
    await using limiter = await start({}, { restartIntensity });
    const events = limiter.events();
    await ask(limiter, ['s1', 'r1']);
    exit(limiter.ref, new Error('crash'));
    await settle();
    expect(await rest(events)).toMatchObject([
      { type: 'run_slot_granted' },
      { type: 'run_slot_ended', reason: 'stopped' },
    ]);
  });

  test('coming at once from a limiter that was stopped before', async () => {
    const limiter = await start();
    await limiter.stop();
    expect(await rest(limiter.events())).toEqual([]);
  });

  test('coming with return, also to who waits, and with what was not read', async () => {
    await using limiter = await start();
    const [idle, full, other] = [limiter.events(), limiter.events(), limiter.events()];
    const waiting = attempt(idle.next());
    await idle.return?.();
    await settle();
    expect(waiting.value).toEqual({ done: true, value: undefined });
    await ask(limiter, ['s1', 'r1']);
    await full.return?.();
    expect(await full.next()).toEqual({ done: true, value: undefined });
    expect(typesOf(await take(other, 1))).toEqual(['run_slot_granted']);
    await other.return?.();
  });

  test('coming with a break out of the loop', async () => {
    await using limiter = await start();
    const events = limiter.events();
    for (const id of ['r1', 'r2', 'r3']) await ask(limiter, ['s1', id]);
    const seen: StreamEvent[] = [];
    for await (const event of events) {
      seen.push(event);
      if (seen.length === 2) break;
    }
    expect(idsOf(seen)).toEqual(['r1', 'r2']);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });
});

describe('a stream and crashes', () => {
  test.each(MOMENTS.flatMap((moment) => STEPS.map((step) => [moment, step] as const)))(
    'giving each event once, when there is a crash %s %s',
    async (moment, step) => {
      const faultPoints = new CrashAt();
      const limiter = await start(
        { maxParallelRuns: 2 },
        { faultPoints, restartIntensity: MANY_RESTARTS },
      );
      const events = limiter.events();
      await ask(limiter, ['s1', 'r1']);
      await ask(limiter, ['s1', 'r2']);
      wait(limiter, ['s1', 'r3']);
      faultPoints.arm(moment, step);
      await limiter.releaseRunSlot('r1');
      await settle();
      faultPoints.disarm();
      await limiter.stop();
      const seen = await rest(events);
      const told = (type: string) => idsOf(seen.filter((event) => event.type === type)).sort();
      expect(faultPoints.crashes).toBe(1);
      expect(told('run_slot_granted')).toEqual(['r1', 'r2', 'r3']);
      expect(told('run_slot_ended')).toEqual(['r1', 'r2', 'r3']);
      expect(told('limiter_restarted')).toHaveLength(1);
    },
  );
});
