import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LinkedList, ListItem } from '../../src/otp/linked-list.ts';

class Numbered extends ListItem {
  readonly number: number;

  constructor(number: number) {
    super();
    this.number = number;
  }
}

function listOf(count: number): { list: LinkedList<Numbered>; items: Numbered[] } {
  const list = new LinkedList<Numbered>();
  const items = Array.from({ length: count }, (_, number) => new Numbered(number));
  for (const item of items) list.push(item);
  return { list, items };
}

const numbers = (list: LinkedList<Numbered>): number[] => [...list].map(({ number }) => number);

describe('LinkedList', () => {
  test('giving items in the order in which they came', () => {
    const { list } = listOf(3);
    expect(numbers(list)).toEqual([0, 1, 2]);
    expect([list.shift(), list.shift(), list.shift()].map((item) => item?.number)).toEqual([
      0, 1, 2,
    ]);
  });

  test('giving nothing when it is empty', () => {
    const { list } = listOf(0);
    expect(list.shift()).toBeUndefined();
    expect(list.size).toBe(0);
  });

  test.each([
    ['first', 0, [1, 2]],
    ['middle', 1, [0, 2]],
    ['last', 2, [0, 1]],
  ])('letting the %s item go', (_place, index, rest) => {
    const { list, items } = listOf(3);
    const item = items[index];
    if (item) list.remove(item);
    expect(numbers(list)).toEqual(rest);
    expect(list.size).toBe(2);
  });

  test('being known to its items, and forgotten by who has left', () => {
    const { list, items } = listOf(2);
    expect(items.map((item) => item.list)).toEqual([list, list]);
    const first = list.shift();
    expect(first).toMatchObject({ list: undefined, next: undefined, previous: undefined });
  });

  test('taking back an item that has left', () => {
    const { list } = listOf(3);
    const item = list.shift();
    if (item) list.push(item);
    expect(numbers(list)).toEqual([1, 2, 0]);
  });

  test('doing what an array does', () => {
    const act = fc.oneof(
      fc.record({ do: fc.constant('push' as const), at: fc.nat() }),
      fc.record({ do: fc.constantFrom('shift' as const, 'remove' as const), at: fc.nat() }),
    );
    const property = fc.property(fc.array(act, { maxLength: 100 }), (acts) => {
      const { list } = listOf(0);
      const array: Numbered[] = [];
      acts.forEach(({ do: deed, at }, number) => {
        if (deed === 'push') {
          const item = new Numbered(number);
          list.push(item);
          array.push(item);
        } else if (deed === 'shift') {
          expect(list.shift()).toBe(array.shift());
        } else {
          const [item] = array.splice(at % Math.max(array.length, 1), 1);
          if (item) list.remove(item);
        }
        expect(numbers(list)).toEqual(array.map((item) => item.number));
        expect(list.size).toBe(array.length);
      });
    });
    fc.assert(property, { seed: 7 });
  });
});
