import { describe, expect, test } from 'vitest';
import { IdTable } from '../../src/slots/id-table.ts';

/** Far more than one Map is to hold. */
const MANY = 40_000;

function filled(id: (number: number) => string): IdTable<number> {
  const table = new IdTable<number>();
  for (let number = 0; number < MANY; number += 1) table.set(id(number), number);
  return table;
}

describe('IdTable', () => {
  test.each([
    ['ids that differ at their end', (number: number) => `run-${number}`],
    ['ids that all end alike', (number: number) => `${number}-of-the-same-session`],
    ['ids of one or two characters', (number: number) => String.fromCodePoint(0x4e00 + number)],
  ])('finding %s, however many', (_sort, id) => {
    const table = filled(id);
    const numbers = Array.from({ length: MANY }, (_, number) => number);
    expect(numbers.filter((number) => table.get(id(number)) !== number)).toEqual([]);
    expect(table.get('nobody')).toBeUndefined();
    expect(table.size).toBe(MANY);
  });

  test('giving every entry once', () => {
    const entries = [...filled((number) => `r${number}`)].sort((one, other) => one - other);
    expect(entries).toEqual(Array.from({ length: MANY }, (_, number) => number));
  });

  test('forgetting what was deleted, and only that', () => {
    const table = filled((number) => `r${number}`);
    for (let number = 0; number < MANY; number += 2) table.delete(`r${number}`);
    table.delete('r0');
    expect(table.size).toBe(MANY / 2);
    expect(table.get('r2')).toBeUndefined();
    expect(table.get('r3')).toBe(3);
    expect([...table]).toHaveLength(MANY / 2);
  });

  test('replacing an entry under the same id', () => {
    const table = new IdTable<number>();
    table.set('r', 1);
    table.set('r', 2);
    expect([...table]).toEqual([2]);
    expect(table.size).toBe(1);
  });

  test('being empty at first', () => {
    const table = new IdTable<number>();
    expect([...table]).toEqual([]);
    expect(table.size).toBe(0);
  });
});
