import { describe, expect, test } from 'vitest';
import { IdTable, type TableEntry } from '../../src/slots/id-table.ts';

/** Far more than it begins with. */
const MANY = 40_000;
/** With which it begins; it never has fewer. */
const FEWEST_BUCKETS = 64;

const SEED = 20261122;

class Entry implements TableEntry {
  hash = 0;
  chained: TableEntry | undefined = undefined;
  readonly key: string | number;

  constructor(key: string | number) {
    this.key = key;
  }
}

const numbers = Array.from({ length: MANY }, (_, number) => number);

function filled(keyOf: (number: number) => string | number) {
  const table = new IdTable<Entry>(SEED);
  const entries = numbers.map((number) => new Entry(keyOf(number)));
  for (const entry of entries) table.add(entry);
  return { table, entries };
}

/** How many stand in its fullest bucket. */
function fullest(table: IdTable<Entry>): number {
  return Math.max(...bucketsOf(table).map((first) => lengthOf(first)));
}

function bucketsOf(table: IdTable<Entry>): readonly (TableEntry | undefined)[] {
  return Reflect.get(table, 'segments').flat();
}

function bucketCount(table: IdTable<Entry>): number {
  return Reflect.get(table, 'length');
}

function lengthOf(first: TableEntry | undefined): number {
  let length = 0;
  for (let entry = first; entry; entry = entry.chained) length += 1;
  return length;
}

describe('IdTable', () => {
  test.each([
    ['ids that differ at their end', (number: number) => `run-${number}`],
    ['ids that all end alike', (number: number) => `${number}-of-the-same-session`],
    ['ids of one or two characters', (number: number) => String.fromCodePoint(0x4e00 + number)],
    ['ids that differ in the upper half of a unit', (number: number) => highText(number)],
    ['numbers that follow each other', (number: number) => number + 1],
    ['numbers beyond 32 bits', (number: number) => 2 ** 40 + number],
    ['numbers that differ in their upper half', (number: number) => number * 2 ** 32],
    ['numbers of the same place in a block', (number: number) => number * 1_024],
    ['numbers of the same lower bits', (number: number) => number * 2 ** 16],
  ])('finding %s, however many, in short chains', (_sort, keyOf) => {
    const { table, entries } = filled(keyOf);
    expect(entries.filter((entry) => table.get(entry.key) !== entry)).toEqual([]);
    expect(table.get('nobody')).toBeUndefined();
    expect(table.get(-7)).toBeUndefined();
    expect(table.size).toBe(MANY);
    // One stands in each on average; 40,000 thrown at random leave some with seven or eight.
    expect(fullest(table)).toBeLessThan(16);
  });

  test('telling a number from its text', () => {
    const table = new IdTable<Entry>(SEED);
    table.add(new Entry(7));
    expect(table.get('7')).toBeUndefined();
    expect(table.get(7)?.key).toBe(7);
  });

  test('telling texts of the same hash apart', () => {
    const table = new IdTable<Entry>(SEED);
    const one = new Entry('one');
    const other = new Entry('other');
    table.add(one);
    table.add(other);
    // As if they met: in one bucket, with one hash.
    other.hash = one.hash;
    expect(table.get('one')).toBe(one);
  });

  test('giving every entry once', () => {
    const { table, entries } = filled((number) => `r${number}`);
    expect(new Set(table)).toEqual(new Set(entries));
    expect([...table]).toHaveLength(MANY);
  });

  test('forgetting what was removed, and only that', () => {
    const { table, entries } = filled((number) => `r${number}`);
    for (const [number, entry] of entries.entries()) if (number % 2 === 0) table.remove(entry);
    expect(table.size).toBe(MANY / 2);
    expect(table.get('r2')).toBeUndefined();
    expect(table.get('r3')).toBe(entries[3]);
    expect([...table]).toHaveLength(MANY / 2);
  });

  test('doing nothing with what does not stand there', () => {
    const { table, entries } = filled((number) => `r${number}`);
    const [first] = entries;
    if (first) table.remove(first);
    if (first) table.remove(first);
    table.remove(new Entry('r7'));
    expect(table.size).toBe(MANY - 1);
    expect(table.get('r7')).toBe(entries[7]);
  });

  test('growing by one bucket at a time, and shrinking by a few', () => {
    const table = new IdTable<Entry>(SEED);
    const entries = numbers.map((number) => new Entry(`r${number}`));
    const steps = new Set<number>();
    const change = (act: () => void): void => {
      const before = bucketCount(table);
      act();
      steps.add(bucketCount(table) - before);
    };
    for (const entry of entries) change(() => table.add(entry));
    expect(bucketsOf(table)).toHaveLength(MANY);
    for (const [number, entry] of entries.entries()) {
      change(() => table.remove(entry));
      if (number % 1_000 === 0) {
        const rest = entries.slice(number + 1);
        expect(rest.filter((left) => table.get(left.key) !== left)).toEqual([]);
      }
    }
    expect(steps).toEqual(new Set([1, 0, -4]));
    expect(bucketsOf(table)).toHaveLength(FEWEST_BUCKETS);
    expect([...table]).toEqual([]);
  });

  test('taking an id again when it was cleared', () => {
    const { table } = filled((number) => `r${number}`);
    table.clear();
    const again = new Entry('r1');
    table.add(again);
    expect(table.get('r1')).toBe(again);
    expect(table.size).toBe(1);
  });

  test('being empty at first', () => {
    const table = new IdTable<Entry>(SEED);
    expect([...table]).toEqual([]);
    expect(table.size).toBe(0);
    expect(table.get('')).toBeUndefined();
  });
});

/** Texts whose lower halves of units are all alike. */
function highText(number: number): string {
  return String.fromCharCode(((number & 0x7f) << 8) | 0x41, ((number >> 7) << 6) | 0x01);
}
