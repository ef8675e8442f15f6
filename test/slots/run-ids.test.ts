import { describe, expect, test } from 'vitest';
import { RunIds } from '../../src/slots/run-ids.ts';

describe('RunIds', () => {
  test('making ids that differ, and finding their keys by their texts', () => {
    const ids = new RunIds('made-');
    const keys = [ids.next(), ids.next(), ids.next()];
    const texts = keys.map((key) => ids.idOf(key));
    expect(new Set(texts).size).toBe(3);
    expect(texts.map((text) => ids.keyOf(text))).toEqual(keys);
  });

  test('knowing which may have been named before they were made', () => {
    const ids = new RunIds('made-');
    ids.next();
    ids.keyOf('made-1');
    expect(ids.wasForeseen(ids.next())).toBe(false);
    ids.keyOf('made-4');
    expect([3, 4, 5].map(() => ids.wasForeseen(ids.next()))).toEqual([true, true, false]);
  });

  test.each([
    ['another', 'r1'],
    ['the prefix alone', 'made-'],
    ['what is no number', 'made-one'],
    ['zeros before', 'made-01'],
    ['a sign', 'made-+1'],
    ['a fraction', 'made-1.5'],
    ['an exponent', 'made-1e3'],
    ['a space', 'made- 1'],
    ['more than is counted exactly', 'made-9007199254740993'],
    ['a name of an object', '__proto__'],
  ])('leaving %s as it is', (_sort, id) => {
    const ids = new RunIds('made-');
    expect(ids.keyOf(id)).toBe(id);
    expect(ids.idOf(ids.keyOf(id))).toBe(id);
  });
});
