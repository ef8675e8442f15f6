/**
 * Reading the output of an attempt, record by record, from any of them on, also while it grows.
 *
 * A record is given when it is asked for: who is slow is waited for by nobody, and nothing is kept for him.
 * The files are the truth, so a reader that begins again at the record after the last one that he has seen
 * gets exactly the rest, in this process or in the next. Who reads when they are removed is given what was in
 * them then.
 */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OutputOptions, OutputRecord } from './executor.ts';
import { RECORD_BYTES, STREAMS } from './output-spool.ts';

/** A file system that tells of no changes is asked so often. */
const LOOK_EVERY_MS = 250;

/** `isOver`: nothing will come any more. */
export async function* readOutput(
  folder: string,
  { from = 0, follow = false, signal }: OutputOptions,
  isOver: () => boolean,
): AsyncGenerator<OutputRecord, void> {
  let files: OutputFiles | undefined;
  let next = from;
  const changes = new FolderChanges(folder);
  try {
    for (;;) {
      if (follow) changes.watch();
      // In this order: what was written before its end is there after it.
      const isLast = !follow || isOver();
      files ??= await OutputFiles.open(folder);
      for (let record = await files?.read(next); record; record = await files?.read(next)) {
        if (signal?.aborted) return;
        yield record;
        next += 1;
      }
      if (isLast || signal?.aborted) return;
      await changes.next(signal);
    }
  } finally {
    changes.close();
    await files?.close();
  }
}

/** Changes in a folder. One that comes while nobody waits is not lost. */
class FolderChanges {
  private readonly folder: string;
  private watcher: FSWatcher | undefined;
  private change = new AbortController();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Again is a no-op. Where it is removed, or the system has no watch to give, there is none. */
  watch(): void {
    try {
      this.watcher ??= watch(this.folder, () => this.change.abort()).on('error', () => {});
    } catch {
      // It is looked at from time to time.
    }
  }

  /** Resolves when something may have been written since the last time, at the latest after a while. */
  async next(signal: AbortSignal | undefined): Promise<void> {
    const { change } = this;
    const end = (): void => change.abort();
    signal?.addEventListener('abort', end, { once: true });
    await sleep(LOOK_EVERY_MS, undefined, { signal: change.signal }).catch(() => {});
    signal?.removeEventListener('abort', end);
    this.change = new AbortController();
  }

  close(): void {
    this.watcher?.close();
  }
}

class OutputFiles {
  private readonly folder: string;
  private readonly records: FileHandle;
  /** Those that were there, or have been asked for. */
  private readonly streams: (FileHandle | undefined)[] = [];

  private constructor(folder: string, records: FileHandle) {
    this.folder = folder;
    this.records = records;
  }

  /** `undefined` when nothing was printed yet, or it is removed. */
  static async open(folder: string): Promise<OutputFiles | undefined> {
    const records = await openIfThere(join(folder, 'records'));
    if (!records) return undefined;
    const files = new OutputFiles(folder, records);
    // At once: they may be removed while they are read.
    for (const index of STREAMS.keys()) await files.stream(index);
    return files;
  }

  /** `undefined` when it is not there yet. */
  async read(number: number): Promise<OutputRecord | undefined> {
    const record = Buffer.alloc(RECORD_BYTES);
    const position = number * RECORD_BYTES;
    if (!Number.isSafeInteger(position)) return undefined;
    const { bytesRead } = await this.records.read(record, 0, RECORD_BYTES, position);
    if (bytesRead < RECORD_BYTES) return undefined;
    const index = record.readUInt32LE(0);
    const [stream, file] = [STREAMS[index], await this.stream(index)];
    if (!stream || !file) return undefined;
    const bytes = Buffer.alloc(record.readUInt32LE(4));
    await file.read(bytes, 0, bytes.length, record.readDoubleLE(8));
    return { number, stream, at: record.readDoubleLE(16), bytes, text: bytes.toString('utf8') };
  }

  async close(): Promise<void> {
    await Promise.all([this.records, ...this.streams].map((file) => file?.close()));
  }

  /** It is made before the first record of it. */
  private async stream(index: number): Promise<FileHandle | undefined> {
    const name = STREAMS[index];
    if (name === undefined) return undefined;
    this.streams[index] ??= await openIfThere(join(this.folder, name));
    return this.streams[index];
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
