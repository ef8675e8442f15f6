/**
 * Traces of handles: a slot whose handles were lost is told of, with the place where it was acquired.
 *
 * Nobody can wait for what is not told. So where nothing is to be told, another handle is lost in the
 * same way, and told of.
 */
import { describe, expect, test } from 'vitest';
import { exit, type LimiterOptions, startSlotkeeper } from '../../../src/index.ts';
import { recordEvents } from '../../../src/testing.ts';
import {
  type Ask,
  ask,
  counts,
  EMPTY,
  type Limiter,
  start,
  tryAsk,
} from '../../support/callers.ts';
import { collect } from '../../support/garbage.ts';
import { faultOf } from '../../support/servers.ts';

const record = () => recordEvents(['slot_lost_track']);
const TRACED: LimiterOptions = { traceHandles: true };

/** Acquires, and keeps nothing but the token. */
async function lose(limiter: Limiter, asked: Ask): Promise<number> {
  const { token } = await ask(limiter, asked);
  return token;
}

/** Of which slots it was told that their handles are lost, once this many were. */
async function lost(recorder: ReturnType<typeof record>, count: number): Promise<string[]> {
  await collect(50, () => recorder.events.length >= count);
  // What should not be told would be told by now, or soon.
  await collect(3);
  return recorder.events.map((event) => {
    if (event.type !== 'slot_lost_track') return event.type;
    return `${event.sessionId}/${event.runId ?? ''}`;
  });
}

describe('a handle that is lost while its slot is held', () => {
  test('being told of, with the place where the slot was acquired; the slot stays held', async () => {
    await using limiter = await start({}, TRACED);
    using recorder = record();
    const token = await lose(limiter, ['s1', 'r1', { owner: 'alice' }]);
    await lost(recorder, 1);
    const acquiredAt = expect.stringContaining('handle-traces.test.ts');
    expect(recorder.events).toEqual([
      { type: 'slot_lost_track', sessionId: 's1', runId: 'r1', token, acquiredAt },
    ]);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
    expect((await limiter.acquireRunSlot('s1', 'r1', { owner: 'alice' })).token).toBe(token);
  });

  test('being told of a session, which has no run', async () => {
    await using limiter = await start({}, TRACED);
    using recorder = record();
    const token = await lose(limiter, ['s1']);
    await lost(recorder, 1);
    expect(recorder.events).toMatchObject([{ sessionId: 's1', token }]);
    expect(recorder.events).toEqual([expect.not.objectContaining({ runId: expect.anything() })]);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1 });
  });

  test('being told of what was acquired synchronously, and of what was waited for', async () => {
    await using limiter = await start({ maxParallelRuns: 2 }, TRACED);
    using recorder = record();
    const held = await ask(limiter, ['s1', 'r0']);
    (() => void tryAsk(limiter, ['s1', 'r1']))();
    const waiting = lose(limiter, ['s1', 'r2', { waitTimeoutMs: Infinity }]);
    await held.release();
    await waiting;
    expect((await lost(recorder, 2)).sort()).toEqual(['s1/r1', 's1/r2']);
  });

  test('being told of each of many, once', async () => {
    await using limiter = await start({}, TRACED);
    using recorder = record();
    const ids = Array.from({ length: 20 }, (_, n) => `r${n}`);
    for (const id of ids) await lose(limiter, ['s1', id]);
    const keys = ids.map((id) => `s1/${id}`);
    expect((await lost(recorder, 20)).sort()).toEqual(keys.sort());
  });

  test('being told of although the limiter was restarted meanwhile', async () => {
    await using limiter = await start({}, TRACED);
    using recorder = record();
    await lose(limiter, ['s1', 'r1']);
    exit(limiter.ref, new Error('crash'));
    expect(await lost(recorder, 1)).toEqual(['s1/r1']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('being told to readers of the stream', async () => {
    await using limiter = await start({}, TRACED);
    using recorder = record();
    await lose(limiter, ['s1', 'r1']);
    const events = limiter.events();
    await lost(recorder, 1);
    expect(await events.next()).toMatchObject({
      value: { type: 'slot_lost_track', runId: 'r1', acquiredAt: expect.any(String) },
    });
    await events.return?.();
  });

  test('being told of slots of a keeper', async () => {
    await using keeper = await startSlotkeeper(TRACED);
    using recorder = record();
    await (async () => void (await keeper.limiter.acquireRunSlot('s1', 'r1')))();
    expect(await lost(recorder, 1)).toEqual(['s1/r1']);
  });
});

describe('nothing being told', () => {
  test('of a slot that has a lease or a holder', async () => {
    await using limiter = await start({}, TRACED);
    using recorder = record();
    const holder = new AbortController().signal;
    await lose(limiter, ['s1', 'leased', { leaseMs: 60_000 }]);
    await lose(limiter, ['s1', 'with-holder', { holder }]);
    await lose(limiter, ['s2', undefined, { leaseMs: 60_000, holder }]);
    await lose(limiter, ['s1', 'no-lease', { leaseMs: Infinity }]);
    expect(await lost(recorder, 1)).toEqual(['s1/no-lease']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeSessions: 1, activeRuns: 3 });
  });

  test.each<[string, (limiter: Limiter) => Promise<unknown>]>([
    ['a release by id', (limiter) => limiter.releaseRunSlot('ended')],
    ['a cascade', (limiter) => limiter.releaseSessionSlot('s1')],
    ['an eviction', (limiter) => limiter.evict('ended', 'in the way')],
  ])('of a slot that has ended: %s', async (_how, end) => {
    await using limiter = await start({}, TRACED);
    using recorder = record();
    await lose(limiter, ['s1', 'ended']);
    await end(limiter);
    await lose(limiter, ['s2', 'control']);
    expect(await lost(recorder, 1)).toEqual(['s2/control']);
  });

  test('of a slot that was released through its handle, or by withRunSlot', async () => {
    await using limiter = await start({}, TRACED);
    using recorder = record();
    await (async () => (await ask(limiter, ['s1', 'released'])).release())();
    await limiter.withRunSlot('s1', () => {});
    await lose(limiter, ['s2', 'control']);
    expect(await lost(recorder, 1)).toEqual(['s2/control']);
  });

  test('of a slot whose handle is kept', async () => {
    await using limiter = await start({}, TRACED);
    using recorder = record();
    const kept = await ask(limiter, ['s1', 'kept']);
    await lose(limiter, ['s2', 'control']);
    expect(await lost(recorder, 1)).toEqual(['s2/control']);
    expect(await kept.release()).toMatchObject({ runs: 1 });
  });

  test('after the stop', async () => {
    await using other = await start({}, TRACED);
    const limiter = await start({}, TRACED);
    using recorder = record();
    await lose(limiter, ['s1', 'stopped']);
    await limiter.stop();
    await lose(other, ['s2', 'control']);
    expect(await lost(recorder, 1)).toEqual(['s2/control']);
  });

  test.each<[string, LimiterOptions]>([
    ['by default', {}],
    ['when it is not wanted', { traceHandles: false }],
  ])('%s', async (_when, options) => {
    await using limiter = await start({}, options);
    await using traced = await start({}, TRACED);
    using recorder = record();
    await lose(limiter, ['s1', 'r1']);
    await lose(traced, ['s2', 'control']);
    expect(await lost(recorder, 1)).toEqual(['s2/control']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });
});

describe('traceHandles', () => {
  test.each(['yes', 1, null, {}])('not being %o', async (traceHandles) => {
    const wrong = { traceHandles } as unknown as LimiterOptions; // as a program in JavaScript may
    for (const started of [start({}, wrong), startSlotkeeper(wrong)]) {
      const fault = await faultOf(started);
      expect([fault.code, fault.message]).toEqual([
        'invalid_option',
        expect.stringContaining('traceHandles'),
      ]);
    }
  });
});
