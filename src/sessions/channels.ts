/**
 * The events of sessions and runs, on `node:diagnostics_channel`. Each is told once, after it is true.
 */
import { type EventChannel, eventChannel } from '../otp/event-channel.ts';
import type { RunState, StopReason } from './outcome.ts';
import type { CloseReason } from './session-core.ts';

export interface SessionOpened {
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly token: number;
  readonly isDurable: boolean;
  /** Whether it has outlived its last process. */
  readonly isRestored: boolean;
}
export interface SessionClosed {
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly reason: CloseReason;
  /** Milliseconds from its opening. */
  readonly lifetimeMs: number;
}
export interface RunQueued {
  readonly sessionId: string;
  readonly runId: string;
}
export interface RunStarted {
  readonly sessionId: string;
  readonly runId: string;
  readonly token: number;
  /** Milliseconds that it waited for its slot. */
  readonly waitedMs: number;
}
export interface RunStuck {
  readonly sessionId: string;
  readonly runId: string;
  readonly state: RunState;
}
export interface RunEnded {
  readonly sessionId: string;
  readonly runId: string;
  readonly kind: string | undefined;
  readonly state: RunState;
  readonly reason: StopReason | undefined;
  /** Milliseconds from the start of its work; `undefined` for a run that never started. */
  readonly workedMs: number | undefined;
}

const sessionChannel = <Event extends object>(name: string): EventChannel<Event> =>
  eventChannel(`slotkeeper.sessions.${name}`);

export const sessionOpened = sessionChannel<SessionOpened>('session_opened');
export const sessionClosed = sessionChannel<SessionClosed>('session_closed');
export const runQueued = sessionChannel<RunQueued>('run_queued');
export const runStarted = sessionChannel<RunStarted>('run_started');
export const runStuck = sessionChannel<RunStuck>('run_stuck');
export const runEnded = sessionChannel<RunEnded>('run_ended');

/** All of them by name. */
export const sessionChannels = {
  session_opened: sessionOpened,
  session_closed: sessionClosed,
  run_queued: runQueued,
  run_started: runStarted,
  run_stuck: runStuck,
  run_ended: runEnded,
} as const;

export type SessionChannels = typeof sessionChannels;
