/**
 * Restart intensity: how many restarts within which time a supervisor takes for bad luck. One more,
 * and the fault is taken for one that a restart does not cure: the supervisor gives up.
 */
import { expectOption, isWholeNumber } from './options.ts';

export interface RestartIntensity {
  readonly restarts: number;
  readonly withinMs: number;
}

/** Elixir's: enough for bad luck, too few for a loop. */
export const DEFAULT_RESTART_INTENSITY: RestartIntensity = { restarts: 3, withinMs: 5_000 };

export class RestartHistory {
  readonly intensity: RestartIntensity;
  private times: number[] = [];

  constructor(intensity: RestartIntensity) {
    const { restarts, withinMs } = intensity;
    expectOption('restartIntensity.restarts', restarts, isWholeNumber, 'a whole number');
    expectOption('restartIntensity.withinMs', withinMs, isPositive, 'milliseconds above 0');
    this.intensity = intensity;
  }

  /** Counts a restart at `now`. False means that it is one too many. */
  add(now: number): boolean {
    const oldest = now - this.intensity.withinMs;
    this.times = this.times.filter((time) => time >= oldest);
    this.times.push(now);
    return this.times.length <= this.intensity.restarts;
  }

  /** Restarts within the window, as counted last. */
  get count(): number {
    return this.times.length;
  }
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && value > 0;
}
