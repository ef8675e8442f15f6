/**
 * A clock on which time can pass without any timer being looked at, as on a machine whose process was
 * held: what is due fires late. All of it is simulated; nobody waits.
 */
import { SimulatedClock } from '../../src/testing.ts';

export class OversleepingClock extends SimulatedClock {
  private overslept = 0;

  override now(): number {
    return super.now() + this.overslept;
  }

  override monotonicNow(): number {
    return super.monotonicNow() + this.overslept;
  }

  /** Both readings go on by `ms`; every timer that is set fires so much later than it is due. */
  oversleep(ms: number): void {
    this.overslept += ms;
  }
}
