/**
 * Fencing tokens: safe integers that rise with every grant.
 *
 * On a memory journal they are unique within the process. A durable one gives them out in blocks, each
 * written down before the first of it is used, so no token comes twice, whatever ends in between; what
 * is left of a block at a process's end is never used.
 */
import type { DurableJournal } from '../journal/journal.ts';

const BLOCK = 1_000_000;
/** When so few are left, the next block is asked for, in good time before it is needed. */
const FEW = BLOCK / 2;

export class TokenSource {
  private last: number;
  /** The last of the block. */
  private end: number;
  private readonly journal: DurableJournal | undefined;

  /** Without a journal all numbers are one block. */
  constructor(journal?: DurableJournal) {
    this.journal = journal;
    this.last = 0;
    this.end = journal ? 0 : Number.MAX_SAFE_INTEGER;
  }

  next(): number {
    if (this.last === this.end) this.openBlock();
    this.last += 1;
    return this.last;
  }

  /** Asks for more when few are left. Throws what the journal throws; what is left can be used still. */
  replenish(): void {
    if (this.journal && this.end - this.last < FEW) this.openBlock();
  }

  /** Blocks follow each other, for a journal has one keeper; if not, the rest of the old one is left. */
  private openBlock(): void {
    const first = this.journal?.reserveTokens(BLOCK) ?? 0;
    if (first !== this.end + 1) this.last = first - 1;
    this.end = first + BLOCK - 1;
  }
}

/** For all limiters of the process that keep nothing. */
export const processTokens = new TokenSource();
