/**
 * The file of a journal: where it really is, whether it is one, and whether it is still the same.
 */
import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
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

/**
 * Journals that this process has. Who opens and closes a file gives back all the locks that his process
 * has on it, whichever of its files took them: so POSIX wants it. SQLite knows, Node does not.
 */
const inUseHere = new Set<string>();

export class JournalFile {
  /** Without symbolic links, so that one file has one lock, whatever way leads to it. */
  readonly path: string;
  private used: string | undefined = undefined;

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
   * `journal_unavailable` when it cannot be read. An empty file is none, but not if there is a log: it
   * would be played into the new one.
   */
  exists(): boolean {
    if (this.isInUseHere) return true;
    const header = this.readHeader();
    if (header === undefined || header.length === 0) {
      this.expectNoLog();
      return false;
    }
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
      removeWithLogs(unfinished);
      touch(unfinished, 'wx');
      fill(unfinished);
      sync(unfinished);
      renameSync(unfinished, this.path);
      sync(dirname(this.path));
    } catch (cause) {
      removeWithLogs(unfinished);
      throw journalUnavailable(this.path, 'cannot be made: look at its folder and its disk', cause);
    }
  }

  /** This process has it from now on, until `endUse`. */
  beginUse(): void {
    this.used = this.identity();
    if (this.used !== undefined) inUseHere.add(this.used);
  }

  endUse(): void {
    if (this.used !== undefined) inUseHere.delete(this.used);
  }

  /** Makes the file of the lock, if there is none. One that is there is not even opened, see above. */
  touchLock(): void {
    try {
      touch(this.lockPath, 'wx');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return; // of the file system
      throw journalUnavailable(this.path, 'cannot be locked: its folder is not writable', cause);
    }
  }

  /** Which file is there, now. */
  identity(): string | undefined {
    return identityOf(this.path);
  }

  lockIdentity(): string | undefined {
    return identityOf(this.lockPath);
  }

  walIdentity(): string | undefined {
    return identityOf(this.walPath);
  }

  private get isInUseHere(): boolean {
    const identity = this.identity();
    return identity !== undefined && inUseHere.has(identity);
  }

  /** Whether there is a log with something in it. Who only reads may leave an empty one. */
  hasLog(): boolean {
    return (statSync(this.walPath, { throwIfNoEntry: false })?.size ?? 0) > 0;
  }

  private expectNoLog(): void {
    if (!this.hasLog()) return;
    throw journalCorrupt(this.path, `is missing or empty, but its log ${this.walPath} is there`);
  }

  private readHeader(): Buffer | undefined {
    const found = statSync(this.path, { throwIfNoEntry: false });
    if (!found) return undefined;
    // A pipe would be waited for.
    if (!found.isFile()) throw journalUnavailable(this.path, 'is no file: give the path of a file');
    try {
      return readFirst(this.path, HEADER_BYTES);
    } catch (cause) {
      throw journalUnavailable(this.path, 'cannot be read: look at its rights', cause);
    }
  }
}

/** Without symbolic links, those included that lead to what is not there yet. */
function realPath(path: string): string {
  const place = placeOf(resolve(path));
  return isLink(place) ? realPath(resolve(dirname(place), readlinkSync(place))) : place;
}

function placeOf(path: string): string {
  try {
    if (statSync(path, { throwIfNoEntry: false })) return realpathSync(path);
    return join(realpathSync(dirname(path)), basename(path));
  } catch (cause) {
    if (isMissing(cause)) throw journalUnavailable(path, 'has no folder: make it first', cause);
    throw journalUnavailable(path, 'cannot be found: look at its folders and links', cause);
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'; // of the file system
}

function readFirst(path: string, count: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(count);
    return bytes.subarray(0, readSync(file, bytes, 0, count, 0));
  } finally {
    closeSync(file);
  }
}

function removeWithLogs(path: string): void {
  for (const ending of ['', '-wal', '-shm', '-journal']) {
    rmSync(`${path}${ending}`, { force: true });
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
