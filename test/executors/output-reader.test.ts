/**
 * Readers of an output: from any record on, while it grows, several, slow ones, and those who leave.
 */
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { OutputOptions, OutputRecord } from '../../src/executors/executor.ts';
import { readOutput } from '../../src/executors/output-reader.ts';
import { OutputSpool } from '../../src/executors/output-spool.ts';
import { freshFolder } from '../support/journal-places.ts';

/** An output that a test writes, and ends. */
function output(folder = freshFolder()) {
  let isOver = false;
  let spool: OutputSpool | undefined;
  return {
    folder,
    begin() {
      spool = new OutputSpool(folder, { maxOutputBytes: 1_000_000, maxOutputLines: 1_000_000 });
    },
    add: (text: string) => spool?.add('stdout', Buffer.from(text)),
    end() {
      isOver = true;
      // A change in its folder, as the writing down of an end is.
      appendFileSync(join(folder, 'end'), '');
    },
    /** It is over, and there is nothing to tell it by. */
    forget() {
      isOver = true;
    },
    read: (options: OutputOptions = {}) => readOutput(folder, options, () => isOver),
  };
}

function begun(...texts: string[]) {
  const it = output();
  it.begin();
  for (const text of texts) it.add(text);
  return it;
}

/** What comes first to a reader who leaves then. */
async function first(reader: AsyncGenerator<OutputRecord, void>) {
  for await (const record of reader) return record;
  return undefined;
}

async function texts(records: AsyncIterable<{ text: string }>): Promise<string[]> {
  const all: string[] = [];
  for await (const { text } of records) all.push(text);
  return all;
}

describe('a reader', () => {
  test('getting what is there, and no more', async () => {
    const it = begun('a', 'b');
    expect(await texts(it.read())).toEqual(['a', 'b']);
  });

  test('getting nothing where nothing has begun', async () => {
    expect(await texts(output().read())).toEqual([]);
  });

  test('getting the rest from any record on', async () => {
    const all = ['a', 'ä', '€\n', '', 'd'].filter(Boolean);
    const it = begun(...all);
    for (let from = 0; from <= all.length + 1; from += 1) {
      expect(await texts(it.read({ from }))).toEqual(all.slice(from));
    }
    expect(await texts(it.read({ from: Number.MAX_SAFE_INTEGER }))).toEqual([]);
  });

  test('getting the number, the stream, the time and the bytes of each', async () => {
    const before = Date.now();
    const record = await first(begun('ä').read());
    expect(record).toEqual({
      number: 0,
      stream: 'stdout',
      at: expect.any(Number),
      bytes: Buffer.from('ä'),
      text: 'ä',
    });
    expect(record?.at).toBeGreaterThanOrEqual(before);
  });
});

describe('a reader who follows', () => {
  test('getting what comes, until it is over', async () => {
    const it = begun('a');
    const reader = it.read({ follow: true });
    expect((await reader.next()).value?.text).toBe('a');
    const next = reader.next();
    it.add('b');
    expect((await next).value?.text).toBe('b');
    const last = reader.next();
    it.end();
    expect(await last).toEqual({ done: true, value: undefined });
  });

  test('coming before it has begun', async () => {
    const it = output();
    const record = first(it.read({ follow: true }));
    it.begin();
    it.add('a');
    expect((await record)?.text).toBe('a');
  });

  test('getting what was written just before the end', async () => {
    for (let round = 0; round < 20; round += 1) {
      const it = begun();
      const all = texts(it.read({ follow: true }));
      it.add('a');
      await new Promise(setImmediate);
      it.add('b');
      it.end();
      expect(await all).toEqual(['a', 'b']);
    }
  });

  test('waiting for a record that is not there yet', async () => {
    const it = begun('a');
    const second = first(it.read({ follow: true, from: 1 }));
    it.add('b');
    expect(await second).toMatchObject({ number: 1, text: 'b' });
  });

  test('being one of several, each at his own place', async () => {
    const it = begun('a', 'b', 'c');
    const [slow, fast] = [it.read({ follow: true }), it.read({ follow: true })];
    expect((await slow.next()).value?.text).toBe('a');
    it.end();
    expect(await texts(fast)).toEqual(['a', 'b', 'c']);
    expect(await texts(slow)).toEqual(['b', 'c']);
  });

  test('leaving by his signal, while he waits, before, and between two records', async () => {
    const it = begun('a', 'b');
    const leaving = new AbortController();
    const { signal } = leaving;
    const [waits, reads] = [
      it.read({ follow: true, from: 2, signal }),
      it.read({ follow: true, signal }),
    ];
    const waiting = waits.next();
    await reads.next();
    leaving.abort();
    const gone = { done: true, value: undefined };
    expect(await waiting).toEqual(gone);
    expect(await reads.next()).toEqual(gone);
    expect(await it.read({ follow: true, signal }).next()).toEqual(gone);
  });

  test('leaving, and coming again for exactly the rest', async () => {
    const it = begun('a', 'b', 'c');
    for await (const { number, text } of it.read({ follow: true })) {
      if (number < 1) continue;
      expect(text).toBe('b');
      break;
    }
    it.end();
    expect(await texts(it.read({ follow: true, from: 2 }))).toEqual(['c']);
  });

  test('getting what he has begun to read, though it is removed', async () => {
    const it = begun('a', 'b');
    const reader = it.read({ follow: true });
    await reader.next();
    it.end();
    rmSync(it.folder, { recursive: true });
    expect(await texts(reader)).toEqual(['b']);
  });

  test('meeting no fault when it is removed while he waits', async () => {
    const it = begun('a');
    const reader = it.read({ follow: true, from: 1 });
    const next = reader.next();
    rmSync(it.folder, { recursive: true });
    it.forget();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await it.read({ follow: true }).next()).toEqual({ done: true, value: undefined });
  });
});
