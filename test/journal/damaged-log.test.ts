/**
 * The log (-wal) that a killed keeper leaves. Cut off anywhere, it is a crash's trace: the journal says
 * what it said when a transaction ended before. Damaged in its midst, it is refused, and every byte of
 * it stays. `npm test` builds first: the keeper that is killed runs the built package.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectUntouched, filesIn, openAndAsk } from '../support/journal-files.ts';
import { endsIn, FRAME_BYTES, killKeeper, layOut, type Remains } from '../support/killed-keeper.ts';
import { SeededChance } from '../support/seeded-chance.ts';

let remains: Remains;
/** Where the transactions of the log end. */
let ends: readonly number[];
/** What the journal says after each number of transactions, asked for when it is needed. */
const states = new Map<number, unknown>();

beforeAll(async () => {
  remains = await killKeeper();
  ends = endsIn(remains.log);
});

function withLog(log: Buffer): Remains {
  return { file: remains.file, log };
}

/** What the journal said when so many transactions had ended. */
function stateAfter(transactions: number): unknown {
  const known = states.get(transactions);
  if (known) return known;
  const end = ends[transactions - 1] ?? 0;
  const state = openAndAsk(layOut(withLog(remains.log.subarray(0, end))));
  states.set(transactions, state);
  return state;
}

/** What the start says, or the code of its fault; then every byte is as it was. */
function outcomeOf(log: Buffer): unknown {
  const path = layOut(withLog(log));
  const before = filesIn(dirname(path));
  try {
    return openAndAsk(path);
  } catch (error) {
    expectUntouched(path, before);
    expect((error as Error).message).toContain(path);
    return (error as { code?: unknown }).code;
  }
}

function flipped(at: number, bit: number, whole = remains.log): Buffer {
  const log = Buffer.from(whole);
  log.writeUInt8(log.readUInt8(at) ^ (1 << bit), at);
  return log;
}

describe('the log of a killed keeper', () => {
  test('saying all that was answered', () => {
    expect(ends.length).toBeGreaterThan(100);
    const { recovered } = openAndAsk(layOut(remains));
    expect(recovered.sessions).toHaveLength(160);
    expect(recovered.interruptedRuns).toBe(160);
  });

  test('cut off anywhere, saying what was said when the last whole transaction had ended', () => {
    const chance = new SeededChance(11);
    const last = ends.at(-1) ?? 0;
    const around = ends.slice(-3).flatMap((end) => [end - 1, end, end + 1]);
    const lengths = [0, 1, 31, 32, 33, ...around.filter((length) => length <= last)];
    for (let count = 0; count < 60; count += 1) lengths.push(chance.below(last));
    for (const length of lengths) {
      const whole = ends.filter((end) => end <= length).length;
      expect(outcomeOf(remains.log.subarray(0, length))).toEqual(stateAfter(whole));
    }
  });

  // The frame that ends a transaction says that it was answered: behind a break it is not left out.
  test('with a flipped bit, being refused, or ending before a last transaction whose end is broken', () => {
    const chance = new SeededChance(12);
    const all = ends.length;
    const lastBegins = (ends[all - 1] ?? 0) - FRAME_BYTES;
    const outcomes = new Set<string>();
    for (let count = 0; count < 200; count += 1) {
      const at = chance.below(remains.log.length);
      const outcome = outcomeOf(flipped(at, chance.below(8)));
      if (at < lastBegins) expect([at, outcome]).toEqual([at, 'journal_corrupt']);
      else expect([stateAfter(all), stateAfter(all - 1)]).toContainEqual(outcome);
      outcomes.add(typeof outcome);
    }
    expect([...outcomes].sort()).toEqual(['object', 'string']);
  });

  test('with a flipped bit in any frame of a last transaction of several', () => {
    const chance = new SeededChance(14);
    const end = endOfLongest();
    const all = ends.indexOf(end) + 1;
    const log = remains.log.subarray(0, end);
    const begin = ends[all - 2] ?? 0;
    const outcomes: unknown[] = [];
    for (let frame = begin; frame < end; frame += FRAME_BYTES) {
      outcomes.push(outcomeOf(flipped(frame + chance.below(FRAME_BYTES), chance.below(8), log)));
    }
    const ofTheEnd = outcomes.pop();
    expect(new Set(outcomes)).toEqual(new Set(['journal_corrupt']));
    expect([stateAfter(all), stateAfter(all - 1)]).toContainEqual(ofTheEnd);
  });

  test('with a flipped bit in its header or in the head of any of its last frames', () => {
    const chance = new SeededChance(13);
    const lastBegins = ends.at(-2) ?? 0;
    const places = Array.from({ length: 32 }, (_, at) => at);
    for (const end of ends.slice(-4, -1)) {
      for (let at = end - 24 - 4_096; at < end - 4_096; at += 1) places.push(at);
    }
    for (const at of places.filter((place) => place < lastBegins)) {
      expect([at, outcomeOf(flipped(at, chance.below(8)))]).toEqual([at, 'journal_corrupt']);
    }
  });

  test('with the rest of a transaction that a kill cut off, and the next one overwrote', () => {
    const cut = remains.log.subarray(0, endOfLongest() - FRAME_BYTES);
    const torn = layOut(withLog(cut));
    const next = new Database(torn);
    next.exec(`BEGIN; UPDATE facts SET checksum = checksum + 1;
      UPDATE facts SET checksum = checksum - 1; COMMIT`);
    const left = { file: readFileSync(torn), log: readFileSync(`${torn}-wal`) };
    next.close();
    expect(left.log.length).toBe(cut.length);
    expect(left.log.equals(cut)).toBe(false);
    const whole = ends.filter((end) => end < endOfLongest()).length;
    expect(openAndAsk(layOut(left))).toEqual(stateAfter(whole));
  });
});

/** Where the transaction ends that has the most frames: one of them overwritten, two are left and more. */
function endOfLongest(): number {
  const lengthTo = (end: number, index: number) => end - (ends[index - 1] ?? end);
  const lengths = ends.map(lengthTo);
  const longest = Math.max(...lengths);
  expect(longest).toBeGreaterThanOrEqual(4 * FRAME_BYTES);
  return ends[lengths.indexOf(longest)] ?? 0;
}
