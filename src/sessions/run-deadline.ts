/**
 * The time of a run's work is over.
 */
import { Deadline } from '../otp/deadlines.ts';
import type { Stop } from './outcome.ts';

const TIMED_OUT: Stop = { state: 'timed_out', reason: 'deadline', note: undefined };

export class RunDeadline extends Deadline {
  private readonly run: { stop(stop: Stop): void };

  constructor(run: { stop(stop: Stop): void }, dueAt: number) {
    super(dueAt);
    this.run = run;
  }

  override expire(): void {
    this.run.stop(TIMED_OUT);
  }
}
