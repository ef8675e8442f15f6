/**
 * Ids: well-formed strings of 1 to 256 UTF-16 units without control characters. Every door checks them.
 */
import { describe, expect, test } from 'vitest';
import { attempt, counts, EMPTY, granted, type Limiter, start } from '../../support/callers.ts';
import { faultOf } from '../../support/servers.ts';

const GOOD: readonly [string, string][] = [
  ['one unit', 'x'],
  ['256 units', 'x'.repeat(256)],
  ['256 units in 128 pairs', '😀'.repeat(128)],
  ['spaces', ' a b '],
  ['no ASCII', 'сессия-会话-ä'],
  ['slashes and dots', '../../etc/passwd'],
  ['a digit', '0'],
  ['the word undefined', 'undefined'],
  ['a line separator', 'a\u2028b'],
  ['a joiner of zero width', 'a\u200db'],
];

const BAD: readonly [string, unknown][] = [
  ['the empty string', ''],
  ['257 units', 'x'.repeat(257)],
  ['257 units in pairs', `${'😀'.repeat(128)}x`],
  ['NUL', 'a\u0000b'],
  ['a line break', 'a\nb'],
  ['a tab', '\ta'],
  ['escape', 'a\u001b[31m'],
  ['unit separator', 'a\u001f'],
  ['delete', 'a\u007fb'],
  ['next line (C1)', 'a\u0085b'],
  ['the last of C1', 'a\u009f'],
  ['a lone high surrogate', 'a\ud83d'],
  ['a lone low surrogate', '\ude00a'],
  ['surrogates the wrong way round', '\ude00\ud83d'],
  ['a number', 5],
  ['null', null],
  ['undefined', undefined],
  ['a symbol', Symbol('id')],
  ['an object', { toString: () => 'id' }],
  ['a String object', new String('id')],
  ['a list', ['id']],
];

/** Every door that takes an id and answers with a promise. */
const DOORS: readonly [string, (limiter: Limiter, id: string) => Promise<unknown>][] = [
  ['acquireSessionSlot', (limiter, id) => limiter.acquireSessionSlot(id)],
  ['acquireRunSlot, the session', (limiter, id) => limiter.acquireRunSlot(id, 'r1')],
  ['acquireRunSlot, the run', (limiter, id) => limiter.acquireRunSlot('s1', id)],
  ['releaseSessionSlot', (limiter, id) => limiter.releaseSessionSlot(id)],
  ['releaseRunSlot', (limiter, id) => limiter.releaseRunSlot(id)],
  ['withRunSlot', (limiter, id) => limiter.withRunSlot(id, () => {})],
];

describe.each(DOORS)('an id at %s', (_door, knock) => {
  test.each(BAD)('not being %s', async (_name, id) => {
    await using limiter = await start();
    const fault = await faultOf(knock(limiter, id as string));
    expect(fault.code).toBe('invalid_id');
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test.each(GOOD)('being %s', async (_name, id) => {
    await using limiter = await start();
    await knock(limiter, id);
    expect(limiter.getStatus().state).toBe('accepting');
  });
});

describe('an id at tryAcquire', () => {
  test.each(BAD)('not being %s: it throws', async (_name, bad) => {
    await using limiter = await start();
    const id = bad as string;
    const fault = expect.objectContaining({ code: 'invalid_id' });
    expect(() => limiter.tryAcquireSessionSlot(id)).toThrow(fault);
    expect(() => limiter.tryAcquireRunSlot(id, 'r1')).toThrow(fault);
    expect(() => limiter.tryAcquireRunSlot('s1', id)).toThrow(fault);
  });

  test.each(GOOD)('being %s', async (_name, id) => {
    await using limiter = await start();
    expect(granted(limiter.tryAcquireRunSlot(id, id))).toMatchObject({ sessionId: id, runId: id });
  });
});

describe('ids', () => {
  test('being told apart unit by unit, without normalising', async () => {
    await using limiter = await start();
    const ids = ['é', 'e\u0301', 'E\u0301', 'a', 'a ', ' a', 'A'];
    const slots = await Promise.all(ids.map((id) => limiter.acquireRunSlot('s1', id)));
    expect(slots.map(({ runId }) => runId)).toEqual(ids);
    expect(limiter.getStatus().activeRuns).toBe(ids.length);
  });

  test('being named in the fault, in a form that can be logged', async () => {
    await using limiter = await start();
    const fault = await faultOf(limiter.acquireRunSlot('s1', 'a\u001b[31m\nb'));
    expect(JSON.parse(JSON.stringify(fault))).toMatchObject({ code: 'invalid_id' });
    expect([...fault.message].filter((character) => character < ' ')).toEqual([]);
  });

  test('being checked before the limiter is asked', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const asked = attempt(limiter.acquireRunSlot('s1', ''));
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    expect(asked.outcome).toBe('invalid_id');
  });
});
