/**
 * Callers of a limiter, as the conformance suite plays them: they ask, and remember what they were told.
 *
 * Whatever waits is caught at once, so that a waiter that a test leaves behind is refused in silence when
 * its limiter stops.
 */
import {
  type LimiterOptions,
  type Limits,
  RefusalError,
  type ReleaseReport,
  type RunSlot,
  type SessionSlot,
  type Status,
  startConcurrencyLimiter,
} from '../../src/index.ts';
import { SimulatedClock } from '../../src/testing.ts';
import { faultOf } from './servers.ts';

/** What `startConcurrencyLimiter` gives. */
export type Limiter = Awaited<ReturnType<typeof startConcurrencyLimiter>>;

/** What a run is acquired with. */
export type AcquireOptions = NonNullable<Parameters<Limiter['acquireRunSlot']>[2]>;

/** A limiter with these limits on a clock that stands still, unless the options bring another. */
export function start(
  limits: Partial<Limits> = {},
  options: Omit<LimiterOptions, 'limits'> = {},
): Promise<Limiter> {
  return startConcurrencyLimiter({ clock: new SimulatedClock(), ...options, limits });
}

/** What somebody asks for: a session, or with a run id, a run. */
export type Ask = readonly [
  sessionId: string,
  runId?: string | undefined,
  options?: AcquireOptions | undefined,
];

/** A slot of either table. */
export type Slot = SessionSlot | RunSlot;

export function ask(limiter: Limiter, [sessionId, runId, options]: Ask): Promise<Slot> {
  return runId === undefined
    ? limiter.acquireSessionSlot(sessionId, options)
    : limiter.acquireRunSlot(sessionId, runId, options);
}

/** The same, synchronously. */
export function tryAsk(limiter: Limiter, [sessionId, runId, options]: Ask): Slot | RefusalError {
  return runId === undefined
    ? limiter.tryAcquireSessionSlot(sessionId, options)
    : limiter.tryAcquireRunSlot(sessionId, runId, options);
}

/** Waits without a deadline. */
export const PATIENT: AcquireOptions = { waitTimeoutMs: Infinity };

/** What a release reports that found nothing. */
export const NOTHING_RELEASED: ReleaseReport = { sessions: 0, runs: 0, waiters: 0 };

/** What has become of a promise: look again once things have settled. */
export interface Attempt<Value> {
  /** `waiting`; then `granted`, or the code or name of the error. */
  readonly outcome: string;
  readonly value: Value | undefined;
  readonly error: unknown;
  /** How often it settled. */
  readonly settlements: number;
}

/** Follows a promise, which may be rejected without anybody else looking. */
export function attempt<Value>(promise: Promise<Value>): Attempt<Value> {
  const seen = {
    outcome: 'waiting',
    value: undefined as Value | undefined,
    error: undefined as unknown,
    settlements: 0,
  };
  promise.then(
    (value) =>
      Object.assign(seen, { outcome: 'granted', value, settlements: seen.settlements + 1 }),
    (error: unknown) =>
      Object.assign(seen, { outcome: nameOf(error), error, settlements: seen.settlements + 1 }),
  );
  return seen;
}

function nameOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code === 'string') return code;
  return typeof name === 'string' ? name : String(error);
}

/** Follows a caller who waits. */
export function wait(limiter: Limiter, asked: Ask): Attempt<Slot> {
  const [sessionId, runId, options] = asked;
  return attempt(ask(limiter, [sessionId, runId, { ...PATIENT, ...options }]));
}

export function outcomes(attempts: readonly Attempt<unknown>[]): string[] {
  return attempts.map(({ outcome }) => outcome);
}

/** The refusal that a promise is rejected with, or that was returned. */
export async function refusalOf(asked: Promise<unknown> | Slot | RefusalError) {
  const error = asked instanceof Promise ? await faultOf(asked) : asked;
  if (error instanceof RefusalError) return error;
  throw new Error(`Expected a refusal, got ${JSON.stringify(error)}`);
}

/** What a refusal says, without its words. */
export function said({ code, limit, active, scope, retryable }: RefusalError) {
  return { code, limit, active, scope, retryable };
}

/** What a refusal says, when it was one. */
export function saidOf({ error }: Attempt<unknown>) {
  if (error instanceof RefusalError) return said(error);
  throw new Error(`Expected a refusal, got ${String(error)}`);
}

/** The slot that was returned. */
export function granted<Kind extends Slot>(answer: Kind | RefusalError): Kind {
  if (answer instanceof RefusalError) throw answer;
  return answer;
}

/** How much is held and how much waits. */
export function counts(limiter: Pick<Limiter, 'getStatus'>) {
  const { activeSessions, activeRuns, waitingSessions, waitingRuns } = limiter.getStatus();
  return { activeSessions, activeRuns, waitingSessions, waitingRuns };
}

export const EMPTY = { activeSessions: 0, activeRuns: 0, waitingSessions: 0, waitingRuns: 0 };

/** What a status says of the slots, whatever its version. */
export function content(status: Status) {
  const { version: _version, restarts: _restarts, ...rest } = status;
  return rest;
}

/** The code of the `SlotLostError` that a slot's signal aborted with; `undefined` while it has not. */
export function lossOf({ signal }: Slot): unknown {
  return signal.aborted ? (signal.reason as { readonly code?: unknown }).code : undefined;
}

/** The events of the limiter, as they are named in the catalogue. */
export const LIMITER_EVENTS = [
  'session_slot_granted',
  'session_slot_refused',
  'session_slot_ended',
  'run_slot_granted',
  'run_slot_refused',
  'run_slot_ended',
  'limits_changed',
  'limiter_restarted',
] as const;
