/**
 * The output of a command, in files: `stdout` and `stderr` byte by byte as they came, and `records`, which
 * says in what order.
 *
 * A record is a piece of one of the two: 24 bytes in `records` (stream, length, offset, time), so that record
 * n is found without reading the others. A piece never ends within a UTF-8 character, unless the stream does.
 * What is above the caps, or cannot be written, is read and dropped, and said to be: a program that prints
 * without end is neither held up nor remembered.
 *
 * The records are bounded too: a program that prints byte by byte would make an index of 24 times its output.
 * Pieces are not merged, for whoever follows may have read the last record already.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { OutputStream, StreamReport } from './executor.ts';

export const STREAMS: readonly OutputStream[] = ['stdout', 'stderr'];

/** Bytes of a record in the file of records. */
export const RECORD_BYTES = 24;

/** As many records as any interactive program makes, */
const RECORDS_BASE = 100_000;
/** and one for so many bytes that may be kept: the index is at most three eighths of them then. */
const BYTES_PER_RECORD = 64;

export interface OutputReport {
  readonly stdout: StreamReport;
  readonly stderr: StreamReport;
  /** What the disk said when it took no more; `null` if it took all. */
  readonly fault: string | null;
}

export interface OutputLimits {
  readonly maxOutputBytes: number;
  readonly maxOutputLines: number;
}

const LINE_FEED = 0x0a;

export class OutputSpool {
  private readonly folder: string;
  private records: number | undefined;
  private readonly streams: Readonly<Record<OutputStream, StreamFile>>;
  private fault: string | null = null;
  private readonly maxRecords: number;
  private recorded = 0;

  /** Each file is made in `folder`, with the first that stands in it: many programs print nothing. */
  constructor(folder: string, limits: OutputLimits) {
    this.folder = folder;
    const file = (stream: OutputStream) => new StreamFile(join(folder, stream), limits);
    this.streams = { stdout: file('stdout'), stderr: file('stderr') };
    this.maxRecords = RECORDS_BASE + Math.floor(limits.maxOutputBytes / BYTES_PER_RECORD);
  }

  /** A piece has come. */
  add(stream: OutputStream, piece: Buffer): void {
    this.keep(stream, (file) => file.add(piece));
  }

  /** The stream has ended: what is left of a character is all there is of it. */
  end(stream: OutputStream): void {
    this.keep(stream, (file) => file.end());
  }

  /** A stream that was cut off has ended too. */
  close(): OutputReport {
    for (const stream of STREAMS) this.end(stream);
    for (const stream of STREAMS) this.streams[stream].close();
    if (this.records !== undefined) closeSync(this.records);
    return this.report;
  }

  get report(): OutputReport {
    const { stdout, stderr } = this.streams;
    return { stdout: stdout.report, stderr: stderr.report, fault: this.fault };
  }

  private keep(stream: OutputStream, write: (file: StreamFile) => Written | undefined): void {
    try {
      const written = write(this.streams[stream]);
      if (written) this.record(stream, written);
    } catch (error) {
      this.fault = (error as Error).message;
      this.keepNoMore();
    }
  }

  private keepNoMore(): void {
    for (const each of STREAMS) this.streams[each].isFull = true;
  }

  private record(stream: OutputStream, { offset, length }: Written): void {
    const record = Buffer.alloc(RECORD_BYTES);
    record.writeUInt32LE(STREAMS.indexOf(stream), 0);
    record.writeUInt32LE(length, 4);
    record.writeDoubleLE(offset, 8);
    record.writeDoubleLE(Date.now(), 16);
    // After the others, so who sees it sees them too.
    this.records ??= openNew(join(this.folder, 'records'));
    writeAll(this.records, record, this.recorded * RECORD_BYTES);
    this.recorded += 1;
    if (this.recorded >= this.maxRecords) this.keepNoMore();
  }
}

interface Written {
  readonly offset: number;
  readonly length: number;
}

class StreamFile {
  isFull = false;
  private readonly path: string;
  private descriptor: number | undefined;
  private readonly limits: OutputLimits;
  private bytes = 0;
  private bytesSeen = 0;
  private lines = 0;
  /** The beginning of a character whose end has not come. */
  private rest: Buffer = Buffer.alloc(0);

  constructor(path: string, limits: OutputLimits) {
    this.path = path;
    this.limits = limits;
  }

  get report(): StreamReport {
    const { bytes, bytesSeen, lines } = this;
    return { bytes, bytesSeen, lines, isTruncated: bytes < bytesSeen };
  }

  add(piece: Buffer): Written | undefined {
    this.bytesSeen += piece.length;
    if (this.isFull) return undefined;
    const all = this.rest.length > 0 ? Buffer.concat([this.rest, piece]) : piece;
    const whole = all.length - openCharacter(all);
    this.rest = Buffer.from(all.subarray(whole));
    return this.write(all.subarray(0, whole));
  }

  end(): Written | undefined {
    const { rest } = this;
    this.rest = Buffer.alloc(0);
    return this.write(rest);
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
  }

  private write(piece: Buffer): Written | undefined {
    if (this.isFull) return undefined;
    const kept = piece.subarray(0, this.room(piece));
    this.isFull = kept.length < piece.length;
    if (kept.length === 0) return undefined;
    const offset = this.bytes;
    this.descriptor ??= openNew(this.path);
    writeAll(this.descriptor, kept, offset);
    this.bytes += kept.length;
    return { offset, length: kept.length };
  }

  /** How many of these bytes may be kept. A cut is made between characters. */
  private room(piece: Buffer): number {
    const { maxOutputBytes, maxOutputLines } = this.limits;
    if (this.lines >= maxOutputLines) return 0;
    const most = Math.min(piece.length, maxOutputBytes - this.bytes);
    for (let at = 0; at < most; at += 1) {
      if (piece[at] !== LINE_FEED) continue;
      this.lines += 1;
      if (this.lines === maxOutputLines) return at + 1;
    }
    return most === piece.length ? most : most - openCharacter(piece.subarray(0, most));
  }
}

/** Its folder is made too where it is not there; that of the spool is, unless it was removed for good. */
function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { mode: 0o700 });
    return openSync(path, 'wx', 0o600);
  }
}

/** Bytes at the end that begin a UTF-8 character and do not end it. */
function openCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < lengthOf(byte) ? back : 0;
  }
  return 0;
}

function lengthOf(first: number): number {
  if (first >= 0xf8) return 1; // no UTF-8
  if (first >= 0xf0) return 4;
  return first >= 0xe0 ? 3 : 2;
}

/** A disk that takes a part of it will say why when it is given the rest. */
function writeAll(descriptor: number, bytes: Buffer, position: number): void {
  let done = 0;
  while (done < bytes.length) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  }
}
