/**
 * Reading the output of an attempt, record by record, from any of them on, also while it grows.
 *
 * A record is given when it is asked for: who is slow is waited for by nobody, and nothing is kept for him.
 * The files are the truth, so a reader that begins again at the record after the last one that he has seen
 * gets exactly the rest, in this process or in the next.
 */
import { existsSync, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptFolder } from './attempt-folder.ts';
import type { OutputOptions, OutputRecord } from './executor.ts';
import { RECORD_BYTES, STREAMS } from './output-spool.ts';

/** A file system that tells of no changes is asked so often. */
const LOOK_EVERY_MS = 250;

export async function* readOutput(
  folder: AttemptFolder,
  { from = 0, follow = false, signal }: OutputOptions = {},
): AsyncGenerator<OutputRecord, void> {
  let files: OutputFiles | undefined;
  let next = from;
  try {
    for (;;) {
      // In this order: what was written before its end is there after it.
      const isOver = !follow || folder.end !== undefined;
      files ??= await OutputFiles.open(folder);
      for (let record = await files?.read(next); record; record = await files?.read(next)) {
        if (signal?.aborted) return;
        yield record;
        next += 1;
      }
      if (isOver || signal?.aborted) return;
      await change(folder, signal);
    }
  } finally {
    await files?.close();
  }
}

/** Resolves when something may have been written, at the latest after a while. */
async function change(folder: AttemptFolder, signal: AbortSignal | undefined): Promise<void> {
  const over = new AbortController();
  const watcher = watch(folder.path, () => over.abort());
  const end = (): void => over.abort();
  watcher.on('error', () => {});
  signal?.addEventListener('abort', end, { once: true });
  await sleep(LOOK_EVERY_MS, undefined, { signal: over.signal }).catch(() => {});
  signal?.removeEventListener('abort', end);
  watcher.close();
}

class OutputFiles {
  private readonly records: FileHandle;
  private readonly streams: readonly FileHandle[];

  private constructor(records: FileHandle, streams: readonly FileHandle[]) {
    this.records = records;
    this.streams = streams;
  }

  /** `undefined` when it has not begun. */
  static async open(folder: AttemptFolder): Promise<OutputFiles | undefined> {
    // The last that is made, so the others are there.
    if (!existsSync(join(folder.path, 'records'))) return undefined;
    const file = (name: string) => open(join(folder.path, name), 'r');
    return new OutputFiles(await file('records'), await Promise.all(STREAMS.map(file)));
  }

  /** `undefined` when it is not there yet. */
  async read(number: number): Promise<OutputRecord | undefined> {
    const record = Buffer.alloc(RECORD_BYTES);
    const { bytesRead } = await this.records.read(record, 0, RECORD_BYTES, number * RECORD_BYTES);
    if (bytesRead < RECORD_BYTES) return undefined;
    const index = record.readUInt32LE(0);
    const [stream, file] = [STREAMS[index], this.streams[index]];
    if (!stream || !file) return undefined;
    const bytes = Buffer.alloc(record.readUInt32LE(4));
    await file.read(bytes, 0, bytes.length, record.readDoubleLE(8));
    return { number, stream, at: record.readDoubleLE(16), bytes, text: bytes.toString('utf8') };
  }

  async close(): Promise<void> {
    await Promise.all([this.records, ...this.streams].map((file) => file.close()));
  }
}
