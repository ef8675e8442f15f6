/**
 * Damage in a journal's file, wherever it is: either the start fails and leaves every byte as it was, or
 * the journal says exactly what it said. It never says anything else.
 */
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  bytesOfFilledJournal,
  expectUntouched,
  fileOf,
  filesIn,
  openAndAsk,
} from '../support/journal-files.ts';
import { SeededChance } from '../support/seeded-chance.ts';

const PAGE_BYTES = 4_096;
const HEADER_BYTES = 100;
/** Where the header keeps the version of the schema: who reads another one cannot know it is damage. */
const SCHEMA_VERSION_AT = [60, 61, 62, 63];

const intact = bytesOfFilledJournal();
const said = openAndAsk(fileOf(intact));
const pages = intact.length / PAGE_BYTES;

/** `as it was`, or the code of the fault. Anything else is a failure. */
function outcomeOf(bytes: Buffer): string {
  const path = fileOf(bytes);
  const before = filesIn(dirname(path));
  let found: unknown;
  try {
    found = openAndAsk(path);
  } catch (error) {
    expectUntouched(path, before);
    expect((error as Error).message).toContain(path);
    return String((error as { code?: unknown }).code);
  }
  expect(found).toEqual(said);
  return 'as it was';
}

function flipped(at: number, bit: number): Buffer {
  const bytes = Buffer.from(intact);
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
  return bytes;
}

/** What is not allowed, with where the bit was. */
function wrong(flips: readonly (readonly [at: number, bit: number])[]): string[] {
  return flips.flatMap(([at, bit]) => {
    const outcome = outcomeOf(flipped(at, bit));
    const isAllowed =
      outcome === 'as it was' ||
      outcome === 'journal_corrupt' ||
      (outcome === 'journal_schema_unsupported' && SCHEMA_VERSION_AT.includes(at));
    return isAllowed ? [] : [`bit ${bit} of byte ${at}: ${outcome}`];
  });
}

describe('a journal with a flipped bit', () => {
  test('in any byte of the header', () => {
    const chance = new SeededChance(1);
    const flips = Array.from({ length: HEADER_BYTES }, (_, at) => [at, chance.below(8)] as const);
    expect(wrong(flips)).toEqual([]);
  });

  test('on any page', () => {
    expect(pages).toBeGreaterThan(20);
    const chance = new SeededChance(2);
    const flips = Array.from({ length: 300 }, (_, index) => {
      const at = (index % pages) * PAGE_BYTES + chance.below(PAGE_BYTES);
      return [at, chance.below(8)] as const;
    });
    expect(wrong(flips)).toEqual([]);
  });

  test('in what the schema says of itself', () => {
    const from = intact.indexOf('tablesessions');
    const chance = new SeededChance(3);
    const flips = Array.from(
      { length: 100 },
      () => [from + chance.below(PAGE_BYTES - from), chance.below(8)] as const,
    );
    expect(wrong(flips)).toEqual([]);
  });
});

describe('a journal that was cut off', () => {
  test('at any length', () => {
    const chance = new SeededChance(4);
    const lengths = [1, 15, 16, 99, 100, 511, 512, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 1];
    for (let count = 0; count < 60; count += 1) lengths.push(1 + chance.below(intact.length - 1));
    const outcomes = lengths.map((length) => [length, outcomeOf(intact.subarray(0, length))]);
    expect(outcomes).toEqual(lengths.map((length) => [length, 'journal_corrupt']));
  });
});
