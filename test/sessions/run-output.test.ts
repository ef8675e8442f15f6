/**
 * Following the output of a run: whoever leaves leaves nothing behind, on the run or on his signal.
 */
import { describe, expect, test } from 'vitest';
import type { OutputRecord } from '../../src/executors/executor.ts';
import { outputOf, type Printing } from '../../src/sessions/run-output.ts';
import { settle } from '../../src/testing.ts';
import { collect } from '../support/garbage.ts';

const RECORD: OutputRecord = {
  number: 0,
  stream: 'stdout',
  at: 0,
  bytes: Buffer.from('a'),
  text: 'a',
};

/** One record, and then nothing until the reading ends. */
async function* oneRecord(signal: AbortSignal | undefined): AsyncGenerator<OutputRecord> {
  yield RECORD;
  if (signal?.aborted) return;
  await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
}

function printing() {
  const ends = { begin: () => {}, end: () => {} };
  const event = (name: 'begin' | 'end') =>
    new Promise<void>((resolve) => {
      ends[name] = resolve;
    });
  const [whenBegun, whenOver] = [event('begin'), event('end')];
  const printed = ({ signal }: { signal?: AbortSignal }) => oneRecord(signal);
  const run: Printing = { whenBegun, whenOver, isEnded: false, printed };
  return { run, ...ends, begin: () => ends.begin(), end: () => ends.end() };
}

async function heapUsed(): Promise<number> {
  await settle();
  await collect(3);
  return process.memoryUsage().heapUsed;
}

/** The least growth of some rounds: whatever else is done in the process is not done in each of them. */
async function leastGrowth(rounds: number, round: () => Promise<void>): Promise<number> {
  await round();
  let least = Number.POSITIVE_INFINITY;
  for (let count = 0; count < rounds; count += 1) {
    const before = await heapUsed();
    await round();
    least = Math.min(least, (await heapUsed()) - before);
  }
  return least;
}

const READERS = 10_000;
/** One word for each would be 80,000. */
const NOISE_BYTES = 40_000;

describe('ten thousand readers of one run, with one signal, one after the other', () => {
  test('leaving nothing behind when they leave while it runs', { timeout: 60_000 }, async () => {
    const { run, begin } = printing();
    begin();
    const { signal } = new AbortController();
    const growth = await leastGrowth(5, async () => {
      for (let reader = 0; reader < READERS; reader += 1) {
        for await (const _ of outputOf(run, { follow: true, signal })) break;
      }
    });
    expect(growth).toBeLessThan(NOISE_BYTES);
  });

  test('leaving nothing behind when they leave before it has begun', {
    timeout: 60_000,
  }, async () => {
    const { run } = printing();
    const growth = await leastGrowth(5, async () => {
      for (let reader = 0; reader < READERS; reader += 1) {
        const leaving = new AbortController();
        const next = outputOf(run, { follow: true, signal: leaving.signal }).next();
        leaving.abort();
        expect((await next).done).toBe(true);
      }
    });
    expect(growth).toBeLessThan(NOISE_BYTES);
  });
});

describe('a reader', () => {
  test('ending with the run, whatever his signal does', async () => {
    const { run, begin, end } = printing();
    begin();
    const texts: string[] = [];
    for await (const { text } of outputOf(run, {
      follow: true,
      signal: new AbortController().signal,
    })) {
      texts.push(text);
      end();
      if (texts.length === 2) break;
    }
    expect(texts[0]).toBe('a');
  });

  test('ending with his signal, while others read on', async () => {
    const { run, begin, end } = printing();
    begin();
    const leaving = new AbortController();
    const other = outputOf(run, { follow: true });
    await other.next();
    for await (const _ of outputOf(run, { follow: true, signal: leaving.signal })) leaving.abort();
    end();
    // What is left is read again from the record after the last one.
    expect((await other.next()).value).toEqual(RECORD);
    await other.return(undefined);
  });
});
