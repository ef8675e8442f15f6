/**
 * Where the rows of the results go: a file, or standard output, one JSON object per line.
 *
 * They are written one after the other, beside the event loop: a reader that does not read holds up nobody's
 * deadline. What cannot be written is told once; the work is not lost by it, its results are.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SlotkeeperError } from '../../fault.ts';
import type { ResultRow } from './result-row.ts';

const STANDARD_OUTPUT = 1;
/** Jobs that end together have their rows written together. */
const GATHER_MS = 10;
/** Another process may have made the pipe one that does not wait. */
const TRY_AGAIN_MS = 10;

const writeTo = promisify(write);

export class Results {
  private readonly descriptor: number;
  private readonly name: string;
  private rows: string[] = [];
  private writing: Promise<void> | undefined = undefined;
  private hasFailed = false;
  private readonly failed: (fault: SlotkeeperError) => void;

  /** `path`: a file; without one standard output. Throws `results_unavailable`. */
  constructor(path: string | undefined, failed: (fault: SlotkeeperError) => void) {
    this.name = path ?? 'standard output';
    this.descriptor = path === undefined ? STANDARD_OUTPUT : this.open(path);
    this.failed = failed;
  }

  /** The file is begun anew: not before it is sure that there is work, and that it is nobody else's. */
  begin(): void {
    const isOurs = this.descriptor !== STANDARD_OUTPUT && fstatSync(this.descriptor).isFile();
    if (isOurs) ftruncateSync(this.descriptor);
  }

  add(row: ResultRow): void {
    if (this.hasFailed) return;
    this.rows.push(`${JSON.stringify(row)}\n`);
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined;
    });
  }

  /** Resolves when all rows are written. */
  async close(): Promise<void> {
    await this.writing;
    if (this.descriptor !== STANDARD_OUTPUT) closeSync(this.descriptor);
  }

  private async writeAll(): Promise<void> {
    try {
      while (this.rows.length > 0) {
        await sleep(GATHER_MS);
        const rows = this.rows;
        this.rows = [];
        await this.writeWhole(Buffer.from(rows.join('')));
      }
    } catch (error) {
      this.hasFailed = true;
      this.failed(this.unavailable(error));
    }
  }

  private async writeWhole(bytes: Buffer): Promise<void> {
    let done = 0;
    while (done < bytes.length) done += await this.writePart(bytes.subarray(done));
  }

  private async writePart(bytes: Buffer): Promise<number> {
    try {
      const { bytesWritten } = await writeTo(this.descriptor, bytes);
      return bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await sleep(TRY_AGAIN_MS);
      return 0;
    }
  }

  private open(path: string): number {
    try {
      return openSync(path, 'a', 0o600);
    } catch (error) {
      throw this.unavailable(error);
    }
  }

  private unavailable(error: unknown): SlotkeeperError<'results_unavailable'> {
    const text = `The results cannot be written to ${this.name}: ${(error as Error).message}`; // of node:fs
    return new SlotkeeperError('results_unavailable', text, { path: this.name }, error);
  }
}
