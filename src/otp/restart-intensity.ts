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
  /** Times of restarts, oldest first; those before `first` are out of the window. */
  private times: number[] = [];
  private first = 0;

  constructor(intensity: RestartIntensity) {
    const { restarts, withinMs } = intensity;
    expectOption('restartIntensity.restarts', restarts, isWholeNumber, 'a whole number');
    expectOption('restartIntensity.withinMs', withinMs, isPositive, 'milliseconds above 0');
    this.intensity = intensity;
  }

  /** Counts a restart at `now`. False means that it is one too many. */
  add(now: number): boolean {
    this.times.push(now);
    this.forgetBefore(now - this.intensity.withinMs);
    return this.count <= this.intensity.restarts;
  }

  /** Restarts within the window, as counted last. */
  get count(): number {
    return this.times.length - this.first;
  }

  /** The window moves over the list, which is cut when half of it is past. */
  private forgetBefore(oldest: number): void {
    while ((this.times[this.first] ?? Infinity) < oldest) this.first += 1;
    if (this.first * 2 < this.times.length) return;
    this.times = this.times.slice(this.first);
    this.first = 0;
  }
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && value > 0;
}
