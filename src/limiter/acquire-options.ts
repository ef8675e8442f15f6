/**
 * The options of an acquire, checked, and the requests that are made of them.
 */
import { expectKnown, expectOption, invalidOption, isDuration } from '../otp/options.ts';
import { isId, type Labels } from '../slots/index.ts';
import type { AcquireTerms } from './calls.ts';

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

/** An acquire without options. */
const PLAIN: AcquireTerms = Object.freeze({
  owner: undefined,
  kind: undefined,
  priority: 0,
  labels: undefined,
  waitTimeoutMs: 0,
});

/** What the options say. Throws `invalid_option`. */
export function termsOf(
  options: AcquireRunOptions | undefined,
  of: 'session' | 'run',
): AcquireTerms {
  if (options === undefined) return PLAIN;
  checkOptions(options, of === 'run' ? RUN_AND_WAIT : SESSION_AND_WAIT);
  const { owner, kind, priority = 0, labels, waitTimeoutMs = 0 } = options;
  return { owner, kind, priority, labels: copyOf(labels), waitTimeoutMs };
}

/** The same for `tryAcquire…`, which never waits. */
export function tryTermsOf(
  options: TryRunOptions | undefined,
  of: 'session' | 'run',
): AcquireTerms {
  if (options === undefined) return PLAIN;
  checkOptions(options, of === 'run' ? RUN : SESSION);
  return termsOf(options, of);
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
