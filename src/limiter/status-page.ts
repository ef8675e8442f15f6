/**
 * The status page: the counts in memory that every thread can read without asking anybody.
 *
 * It is a SharedArrayBuffer of 32-bit cells under a seqlock. The writer, who is alone, makes the
 * sequence odd, writes the cells that have changed, and makes it even; who reads the same even sequence
 * before and after has read one moment. Only Atomics touch the cells, so no thread sees them out of
 * order. `Infinity` is written as -1. In its own thread the limiter gives a frozen object, made when
 * somebody asks and only if something has changed.
 *
 * An atomic store waits until all stores before it are done, and three of them cost as much as a grant.
 * So the page is written from the moment on at which somebody asks for its buffer: before, there is no
 * thread that could read it.
 */
import type { Limits } from '../slots/index.ts';
import {
  type Counts,
  LIMITER_STATES,
  type LimiterState,
  STORAGE_STATES,
  type Status,
  type StorageState,
  statusOf,
} from './status.ts';

/** The cells, by their place. `SEQUENCE` is twice the version, as far as 32 bits go; `EPOCH` the rest. */
export const CELL = {
  SEQUENCE: 0,
  EPOCH: 1,
  STATE: 2,
  STORAGE: 3,
  ACTIVE_SESSIONS: 4,
  ACTIVE_RUNS: 5,
  SESSIONLESS_RUNS: 6,
  WAITING_SESSIONS: 7,
  WAITING_RUNS: 8,
  MAX_SESSIONS: 9,
  MAX_RUNS: 10,
  RESTARTS: 11,
} as const;

const CELLS = 12;
/** Versions of one epoch: the sequence, which rises by two, stays within a positive 32-bit integer. */
const VERSIONS = 2 ** 30;

export class StatusPage {
  /** What the cells say; all there is until somebody asks for the buffer. */
  private readonly written = new Array<number>(CELLS).fill(0);
  private shared: Int32Array<SharedArrayBuffer> | undefined = undefined;
  private sequence = 0;
  private epoch = 0;
  private asked: Status | undefined = undefined;
  private limits: Limits | undefined = undefined;
  private state: LimiterState = 'recovering';
  private storage: StorageState = 'ok';

  /** The page in shared memory, made when it is first asked for: a thread that has it, sees it. */
  get buffer(): SharedArrayBuffer {
    this.shared ??= this.share();
    return this.shared.buffer;
  }

  get status(): Status {
    this.asked ??= statusOf(decodeCells(this.written, this.epoch, this.sequence));
    return this.asked;
  }

  /** Shows counts. Nothing is written that is the same. */
  publish(
    activeRuns: number,
    waitingRuns: number,
    sessionlessRuns: number,
    activeSessions: number,
    waitingSessions: number,
  ): void {
    const { written } = this;
    if (
      written[CELL.ACTIVE_RUNS] === activeRuns &&
      written[CELL.WAITING_RUNS] === waitingRuns &&
      written[CELL.SESSIONLESS_RUNS] === sessionlessRuns &&
      written[CELL.ACTIVE_SESSIONS] === activeSessions &&
      written[CELL.WAITING_SESSIONS] === waitingSessions
    ) {
      return;
    }
    written[CELL.ACTIVE_RUNS] = activeRuns;
    written[CELL.WAITING_RUNS] = waitingRuns;
    written[CELL.SESSIONLESS_RUNS] = sessionlessRuns;
    written[CELL.ACTIVE_SESSIONS] = activeSessions;
    written[CELL.WAITING_SESSIONS] = waitingSessions;
    this.show();
  }

  publishLimits(limits: Limits): void {
    if (limits === this.limits) return;
    this.limits = limits;
    this.written[CELL.MAX_SESSIONS] = encode(limits.maxParallelSessions);
    this.written[CELL.MAX_RUNS] = encode(limits.maxParallelRuns);
    this.show();
  }

  publishState(state: LimiterState, storage: StorageState, restarts: number): void {
    const isSame = state === this.state && storage === this.storage;
    if (isSame && restarts === this.written[CELL.RESTARTS]) return;
    this.state = state;
    this.storage = storage;
    this.written[CELL.STATE] = LIMITER_STATES.indexOf(state);
    this.written[CELL.STORAGE] = STORAGE_STATES.indexOf(storage);
    this.written[CELL.RESTARTS] = restarts;
    this.show();
  }

  /** What was written is a new version. */
  private show(): void {
    const changing = this.sequence + 1;
    this.sequence = (this.sequence + 2) % (2 * VERSIONS);
    if (this.sequence === 0) this.epoch += 1;
    this.asked = undefined;
    if (this.shared) this.write(this.shared, changing);
  }

  /** The sequence is odd while the cells change. */
  private write(shared: Int32Array<SharedArrayBuffer>, changing: number): void {
    Atomics.store(shared, CELL.SEQUENCE, changing);
    for (let cell = CELL.STATE as number; cell < CELLS; cell += 1) {
      const value = this.written[cell] as number; // all of them are there
      if (Atomics.load(shared, cell) !== value) Atomics.store(shared, cell, value);
    }
    Atomics.store(shared, CELL.EPOCH, this.epoch);
    Atomics.store(shared, CELL.SEQUENCE, this.sequence);
  }

  private share(): Int32Array<SharedArrayBuffer> {
    const cells = new Int32Array(new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT));
    this.written.forEach((value, cell) => {
      Atomics.store(cells, cell, value);
    });
    Atomics.store(cells, CELL.EPOCH, this.epoch);
    Atomics.store(cells, CELL.SEQUENCE, this.sequence);
    return cells;
  }
}

/** Reads a page from any thread. */
export interface StatusReader {
  /** The newest status that was complete. */
  read(): Status;
}

/** Tries before a reader gives the last good status: far beyond the 30 ns that a writer needs. */
const MOST_SPINS = 1_000;

/** Opens a limiter's `statusBuffer`, in its own thread or in any other. */
export function openStatusReader(buffer: SharedArrayBuffer): StatusReader {
  return new PageReader(buffer);
}

class PageReader implements StatusReader {
  private readonly cells: Int32Array;
  private readonly copy = new Array<number>(CELLS).fill(0);
  private last: Status | undefined = undefined;
  private lastSequence = -1;
  private lastEpoch = -1;

  constructor(buffer: SharedArrayBuffer) {
    this.cells = new Int32Array(buffer);
  }

  read(): Status {
    for (let spin = 0; spin < MOST_SPINS; spin += 1) {
      const sequence = Atomics.load(this.cells, CELL.SEQUENCE);
      if ((sequence & 1) === 0 && this.isRead(sequence)) break;
    }
    // Before the first complete page there is nothing better than what stands there.
    this.last ??= statusOf(decodeCells(this.copy, 0, 0));
    return this.last;
  }

  /** Reads one moment; false if the writer came between. */
  private isRead(sequence: number): boolean {
    const epoch = Atomics.load(this.cells, CELL.EPOCH);
    if (sequence === this.lastSequence && epoch === this.lastEpoch) return true;
    for (let cell = 0; cell < CELLS; cell += 1) this.copy[cell] = Atomics.load(this.cells, cell);
    if (Atomics.load(this.cells, CELL.SEQUENCE) !== sequence) return false;
    this.lastSequence = sequence;
    this.lastEpoch = epoch;
    this.last = statusOf(decodeCells(this.copy, epoch, sequence));
    return true;
  }
}

function decodeCells(cells: readonly number[], epoch: number, sequence: number): Counts {
  const cell = (place: number): number => cells[place] ?? 0;
  return {
    state: LIMITER_STATES[cell(CELL.STATE)] ?? 'recovering',
    storage: STORAGE_STATES[cell(CELL.STORAGE)] ?? 'ok',
    activeSessions: cell(CELL.ACTIVE_SESSIONS),
    activeRuns: cell(CELL.ACTIVE_RUNS),
    sessionlessRuns: cell(CELL.SESSIONLESS_RUNS),
    waitingSessions: cell(CELL.WAITING_SESSIONS),
    waitingRuns: cell(CELL.WAITING_RUNS),
    maxParallelSessions: decode(cell(CELL.MAX_SESSIONS)),
    maxParallelRuns: decode(cell(CELL.MAX_RUNS)),
    version: epoch * VERSIONS + sequence / 2,
    restarts: cell(CELL.RESTARTS),
  };
}

function encode(limit: number): number {
  return limit === Infinity ? -1 : limit;
}

function decode(cell: number): number {
  return cell === -1 ? Infinity : cell;
}
