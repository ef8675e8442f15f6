/**
 * The limiter's events, published on `node:diagnostics_channel` after the answer they tell of. A
 * channel that nobody listens to costs one property read. `src/telemetry` describes each field.
 */
import { type EventChannel, type EventOf, eventChannel } from '../otp/event-channel.ts';
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
  /** What was said of an eviction. */
  readonly note: string | undefined;
}
export interface ClockJumped {
  /** How late a timer came, in milliseconds. */
  readonly lateMs: number;
  /** How far the wall clock has moved against the monotonic one, in milliseconds. */
  readonly driftMs: number;
}
export interface DrainStarted {
  readonly heldRuns: number;
  /** Ids that waited and were refused. */
  readonly refusedWaiters: number;
}
export interface DrainEnded {
  readonly drained: boolean;
  readonly heldRuns: number;
}
export interface Resumed {
  readonly heldRuns: number;
}
export interface SlotLostTrack {
  readonly sessionId: string;
  readonly runId: string | undefined;
  readonly token: number;
  /** Where it was acquired: a stack. */
  readonly acquiredAt: string;
}
export interface StorageDegraded {
  /** The journal's file, or whatever its adapter is called. */
  readonly journal: string;
  /** What the failed commit said. */
  readonly reason: string;
}
export interface StorageRecovered {
  readonly journal: string;
  /** Milliseconds during which nothing could be written. */
  readonly degradedMs: number;
  /** Changes that had waited for it. */
  readonly written: number;
}
export interface JournalRecovered {
  readonly journal: string;
  /** Slots that have outlived the last process and are held again. */
  readonly sessions: number;
  readonly runs: number;
  /** Commands that wait for their slots still. */
  readonly waitingRuns: number;
  /** Slots that died with it. */
  readonly interruptedSessions: number;
  readonly interruptedRuns: number;
  /** Milliseconds that reading, ending and rebuilding have taken. */
  readonly durationMs: number;
}
export interface TablesRebuilt {
  /** The first of what was wrong, as sentences. */
  readonly violations: readonly string[];
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

const PREFIX = 'slotkeeper.limiter.';

const limiterChannel = <Event extends object>(name: string): EventChannel<Event> =>
  eventChannel(`${PREFIX}${name}`);

export const sessionSlotGranted = limiterChannel<SessionSlotGranted>('session_slot_granted');
export const sessionSlotRefused = limiterChannel<SessionSlotRefused>('session_slot_refused');
export const sessionSlotEnded = limiterChannel<SessionSlotEnded>('session_slot_ended');
export const runSlotGranted = limiterChannel<RunSlotGranted>('run_slot_granted');
export const runSlotRefused = limiterChannel<RunSlotRefused>('run_slot_refused');
export const runSlotEnded = limiterChannel<RunSlotEnded>('run_slot_ended');
export const limitsChanged = limiterChannel<LimitsChanged>('limits_changed');
export const limiterRestarted = limiterChannel<LimiterRestarted>('limiter_restarted');
export const clockJumped = limiterChannel<ClockJumped>('clock_jumped');
export const drainStarted = limiterChannel<DrainStarted>('drain_started');
export const drainEnded = limiterChannel<DrainEnded>('drain_ended');
export const resumed = limiterChannel<Resumed>('resumed');
export const slotLostTrack = limiterChannel<SlotLostTrack>('slot_lost_track');
export const storageDegraded = limiterChannel<StorageDegraded>('storage_degraded');
export const storageRecovered = limiterChannel<StorageRecovered>('storage_recovered');
export const journalRecovered = limiterChannel<JournalRecovered>('journal_recovered');
export const tablesRebuilt = limiterChannel<TablesRebuilt>('tables_rebuilt');

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
  clock_jumped: clockJumped,
  drain_started: drainStarted,
  drain_ended: drainEnded,
  resumed,
  slot_lost_track: slotLostTrack,
  storage_degraded: storageDegraded,
  storage_recovered: storageRecovered,
  journal_recovered: journalRecovered,
  tables_rebuilt: tablesRebuilt,
} as const;

export type LimiterChannels = typeof limiterChannels;

/** The name of one of them, as it stands in `limiterChannels`. */
export function nameOf(channel: { readonly name: string }): LimiterEventName {
  return channel.name.slice(PREFIX.length) as LimiterEventName; // each is made with its own name
}

export type LimiterEventName = keyof LimiterChannels;

/** An event of one limiter, as its stream gives it. */
export type LimiterEvent =
  | {
      [Name in LimiterEventName]: { readonly type: Name } & EventOf<LimiterChannels[Name]>;
    }[LimiterEventName]
  | { readonly type: 'gap'; readonly missed: number };
