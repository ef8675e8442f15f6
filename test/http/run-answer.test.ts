/**
 * How much of what a run has printed is read for an answer, and how much is kept of it.
 */
import { describe, expect, test } from 'vitest';
import { LONGEST_TEXT, printedBy } from '../../src/http/run-answer.ts';
import type { OutputRecord } from '../../src/index.ts';

type Line = Pick<OutputRecord, 'stream' | 'text'>;

const HALF = 'x'.repeat(LONGEST_TEXT / 2);

/** A run that has printed this, and how much of it was read. */
function printing(lines: readonly Line[]) {
  const seen = { records: 0 };
  async function* output(): AsyncGenerator<OutputRecord> {
    for (const line of lines) {
      seen.records += 1;
      const bytes = Buffer.from(line.text);
      yield { ...line, bytes, number: seen.records, at: 0 };
    }
  }
  return { seen, run: { output } };
}

async function lengthsOf(lines: readonly Line[]) {
  const { stdout, stderr } = await printedBy(printing(lines).run);
  return [stdout.text.length, stdout.isCut, stderr.text.length, stderr.isCut];
}

describe('what a run has printed', () => {
  test('being kept whole up to the bound', async () => {
    const out = { stream: 'stdout', text: HALF } as const;
    expect(await lengthsOf([out, out])).toEqual([LONGEST_TEXT, false, 0, false]);
    const more = { stream: 'stdout', text: 'y' } as const;
    expect(await lengthsOf([out, out, more])).toEqual([LONGEST_TEXT, true, 0, false]);
  });

  test('being cut in each stream by itself', async () => {
    const out = { stream: 'stdout', text: `${HALF}x` } as const;
    const err = { stream: 'stderr', text: 'z' } as const;
    expect(await lengthsOf([out, out, out, err])).toEqual([LONGEST_TEXT, true, 1, false]);
  });

  test('being read no further than an answer has it', async () => {
    const both = ['stdout', 'stderr'] as const;
    const lines = both.flatMap((stream) => Array(3).fill({ stream, text: HALF }));
    const { run, seen } = printing([...lines, ...lines, ...lines]);
    await printedBy(run);
    expect(seen.records).toBe(6);
  });
});
