/**
 * The output of a command in its files: whole characters, an order, caps, and what a full disk does.
 */
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OutputRecord } from '../../src/executors/executor.ts';
import { readOutput } from '../../src/executors/output-reader.ts';
import { type OutputLimits, OutputSpool } from '../../src/executors/output-spool.ts';
import { freshFolder } from '../support/journal-places.ts';
import { outputAt } from '../support/outputs.ts';
import { fillUp, mountTmpfs, testWithMount } from '../support/tmpfs.ts';

const LIMITS: OutputLimits = { maxOutputBytes: 1_000_000, maxOutputLines: 1_000_000 };

function spooled(limits: Partial<OutputLimits> = {}, folder = freshFolder()) {
  const spool = new OutputSpool(folder, { ...LIMITS, ...limits });
  const add = (text: string | Buffer) => spool.add('stdout', Buffer.from(text));
  const kept = () => outputAt(join(folder, 'stdout'));
  return { spool, folder, add, kept };
}

async function recordsIn(folder: string): Promise<OutputRecord[]> {
  const records: OutputRecord[] = [];
  for await (const record of readOutput(folder, {}, () => true)) records.push(record);
  return records;
}

const textsIn = async (folder: string) => (await recordsIn(folder)).map(({ text }) => text);

describe('a spool', () => {
  test('keeping both streams, and their order', async () => {
    const { spool, folder } = spooled();
    spool.add('stdout', Buffer.from('a'));
    spool.add('stderr', Buffer.from('b'));
    spool.add('stdout', Buffer.from('c'));
    const report = spool.close();
    const records = await recordsIn(folder);
    expect(records.map(({ number, stream, text }) => [number, stream, text])).toEqual([
      [0, 'stdout', 'a'],
      [1, 'stderr', 'b'],
      [2, 'stdout', 'c'],
    ]);
    expect(readFileSync(join(folder, 'stdout'), 'utf8')).toBe('ac');
    expect(report).toMatchObject({ stdout: { bytes: 2 }, stderr: { bytes: 1 }, fault: null });
  });

  test('being for nobody else to read', () => {
    const { spool, folder, add } = spooled();
    add('a');
    spool.add('stderr', Buffer.from('b'));
    for (const name of ['stdout', 'stderr', 'records']) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
  });

  test('not being written over by another', () => {
    const first = spooled();
    first.add('first');
    const second = spooled({}, first.folder);
    second.add('second');
    expect(second.spool.close().fault).toContain('EEXIST');
    expect(first.kept().toString()).toBe('first');
  });

  test('having no files where nothing was printed', async () => {
    const { spool, folder } = spooled();
    expect(spool.close()).toMatchObject({ stdout: { bytes: 0 }, fault: null });
    expect(readdirSync(folder)).toEqual([]);
    expect(await recordsIn(folder)).toEqual([]);
  });

  test('counting lines, whether or not the last one ends', () => {
    const { spool, add } = spooled();
    add('one\ntw');
    add('o\nthree');
    expect(spool.close().stdout).toEqual({
      bytes: 13,
      bytesSeen: 13,
      lines: 2,
      isTruncated: false,
    });
  });

  test('keeping nothing of nothing', async () => {
    const { spool, folder, add } = spooled();
    add('');
    expect(spool.close().stdout).toMatchObject({ bytes: 0, isTruncated: false });
    expect(await recordsIn(folder)).toEqual([]);
  });
});

describe('a character', () => {
  test('being whole in its record, wherever the pieces are cut', async () => {
    const text = 'aä€😀z';
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const { spool, folder, add } = spooled();
      add(bytes.subarray(0, cut));
      add(bytes.subarray(cut));
      spool.close();
      expect((await textsIn(folder)).join('')).toBe(text);
    }
  });

  test('being whole when it comes byte by byte', async () => {
    const { spool, folder, add } = spooled();
    for (const byte of Buffer.from('ä€😀')) add(Buffer.of(byte));
    spool.close();
    expect(await textsIn(folder)).toEqual(['ä', '€', '😀']);
  });

  test('being kept as it is when its end never comes', async () => {
    const { spool, folder, add, kept } = spooled();
    add(Buffer.from('x€').subarray(0, 3));
    spool.end('stdout');
    expect(spool.close().stdout).toMatchObject({ bytes: 3, isTruncated: false });
    expect(kept()).toEqual(Buffer.from('x€').subarray(0, 3));
    expect((await textsIn(folder)).join('')).toBe('x\uFFFD');
  });

  test('being kept as it is when the stream is cut off', () => {
    const { spool, add, kept } = spooled();
    add(Buffer.from('€').subarray(0, 2));
    expect(spool.close().stdout).toMatchObject({ bytes: 2, bytesSeen: 2, isTruncated: false });
    expect(kept()).toHaveLength(2);
  });

  test('being read as in one piece, whatever the bytes and the cuts', async () => {
    // Bytes that begin, go on with and break characters are as likely as all others together.
    const byte = fc.oneof(
      fc.constantFrom(0xf0, 0x9f, 0x98, 0x80, 0xe2, 0x82, 0xac, 0xc3, 0x41),
      fc.nat(255),
    );
    const pieces = fc.array(fc.array(byte, { maxLength: 6 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(pieces, async (all) => {
        const { spool, folder, add, kept } = spooled();
        for (const piece of all) add(Buffer.from(piece));
        spool.close();
        const whole = Buffer.from(all.flat());
        expect(kept()).toEqual(whole);
        expect((await textsIn(folder)).join('')).toBe(whole.toString('utf8'));
      }),
      { numRuns: 300, seed: 8 },
    );
  });
});

describe('a cap', () => {
  test.each([
    // Bytes that are kept at most, what comes, what is kept, whether that is all.
    [5, ['12345'], '12345', false],
    [5, ['123', '45'], '12345', false],
    [5, ['123456'], '12345', true],
    [5, ['12345', '6'], '12345', true],
    [5, ['12345', ''], '12345', false],
    [0, ['1'], '', true],
    [0, [], '', false],
    // A cut is made between characters.
    [5, ['ab€€'], 'ab€', true],
    [4, ['ab€'], 'ab', true],
    [4, ['ab€', 'c'], 'ab', true],
    [3, ['😀'], '', true],
  ] as const)('of %i bytes keeping of %j %j', (maxOutputBytes, pieces, kept, isTruncated) => {
    const spooling = spooled({ maxOutputBytes });
    for (const piece of pieces) spooling.add(piece);
    const { stdout } = spooling.spool.close();
    expect(spooling.kept().toString()).toBe(kept);
    expect(stdout).toMatchObject({ bytesSeen: Buffer.byteLength(pieces.join('')), isTruncated });
  });

  test.each([
    [2, ['a\nb\n'], 'a\nb\n', false],
    [2, ['a\nb\nc'], 'a\nb\n', true],
    [2, ['a\n', 'b', '\nc\n'], 'a\nb\n', true],
    [2, ['\n\n\n'], '\n\n', true],
    [1, ['no end'], 'no end', false],
    [0, ['a'], '', true],
  ] as const)('of %i lines keeping of %j %j', (maxOutputLines, pieces, kept, isTruncated) => {
    const spooling = spooled({ maxOutputLines });
    for (const piece of pieces) spooling.add(piece);
    expect(spooling.spool.close().stdout).toMatchObject({ isTruncated });
    expect(spooling.kept().toString()).toBe(kept);
  });

  test('being of each stream', () => {
    const { spool, add } = spooled({ maxOutputBytes: 3 });
    add('12345');
    spool.add('stderr', Buffer.from('abc'));
    const { stdout, stderr } = spool.close();
    expect(stdout).toMatchObject({ bytes: 3, isTruncated: true });
    expect(stderr).toMatchObject({ bytes: 3, isTruncated: false });
  });

  test('keeping nothing that comes after what was left out', () => {
    const { spool, add, kept } = spooled({ maxOutputBytes: 4 });
    add('ab€');
    add('c');
    spool.close();
    expect(kept().toString()).toBe('ab');
  });
});

describe('the number of records', () => {
  /** As many pieces of one byte, in turn on both streams. */
  function printedByteByByte(count: number, limits: Partial<OutputLimits> = {}) {
    const { spool, folder } = spooled(limits);
    const byte = Buffer.of(0x41);
    for (let at = 0; at < count; at += 1) spool.add(at % 2 === 0 ? 'stdout' : 'stderr', byte);
    const report = spool.close();
    return { report, folder, bytes: statSync(join(folder, 'records')).size };
  }

  test('being bounded by the bytes that may be kept, and what is above said to be cut', async () => {
    const most = 100_000 + Math.floor(6_400_000 / 64);
    const limits = { maxOutputBytes: 6_400_000 };
    const { report, bytes } = printedByteByByte(most + 11, limits);
    expect(bytes).toBe(most * 24);
    expect(report.stdout).toMatchObject({ bytes: most / 2, bytesSeen: most / 2 + 6 });
    expect(report.stderr).toMatchObject({ bytes: most / 2, bytesSeen: most / 2 + 5 });
    expect(report).toMatchObject({ stdout: { isTruncated: true }, stderr: { isTruncated: true } });
    expect(report.fault).toBeNull();
  });

  test('cutting nothing of what ends with the last of them', () => {
    const most = 100_000 + Math.floor(200_000 / 64);
    const { report } = printedByteByByte(most, { maxOutputBytes: 200_000 });
    const all = { isTruncated: false };
    expect(report).toMatchObject({ stdout: all, stderr: all });
    expect(report.stdout.bytes + report.stderr.bytes).toBe(most);
  });
});

describe('a spool that cannot be made', () => {
  const openFiles = (folder: string) =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
      } catch {
        return false; // that of the look itself
      }
    });

  test.each(['stdout', 'stderr', 'records'])('leaving no file open when there is a %s', (name) => {
    const folder = freshFolder();
    writeFileSync(join(folder, name), '');
    const { spool, add } = spooled({}, folder);
    add('lost');
    spool.add('stderr', Buffer.from('lost'));
    expect(spool.close().fault).toContain('EEXIST');
    expect(openFiles(folder)).toEqual([]);
  });
});

describe('a disk that is full', () => {
  testWithMount('being told, and all that comes then counted and dropped', () => {
    const folder = mountTmpfs('64k');
    const { spool, add, kept } = spooled({}, folder);
    add('before\n');
    fillUp(folder);
    add(Buffer.alloc(100_000, 'x'));
    add('after\n');
    spool.add('stderr', Buffer.from('lost'));
    const report = spool.close();
    expect(report.fault).toContain('ENOSPC');
    expect(report.stdout).toMatchObject({ bytes: 7, bytesSeen: 100_013, isTruncated: true });
    expect(report.stderr).toMatchObject({ bytes: 0, bytesSeen: 4, isTruncated: true });
    expect(kept().toString('utf8', 0, 7)).toBe('before\n');
  });

  testWithMount('leaving the records whole that were written before', async () => {
    const folder = mountTmpfs('64k');
    const { spool, add } = spooled({}, folder);
    add('before\n');
    fillUp(folder);
    add(Buffer.alloc(100_000, 'x'));
    spool.close();
    expect(await textsIn(folder)).toEqual(['before\n']);
  });
});
