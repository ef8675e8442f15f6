import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isDeeperThan } from '../../src/http/json-depth.ts';

/** As the value itself has it. */
function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function nested(levels: number, inner = ''): string {
  return `${'[{"a":'.repeat(levels / 2)}[${inner}]${'}]'.repeat(levels / 2)}`;
}

describe('the depth of a text of JSON', () => {
  test('being what its value has, whatever its strings say', () => {
    const value = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' });
    const property = fc.property(value, fc.nat({ max: 7 }), (value, most) => {
      // Long enough not to be passed over.
      const text = JSON.stringify({ value, long: '"\\[{'.repeat(10) });
      return isDeeperThan(text, most) === 1 + depthOf(value) > most;
    });
    fc.assert(property, { seed: 20_261_122 });
  });

  test('being bounded, to the level', () => {
    expect(isDeeperThan(nested(98), 100)).toBe(false);
    expect(isDeeperThan(nested(98, '[]'), 100)).toBe(false);
    expect(isDeeperThan(nested(98, '[[]]'), 100)).toBe(true);
    expect(isDeeperThan(nested(200_000), 100)).toBe(true);
  });

  test('not being more by brackets in strings, nor by many beside each other', () => {
    expect(isDeeperThan(JSON.stringify('["\\'.repeat(1_000)), 100)).toBe(false);
    expect(isDeeperThan(`[${'[],'.repeat(1_000)}[]]`, 100)).toBe(false);
  });
});
