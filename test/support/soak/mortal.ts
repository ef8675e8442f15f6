/**
 * Holders of slots, each of which dies once.
 */
import type { HolderTarget } from 'slotkeeper';

export class Mortal {
  readonly name: string;
  /** What the limiter is told; `undefined` for a thread, which needs not be named. */
  readonly target: HolderTarget | undefined;
  /** What lists call it, if it has a name. */
  readonly label: string | null;
  /** When it died, as a number among all that was done; 0 while it lives. */
  diedAt = 0;
  private readonly end: () => unknown;

  constructor(
    name: string,
    end: () => unknown,
    target?: HolderTarget,
    label: string | null = null,
  ) {
    this.name = name;
    this.label = label;
    this.target = target;
    this.end = end;
  }

  get isAlive(): boolean {
    return this.diedAt === 0;
  }

  /** Resolves when it is dead; what that brings comes later. */
  async die(number: number): Promise<void> {
    this.diedAt = number;
    await this.end();
  }
}
