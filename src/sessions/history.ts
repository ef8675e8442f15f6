/**
 * What was ordered of a run, in order. An order that changed nothing is not in it: cancelling twice is one
 * record, and a run that has ended gets no more.
 */
import type { Clock } from '../otp/index.ts';

export type ControlOperation = 'cancel' | 'interrupt' | 'pause' | 'resume';

export interface ControlRecord {
  readonly operation: ControlOperation;
  /** UTC epoch milliseconds. */
  readonly at: number;
  /** What was said with it. */
  readonly note: string | undefined;
}

/** Who pauses and resumes for ever is remembered for a while. */
const MOST = 100;

export class History {
  private readonly clock: Clock;
  private list: ControlRecord[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get records(): readonly ControlRecord[] {
    return this.list;
  }

  add(operation: ControlOperation, note: string | undefined): void {
    const record = Object.freeze({ operation, at: Math.round(this.clock.now()), note });
    this.list = [...this.list.slice(1 - MOST), record];
  }
}
