/**
 * Who waits for an answer: a call, or a job that waits without one.
 */
import type { RunEntry, SessionEntry } from '../slots/index.ts';
import { AcquireCall, type AcquireRunCall, type AcquireSessionCall } from './calls.ts';
import { WaitingJob } from './waiting-job.ts';

/** What the limiter has to know of him. */
export interface Caller {
  /** What he waits for, or was given. */
  entry: RunEntry | SessionEntry | undefined;
  /** What was decided, until it is told: an error is a refusal. */
  decided: unknown;
  /** Whether he stands in the queue. */
  readonly isWaiting: boolean;
  /** Whether he has had his answer. */
  readonly isSettled: boolean;
  /** What he was answered; `undefined` before. */
  readonly answered: unknown;
  /** Tells him what was decided; false when he has had his answer. */
  tell(): boolean;
  /** Fails him; false when he has had his answer. */
  rejectWith(error: unknown): boolean;
  /** Ends his wait if it is past its deadline; true if it did. */
  expireIfDue(): boolean;
}

/** Who asks for a slot. */
export type Acquirer = AcquireRunCall | AcquireSessionCall | WaitingJob;

/** What a caller asks for who can wait, or be refused. */
export function requestOf(caller: Caller): Acquirer {
  return caller as Acquirer; // nobody else waits, or is refused a slot
}

export function isAcquirer(request: unknown): request is Acquirer {
  return request instanceof AcquireCall || request instanceof WaitingJob;
}
