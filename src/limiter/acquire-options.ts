/**
 * The options of an acquire, checked, and the requests that are made of them.
 */
import { expectKnown, expectOption, invalidOption, isDuration } from '../otp/options.ts';
import {
  invalidId,
  isId,
  type Labels,
  type RunRequest,
  type SessionRequest,
} from '../slots/index.ts';

/** What `tryAcquireSessionSlot` takes. */
export interface TrySessionOptions {
  /** Higher goes first. An integer, default 0. */
  readonly priority?: number;
  /** On whose account: a user, a tenant, an address. An id. */
  readonly owner?: string;
  /** Shown in events: at most 16, with keys and values of at most 256 characters. */
  readonly labels?: Labels;
}

/** What `tryAcquireRunSlot` takes. */
export interface TryRunOptions extends TrySessionOptions {
  /** The class of runs, which may have a limit of its own (`maxRunsPerKind`). An id. */
  readonly kind?: string;
}

/** How to wait. */
export interface WaitOptions {
  /**
   * How long to wait for a slot, in milliseconds. Absent or 0: not at all; `Infinity`: for ever. A
   * finite wait keeps the process alive.
   */
  readonly waitTimeoutMs?: number;
  /** Rejects with `signal.reason` as soon as it aborts, and leaves the queue. */
  readonly signal?: AbortSignal;
}

export interface AcquireSessionOptions extends TrySessionOptions, WaitOptions {}
export interface AcquireRunOptions extends TryRunOptions, WaitOptions {}

const SESSION = ['priority', 'owner', 'labels'];
const RUN = [...SESSION, 'kind'];
const WAIT = ['waitTimeoutMs', 'signal'];
const SESSION_AND_WAIT = [...SESSION, ...WAIT];
const RUN_AND_WAIT = [...RUN, ...WAIT];
const MOST_LABELS = 16;
const LONGEST_LABEL = 256;

/** A request to acquire a session slot, as it lies in the mailbox. */
export interface AcquireSession extends SessionRequest {
  readonly type: 'acquire_session';
}

/** A request to acquire a run slot. */
export interface AcquireRun extends RunRequest {
  readonly type: 'acquire_run';
}

/** Checks id and options. Throws `invalid_id` or `invalid_option`. */
export function sessionRequest(
  sessionId: string,
  options: AcquireSessionOptions | undefined,
): AcquireSession {
  if (!isId(sessionId)) throw invalidId('sessionId', sessionId);
  if (options === undefined) return plainSession(sessionId);
  checkOptions(options, SESSION_AND_WAIT);
  const { owner, priority = 0, labels, waitTimeoutMs = 0 } = options;
  return {
    type: 'acquire_session',
    sessionId,
    owner,
    priority,
    labels: copyOf(labels),
    canWait: waitTimeoutMs > 0,
  };
}

/** Checks ids and options. Throws `invalid_id` or `invalid_option`. */
export function runRequest(
  sessionId: string,
  runId: string,
  options: AcquireRunOptions | undefined,
): AcquireRun {
  if (!isId(sessionId)) throw invalidId('sessionId', sessionId);
  if (!isId(runId)) throw invalidId('runId', runId);
  if (options === undefined) return plainRun(sessionId, runId);
  checkOptions(options, RUN_AND_WAIT);
  const { owner, kind, priority = 0, labels, waitTimeoutMs = 0 } = options;
  return {
    type: 'acquire_run',
    sessionId,
    runId,
    owner,
    kind,
    priority,
    labels: copyOf(labels),
    canWait: waitTimeoutMs > 0,
  };
}

/** The options of `tryAcquire…`, which never wait. Throws `invalid_option`. */
export function checkTryOptions(options: object | undefined, sort: 'session' | 'run'): void {
  if (options !== undefined) expectKnown(options, sort === 'run' ? RUN : SESSION);
}

function plainSession(sessionId: string): AcquireSession {
  return {
    type: 'acquire_session',
    sessionId,
    owner: undefined,
    priority: 0,
    labels: undefined,
    canWait: false,
  };
}

function plainRun(sessionId: string, runId: string): AcquireRun {
  return {
    type: 'acquire_run',
    sessionId,
    runId,
    owner: undefined,
    kind: undefined,
    priority: 0,
    labels: undefined,
    canWait: false,
  };
}

function checkOptions(options: AcquireRunOptions, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidOption('options', options, 'an object');
  }
  expectKnown(options, known);
  const { owner, kind, priority, labels, waitTimeoutMs, signal } = options;
  expectOption('owner', owner, isOptionalId, ID);
  expectOption('kind', kind, isOptionalId, ID);
  expectOption('priority', priority, isOptionalInteger, 'an integer');
  expectOption('labels', labels, isOptionalLabels, LABELS);
  expectOption('waitTimeoutMs', waitTimeoutMs, isOptionalDuration, 'milliseconds, 0 or more');
  expectOption('signal', signal, isOptionalSignal, 'an AbortSignal');
}

const ID = 'a well-formed string of 1 to 256 UTF-16 units without control characters';
const LABELS = `at most ${MOST_LABELS} strings by strings of at most ${LONGEST_LABEL} characters`;

function isOptionalId(value: unknown): boolean {
  return value === undefined || isId(value);
}

function isOptionalInteger(value: unknown): boolean {
  return value === undefined || Number.isSafeInteger(value);
}

function isOptionalDuration(value: unknown): boolean {
  return value === undefined || isDuration(value);
}

function isOptionalSignal(value: unknown): boolean {
  if (value === undefined) return true;
  const signal = value as Partial<AbortSignal> | null;
  return typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function';
}

function isOptionalLabels(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  const entries = Object.entries(value);
  return entries.length <= MOST_LABELS && entries.every((entry) => entry.every(isLabelText));
}

function isLabelText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= LONGEST_LABEL;
}

/** The caller may change his own. */
function copyOf(labels: Labels | undefined): Labels | undefined {
  return labels && Object.freeze({ ...labels });
}
