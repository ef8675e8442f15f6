import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/config/json-text.ts';

/** What JSON.parse makes of it; undefined when it refuses. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function valueOrNone(text: string): unknown {
  const result = parseJson(text);
  return 'value' in result ? result.value : undefined;
}

describe('parseJson', () => {
  test('reading what JSON.parse reads', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 5, noUnicodeString: false }),
        fc.boolean(),
        (text, isSpread) => {
          fc.pre(!text.includes('__proto__'));
          const laid = isSpread ? JSON.stringify(JSON.parse(text), undefined, 2) : text;
          expect(valueOrNone(laid)).toEqual(JSON.parse(laid));
        },
      ),
    );
  });

  test('refusing what JSON.parse refuses', () => {
    const letter = fc.constantFrom(...'{}[]:,"\\\n \t01-+.eEutrfalsn');
    fc.assert(
      fc.property(fc.string({ unit: letter, maxLength: 12 }), (text) => {
        const value = valueOrNone(text);
        // A name that comes twice is refused here alone.
        if (value !== undefined) expect(value).toEqual(parsed(text));
        else if (parsed(text) !== undefined) expect(text).toMatch(/"([^"]*)"[\s\S]*"\1"/);
      }),
      { numRuns: 5_000 },
    );
  });
});
