/**
 * What the contract says of leases and of clocks that jump: when it is looked for what has run out. Who was
 * blocked, or asleep, for more than a second has one more second to renew. Plain data; it knows nothing of
 * the code under test.
 */
import type { Slot } from './slots-model.ts';

const JUMP_MS = 1_000;
const GRACE_MS = 1_000;

export class LeasesModel {
  /** How far the wall clock has moved by itself since it was looked at. */
  driftMs = 0;
  /** The end of the second that follows a jump. */
  private graceEndsAt = Infinity;
  /** From the moment at which something has run out until it was ended. */
  private isSweeping = false;

  nextDue(held: readonly Slot[]): number {
    const dues = held.map(({ expiresAt }) => expiresAt);
    return this.isSweeping ? this.graceEndsAt : Math.min(Infinity, ...dues);
  }

  /** What is to be done now. A jump is told, in a line. */
  lookAt(now: number, held: readonly Slot[]): { readonly isDue: boolean; readonly jump?: string } {
    const firstDue = this.nextDue(held);
    if (firstDue > now) return { isDue: false };
    if (this.isSweeping) return this.endGrace();
    const [lateMs, driftMs] = [now - firstDue, this.driftMs];
    this.driftMs = 0;
    this.isSweeping = true;
    if (lateMs <= JUMP_MS && Math.abs(driftMs) <= JUMP_MS) return { isDue: true };
    this.graceEndsAt = now + GRACE_MS;
    return { isDue: false, jump: `clock jumped, ${lateMs} ms late, ${driftMs} ms apart` };
  }

  /** What had run out has been ended; or all has. */
  swept(): void {
    this.isSweeping = false;
    this.graceEndsAt = Infinity;
  }

  private endGrace(): { readonly isDue: boolean } {
    this.graceEndsAt = Infinity;
    return { isDue: true };
  }
}
