/**
 * The file of a journal: where it really is, whether it is one, and whether it is still the same.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { journalCorrupt, journalUnavailable } from './journal-faults.ts';
import { APPLICATION_ID } from './sqlite-schema.ts';

const MAGIC = 'SQLite format 3\0';
/** Where the header says how it is written and how it is read, in the same word: 1, or 2 with a log. */
const FORMATS_AT = 18;
/** Where the header says whose file it is. */
const APPLICATION_ID_AT = 68;
const FORMATS: ReadonlySet<number> = new Set([0x0101, 0x0202]);
const HEADER_BYTES = 100;
/** For its owner alone: what it holds names sessions, owners and labels. */
const MODE = 0o600;

export class JournalFile {
  /** Without symbolic links, so that one file has one lock, whatever way leads to it. */
  readonly path: string;

  constructor(path: string) {
    this.path = realPath(path);
  }

  get lockPath(): string {
    return `${this.path}-lock`;
  }

  get walPath(): string {
    return `${this.path}-wal`;
  }

  /**
   * Whether there is a journal. Throws `journal_corrupt` when it is another sort of file,
   * `journal_unavailable` when it cannot be read. An empty file is none.
   */
  exists(): boolean {
    const header = this.readHeader();
    if (header === undefined || header.length === 0) return false;
    const isDatabase = header.toString('latin1', 0, MAGIC.length) === MAGIC;
    if (!isDatabase || header.length < HEADER_BYTES) {
      throw journalCorrupt(this.path, 'is no SQLite database, or its beginning is damaged');
    }
    if (header.readUInt32BE(APPLICATION_ID_AT) !== APPLICATION_ID) {
      throw journalCorrupt(this.path, 'is a database of another program');
    }
    if (!FORMATS.has(header.readUInt16BE(FORMATS_AT))) {
      throw journalCorrupt(this.path, 'has a damaged header');
    }
    return true;
  }

  /** Makes the file with what `fill` writes into it. It appears at once and whole, or not at all. */
  create(fill: (path: string) => void): void {
    const unfinished = `${this.path}-new`;
    try {
      for (const ending of ['', '-wal', '-shm', '-journal']) {
        rmSync(`${unfinished}${ending}`, { force: true });
      }
      touch(unfinished, 'wx');
      fill(unfinished);
      sync(unfinished);
      renameSync(unfinished, this.path);
      sync(dirname(this.path));
    } catch (cause) {
      throw journalUnavailable(this.path, 'cannot be made', cause);
    }
  }

  /** Makes the file of the lock, if there is none. */
  touchLock(): void {
    try {
      touch(this.lockPath, 'a');
    } catch (cause) {
      throw journalUnavailable(this.path, 'cannot be locked: its folder is not writable', cause);
    }
  }

  /** Which file is there, now. */
  identity(): string | undefined {
    return identityOf(this.path);
  }

  walIdentity(): string | undefined {
    return identityOf(this.walPath);
  }

  private readHeader(): Buffer | undefined {
    let file: number;
    try {
      file = openSync(this.path, 'r');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // of the file system
      throw journalUnavailable(this.path, 'cannot be read', cause);
    }
    try {
      const header = Buffer.alloc(HEADER_BYTES);
      return header.subarray(0, readSync(file, header, 0, HEADER_BYTES, 0));
    } catch (cause) {
      throw journalUnavailable(this.path, 'cannot be read', cause);
    } finally {
      closeSync(file);
    }
  }
}

function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    if (existsSync(absolute)) return realpathSync(absolute);
    return join(realpathSync(dirname(absolute)), basename(absolute));
  } catch (cause) {
    throw journalUnavailable(absolute, 'has no folder: make it first', cause);
  }
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}

function touch(path: string, flags: string): void {
  closeSync(openSync(path, flags, MODE));
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
