/**
 * Text for people: how long something takes, and lines that fit a terminal.
 */
import { describe, expect, test } from 'vitest';
import { ageText, fitted } from '../../src/cli/run/text.ts';

describe('ageText', () => {
  test.each([
    [-5, '0.0 s'],
    [0, '0.0 s'],
    [49, '0.0 s'],
    [440, '0.4 s'],
    [9_949, '9.9 s'],
    [9_950, '9 s'],
    [12_999, '12 s'],
    [59_999, '59 s'],
    [60_000, '1 min 0 s'],
    [185_000, '3 min 5 s'],
    [3_599_999, '59 min 59 s'],
    [3_600_000, '1 h 0 min'],
    [8_040_000, '2 h 14 min'],
    [360_000_000, '100 h 0 min'],
  ])('telling %d ms as %s', (ms, text) => {
    expect(ageText(ms)).toBe(text);
  });
});

describe('fitted', () => {
  test.each([
    ['a line', 6, 'a line'],
    ['a line', 5, 'a li…'],
    ['a line', 1, '…'],
    ['', 0, ''],
    ['長い名前', 8, '長い名前'],
    ['長い名前', 7, '長い名…'],
    ['長い名前', 6, '長い…'],
    ['a🎛b🧵', 5, 'a🎛b…'],
    ['a🎛b', 3, 'a…'],
    ['███░', 4, '███░'],
  ])('making of %j in %d columns %j', (line, columns, text) => {
    expect(fitted(line, columns)).toBe(text);
  });

  test('leaving the colours of a line that fits', () => {
    const line = '\u001b[32mgreen\u001b[39m';
    expect(fitted(line, 5)).toBe(line);
  });

  test('cutting no colour in two: a line that is cut has none', () => {
    expect(fitted('\u001b[32mgreen\u001b[39m', 4)).toBe('gre…');
  });
});
