/**
 * Why runs are ended: by the end of their slots, by the end of their sessions, and by a keeper that has died since.
 */
import type { StopNote } from '../executors/executor.ts';
import { type EndReason, RefusalError } from '../limiter/index.ts';
import type { WaitEndCode } from '../limiter/slot-work.ts';
import { type Stop, type StopReason, type StopState, stopReasons } from './outcome.ts';
import type { CloseReason } from './session-core.ts';

/** What a run makes of the end of its slot, or of being asked for it. */
export function stopFor(reason: EndReason): Stop {
  switch (reason) {
    case 'cascade':
      return stop('cancelled', 'session_released');
    case 'stopped':
    case 'interrupted':
      return stop('interrupted', 'stopped');
    default:
      return stop('cancelled', reason);
  }
}

/** What the runs of a session make of its end. */
export function stopOfRunsOf(reason: CloseReason): Stop {
  switch (reason) {
    case 'released':
      return stop('cancelled', 'session_released');
    case 'idle_timeout':
    case 'max_lifetime':
      return stop('cancelled', reason);
    case 'crashed':
      return stop('interrupted', 'session_crashed');
    case 'shutdown':
      return stop('interrupted', 'shutdown');
  }
}

/** A wait that ended without a slot. */
export function stopOfRefusal(fault: unknown, signal: AbortSignal | undefined): Stop {
  if (signal?.aborted && fault === signal.reason) return stop('cancelled', 'aborted');
  return stopOfWait(fault instanceof RefusalError ? fault.code : 'stopped');
}

/** The same, as the limiter calls it. */
export function stopOfWait(code: WaitEndCode): Stop {
  switch (code) {
    case 'stopped':
      return stop('interrupted', 'stopped');
    case 'wait_timeout':
      return stop('timed_out', 'wait_timeout');
    case 'session_released':
    case 'withdrawn':
    case 'draining':
      return stop('cancelled', code);
    default:
      return stop('cancelled', 'refused');
  }
}

/** What a keeper had written down that died before the work was gone. It may have known other words. */
export function stopOfNote({ state, reason, note }: StopNote): Stop {
  if (!isStopState(state) || !isStopReason(reason)) return stop('interrupted', 'stopped');
  return { state, reason, note };
}

function isStopState(state: string): state is StopState {
  return ['cancelled', 'timed_out', 'interrupted'].includes(state);
}

function isStopReason(reason: string): reason is StopReason {
  return Object.hasOwn(stopReasons, reason);
}

function stop(state: StopState, reason: StopReason): Stop {
  return { state, reason, note: undefined };
}
