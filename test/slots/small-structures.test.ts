import { describe, expect, test } from 'vitest';
import { SmallMap } from '../../src/slots/small-map.ts';
import { Tape } from '../../src/slots/tape.ts';
import { UndoList } from '../../src/slots/undo-list.ts';

describe('SmallMap', () => {
  test('keeping one entry, and any number of them', () => {
    const map = new SmallMap<string>();
    expect(map.size).toBe(0);
    map.set(undefined, 'none');
    expect([map.get(undefined), map.get('a'), map.size]).toEqual(['none', undefined, 1]);
    map.set('a', 'A');
    map.set('b', 'B');
    expect([...map.values()]).toEqual(['none', 'A', 'B']);
    map.delete(undefined);
    expect([map.size, map.get('b'), map.get(undefined)]).toEqual([2, 'B', undefined]);
  });

  test('replacing its one entry, and losing it', () => {
    const map = new SmallMap<string>();
    map.set('a', 'A');
    map.set('a', 'AA');
    expect([...map.values()]).toEqual(['AA']);
    map.delete('b');
    map.delete('a');
    expect([map.size, [...map.values()]]).toEqual([0, []]);
  });
});

describe('Tape', () => {
  test('giving back what was pushed, first and last', () => {
    const tape = new Tape();
    for (const item of ['a', 'b', 'c']) tape.push(item);
    expect([tape.size, tape.at(0), tape.at(2)]).toEqual([3, 'a', 'c']);
    expect([tape.pop(), tape.size]).toEqual(['c', 2]);
  });

  test('being empty after it was cleared, long or short', () => {
    const tape = new Tape();
    for (const length of [3, 1_000]) {
      for (let item = 0; item < length; item += 1) tape.push(item);
      tape.clear();
      expect(tape.size).toBe(0);
    }
    tape.push('again');
    expect(tape.at(0)).toBe('again');
  });
});

describe('UndoList', () => {
  test('taking changes back newest first, once', () => {
    const undo = new UndoList();
    const taken: string[] = [];
    for (const change of ['a', 'b', 'c']) undo.add((what: string) => taken.push(what), change);
    undo.rollBack();
    undo.rollBack();
    expect(taken).toEqual(['c', 'b', 'a']);
    expect(undo.isEmpty).toBe(true);
  });
});
