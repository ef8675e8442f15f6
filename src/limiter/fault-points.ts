/**
 * Fault points: the steps of the write path, named, so that a test can let the limiter crash before or
 * after each of them. A port that is absent in production.
 *
 *     client → mailbox → decide → change → journal → publish → reply → emit
 */
export const STEPS = [
  'mailbox',
  'decide',
  'change',
  'journal',
  'publish',
  'reply',
  'emit',
] as const;

/** Where the actors of sessions and runs can be let crash: before what they do there. */
export const LIFE_STEPS = [
  'session_active',
  'session_closing',
  'session_closed',
  'run_starting',
  'run_stopping',
  'run_ended',
] as const;

export type Step = (typeof STEPS)[number] | (typeof LIFE_STEPS)[number];
export type Moment = 'before' | 'after';

export interface FaultPoints {
  /** Called at each point. What it throws is a crash of the limiter's actor at that point. */
  reach(moment: Moment, step: Step): void;
}

/** The crash that `CrashAt` makes. */
export class InjectedCrash extends Error {
  override readonly name: string = 'InjectedCrash';
}

/** Crashes at one point, as often as it is armed, after letting it pass as often as asked. */
export class CrashAt implements FaultPoints {
  /** How often a crash was made. */
  crashes = 0;
  private moment: Moment | undefined = undefined;
  private step: Step | undefined = undefined;
  private passes = 0;
  private left = 0;

  /** The next `times` times that the point is reached, after `passes` times, the limiter crashes. */
  arm(moment: Moment, step: Step, times = 1, passes = 0): void {
    this.moment = moment;
    this.step = step;
    this.left = times;
    this.passes = passes;
  }

  disarm(): void {
    this.left = 0;
  }

  get isArmed(): boolean {
    return this.left > 0;
  }

  reach(moment: Moment, step: Step): void {
    if (this.left === 0 || moment !== this.moment || step !== this.step) return;
    if (this.passes > 0) this.passes -= 1;
    else this.crash();
  }

  private crash(): never {
    this.left -= 1;
    this.crashes += 1;
    throw new InjectedCrash(`a crash ${this.moment} ${this.step}, as ordered`);
  }
}
