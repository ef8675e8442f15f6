/**
 * The limiter's events, published on `node:diagnostics_channel` after the answer they tell of. A
 * channel that nobody listens to costs one property read. `src/telemetry` describes each field.
 */
import { type EventChannel, eventChannel } from '../otp/event-channel.ts';
import type { EndReason, Labels, Limits, RefusalCode, Scope } from '../slots/index.ts';

export interface SessionSlotGranted {
  readonly sessionId: string;
  readonly token: number;
  readonly owner: string | undefined;
  readonly labels: Labels | undefined;
  /** Milliseconds from the beginning of the wait; 0 for who did not wait. */
  readonly waitedMs: number;
}
export interface RunSlotGranted extends SessionSlotGranted {
  readonly runId: string;
  readonly kind: string | undefined;
}
export interface SessionSlotRefused {
  readonly sessionId: string;
  readonly code: RefusalCode;
  readonly limit: number | undefined;
  readonly active: number | undefined;
  readonly scope: Scope | undefined;
  readonly owner: string | undefined;
  readonly waitedMs: number;
}
export interface RunSlotRefused extends SessionSlotRefused {
  readonly runId: string;
  readonly kind: string | undefined;
}
export interface SessionSlotEnded {
  readonly sessionId: string;
  readonly token: number;
  readonly reason: EndReason;
  readonly owner: string | undefined;
  /** Milliseconds from its grant. */
  readonly heldMs: number;
}
export interface RunSlotEnded extends SessionSlotEnded {
  readonly runId: string;
  readonly kind: string | undefined;
}
export interface LimitsChanged {
  readonly limits: Limits;
}
export interface LimiterRestarted {
  /** How often it was restarted in its life, this one included. */
  readonly restarts: number;
  readonly heldSessions: number;
  readonly heldRuns: number;
  /** Calls that the crash had left without an answer, and that are served again. */
  readonly resumedCalls: number;
}

const limiterChannel = <Event extends object>(name: string): EventChannel<Event> =>
  eventChannel(`slotkeeper.limiter.${name}`);

export const sessionSlotGranted = limiterChannel<SessionSlotGranted>('session_slot_granted');
export const sessionSlotRefused = limiterChannel<SessionSlotRefused>('session_slot_refused');
export const sessionSlotEnded = limiterChannel<SessionSlotEnded>('session_slot_ended');
export const runSlotGranted = limiterChannel<RunSlotGranted>('run_slot_granted');
export const runSlotRefused = limiterChannel<RunSlotRefused>('run_slot_refused');
export const runSlotEnded = limiterChannel<RunSlotEnded>('run_slot_ended');
export const limitsChanged = limiterChannel<LimitsChanged>('limits_changed');
export const limiterRestarted = limiterChannel<LimiterRestarted>('limiter_restarted');

/** All of them by name. */
export const limiterChannels = {
  session_slot_granted: sessionSlotGranted,
  session_slot_refused: sessionSlotRefused,
  session_slot_ended: sessionSlotEnded,
  run_slot_granted: runSlotGranted,
  run_slot_refused: runSlotRefused,
  run_slot_ended: runSlotEnded,
  limits_changed: limitsChanged,
  limiter_restarted: limiterRestarted,
} as const;

export type LimiterChannels = typeof limiterChannels;
