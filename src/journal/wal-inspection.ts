/**
 * Whether a write-ahead log is damaged, or only ends in the middle of what a dying process wrote.
 *
 * SQLite reads a log up to the first frame whose checksum is wrong and silently forgets the rest. That
 * is right for a torn end. But each frame's checksum goes on from the one before it, so a frame behind
 * the break that fits the checksum that stands before it was written after it, whole. If one of those
 * ends a transaction, the break is no torn end but damage, and what stands behind it would be lost without
 * a word. If none does, they are what is left of a transaction that never came to its end and was partly
 * overwritten by the next.
 *
 * That holds because the writer does not spill its cache: of a transaction too large for it, SQLite would
 * write frames early, write over them and mend the checksums at the end, and a process that is killed in
 * between would leave what looks like damage.
 *
 * After a loss of power that tells nothing, for a log that is not synchronized at each commit may reach
 * the disk in any order; the caller knows.
 *
 * The format: https://www.sqlite.org/fileformat2.html#walformat
 */
import { readFileSync } from 'node:fs';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The last bit says in which order of bytes checksums are computed. */
const MAGIC = 0x377f0682;

type Checksum = readonly [number, number];

class Log {
  private readonly bytes: Buffer;
  private readonly isBigEndian: boolean;
  private readonly frameBytes: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.isBigEndian = (bytes.readUInt32BE(0) & 1) === 1;
    this.frameBytes = FRAME_HEADER_BYTES + bytes.readUInt32BE(8);
  }

  get hasGoodHeader(): boolean {
    const { bytes } = this;
    if ((bytes.readUInt32BE(0) & ~1) !== MAGIC) return false;
    const [first, second] = this.checksum([0, 0], 0, HEADER_BYTES - 8);
    return first === bytes.readUInt32BE(24) && second === bytes.readUInt32BE(28);
  }

  get frames(): number {
    return Math.floor((this.bytes.length - HEADER_BYTES) / this.frameBytes);
  }

  /** Whether a frame goes on from what stands before it. */
  fits(frame: number): boolean {
    return this.goesOnFrom(this.storedBefore(frame), frame);
  }

  /** The same, where it may be the checksum of the frame before that is damaged, and nothing else of it. */
  fitsBehind(broken: number): boolean {
    return this.fits(broken + 1) || this.goesOnFrom(this.sumOf(broken), broken + 1);
  }

  /** Whether it is the last of its transaction. */
  isCommit(frame: number): boolean {
    return this.bytes.readUInt32BE(this.startOf(frame) + 4) !== 0;
  }

  private goesOnFrom(seed: Checksum, frame: number): boolean {
    const at = this.startOf(frame);
    const { bytes } = this;
    if (!bytes.subarray(at + 8, at + 16).equals(bytes.subarray(16, 24))) return false;
    const [first, second] = this.sumOf(frame, seed);
    return first === bytes.readUInt32BE(at + 16) && second === bytes.readUInt32BE(at + 20);
  }

  /** The checksum that a frame should have. */
  private sumOf(frame: number, seed = this.storedBefore(frame)): Checksum {
    const at = this.startOf(frame);
    const head = this.checksum(seed, at, at + 8);
    return this.checksum(head, at + FRAME_HEADER_BYTES, at + this.frameBytes);
  }

  private storedBefore(frame: number): Checksum {
    const at = frame === 0 ? HEADER_BYTES - 8 : this.startOf(frame - 1) + 16;
    return [this.bytes.readUInt32BE(at), this.bytes.readUInt32BE(at + 4)];
  }

  private startOf(frame: number): number {
    return HEADER_BYTES + frame * this.frameBytes;
  }

  /** SQLite's: two sums over pairs of 32-bit words. */
  private checksum([first, second]: Checksum, from: number, to: number): Checksum {
    const { bytes, isBigEndian } = this;
    let one = first;
    let other = second;
    for (let at = from; at < to; at += 8) {
      const left = isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
      const right = isBigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4);
      one = (one + left + other) >>> 0;
      other = (other + right + one) >>> 0;
    }
    return [one, other];
  }
}

/** What is wrong with the log at `path`; `undefined` when nothing is, or there is none. */
export function damageOfLog(path: string): string | undefined {
  const bytes = readIfThere(path);
  if (bytes === undefined || bytes.length < HEADER_BYTES) return undefined;
  const log = new Log(bytes);
  if (!log.hasGoodHeader) return 'has a log (-wal) whose header is damaged';
  let broken = 0;
  while (broken < log.frames && log.fits(broken)) broken += 1;
  return isEndedBehind(log, broken)
    ? `has a log (-wal) that is damaged at frame ${broken + 1}`
    : undefined;
}

/** Whether a transaction has come to its end behind the break. */
function isEndedBehind(log: Log, broken: number): boolean {
  for (let frame = broken + 1; frame < log.frames; frame += 1) {
    const isWhole = frame === broken + 1 ? log.fitsBehind(broken) : log.fits(frame);
    if (isWhole && log.isCommit(frame)) return true;
  }
  return false;
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // of the file system
    throw error;
  }
}
