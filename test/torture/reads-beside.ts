/**
 * A journal that is read while it is hammered: what was answered before a read is in it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalReport } from '../../src/journal/journal-reader.ts';
import type { Chance } from './chance.mjs';
import { missingIn } from './comparison.ts';
import type { KnownSlot, Ledger } from './ledger.ts';

/** Milliseconds. */
const LONGEST_BETWEEN = 100;

export class ReadsBeside {
  readonly reports: JournalReport[] = [];
  private readonly read: () => JournalReport | undefined;
  private readonly ledger: Ledger;
  /** What was held when a read began, and was not in it. */
  private readonly missing: KnownSlot[] = [];
  /** What had ended when a read began, and was in it still. */
  private readonly undead: KnownSlot[] = [];

  constructor(read: () => JournalReport | undefined, ledger: Ledger) {
    this.read = read;
    this.ledger = ledger;
  }

  /** Reads now and then, until the time is over. */
  async go(forMs: number, chance: Chance): Promise<void> {
    for (let left = forMs; left > 0; ) {
      const ms = Math.min(left, 1 + chance.below(LONGEST_BETWEEN));
      await sleep(ms);
      left -= ms;
      this.readOnce();
    }
  }

  /** When all that was said is known: what was missing must have been asked to end meanwhile. */
  get wrongs(): string[] {
    const lost = this.missing.filter(({ state }) => state === 'held');
    return [
      ...lost.map(({ token }) => `Token ${token} was granted and not to be read`),
      ...this.undead.map(({ token }) => `Token ${token} had ended and was still to be read`),
    ];
  }

  private readOnce(): void {
    const told = [...this.ledger.slots.values()];
    const held = told.filter(({ state }) => state === 'held');
    const ended = told.filter(({ state }) => state === 'ended');
    const report = this.read();
    if (!report) return;
    this.reports.push(report);
    this.missing.push(...missingIn(report, held));
    const gone = new Set(missingIn(report, ended));
    this.undead.push(...ended.filter((slot) => !gone.has(slot)));
  }
}
