/**
 * How a run ends: what came first counts. It was stopped; its work has ended by itself; or its actor has
 * crashed, and nobody had decided before.
 */
import type { WorkEnd } from '../executors/executor.ts';
import {
  type RunOutcome,
  type Stop,
  type StopReason,
  type StopState,
  stoppedError,
  stoppedOutcome,
} from './outcome.ts';
import { stopFor } from './stops.ts';

const ORPHANED: Stop = { state: 'interrupted', reason: 'orphaned', note: undefined };

export class RunEnd {
  private readonly runId: string;
  private stop: Stop | undefined = undefined;
  private work: WorkEnd | undefined = undefined;
  /** What the work has come to that was stopped. */
  private lateValue: unknown = undefined;
  /** Why its actor is gone before its time. */
  crash: Error | undefined = undefined;

  constructor(runId: string) {
    this.runId = runId;
  }

  get isDecided(): boolean {
    return this.stop !== undefined || this.work !== undefined || this.crash !== undefined;
  }

  get isStopped(): boolean {
    return this.stop !== undefined;
  }

  stopped(stop: Stop): void {
    if (!this.isDecided) this.stop = stop;
  }

  workEnded(end: WorkEnd): void {
    if (!this.isDecided) this.work = end;
    else if ('value' in end) this.lateValue = end.value;
  }

  get state(): StopState | WorkEnd['state'] {
    return this.stop?.state ?? this.work?.state ?? (this.crash ? 'failed' : 'interrupted');
  }

  /** Why it was ended, if it was. */
  get reason(): StopReason | undefined {
    return this.work?.state === 'interrupted' ? ORPHANED.reason : this.stop?.reason;
  }

  get outcome(): RunOutcome {
    const { runId, stop, work, crash, lateValue } = this;
    if (stop) return { ...stoppedOutcome(runId, stop, crash), ...said(lateValue) };
    if (work?.state === 'interrupted') {
      return { ...stoppedOutcome(runId, ORPHANED), ...said(work.value) };
    }
    if (work) return work;
    if (crash) return { state: 'failed', error: crash };
    return stoppedOutcome(runId, stopFor('stopped'));
  }

  /** What its work is told when it is to end. */
  get fault(): Error {
    if (this.stop) return stoppedError(this.runId, this.stop);
    return this.crash ?? stoppedError(this.runId, stopFor('stopped'));
  }
}

function said(value: unknown): { value?: unknown } {
  return value === undefined ? {} : { value };
}
