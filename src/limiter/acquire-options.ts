/**
 * The options of an acquire, and how they are checked.
 */
import { expectKnown, expectOption, invalidOption, isDuration } from '../otp/options.ts';
import { isId, type Labels } from '../slots/index.ts';
import { type HolderTarget, isHolderTarget } from './holder.ts';
import { isSlotWork, type SlotWork } from './slot-work.ts';

/** What `tryAcquireSessionSlot` takes. */
export interface TrySessionOptions {
  /** Higher goes first. An integer, default 0. */
  readonly priority?: number;
  /** On whose account: a user, a tenant, an address. An id. */
  readonly owner?: string;
  /** Shown in events, lists and explanations: at most 16, keys and values of at most 256 characters. */
  readonly labels?: Labels;
  /**
   * Whose end ends the slot, and the wait for it: a server as it runs now, an XState actor, a signal.
   * One that is down already gets nothing: `noproc`.
   */
  readonly holder?: HolderTarget;
  /** The slot ends as `expired` after so many milliseconds, unless it is renewed. Default `Infinity`. */
  readonly leaseMs?: number;
  /**
   * Makes the slot a *managed* one: what would end it otherwise than through a handle asks this work to
   * end, and the slot is held until it is given back. See `SlotWork`.
   */
  readonly work?: SlotWork;
}

/** What `tryAcquireSessionSlot` takes besides. */
export interface TryDurableOptions extends TrySessionOptions {
  /**
   * The session is there again, with its first options, when the process has ended and its journal is
   * opened by the next one. For a limiter with a journal on disk; it cannot have a holder. Default false.
   */
  readonly durable?: boolean;
  /**
   * Kept with the session in a journal on disk, for whoever finds it there again: at most 4,096 characters.
   * Default none.
   */
  readonly terms?: string;
}

/** What `tryAcquireRunSlot` takes. */
export interface TryRunOptions extends TrySessionOptions {
  /** The class of runs, which may have a limit of its own (`maxRunsPerKind`). An id. */
  readonly kind?: string;
  /**
   * What is to be done, as text of at most 131,072 characters, for work that is no part of this process. The
   * slot is kept in the journal with it and is held again in the next process, if whoever takes it up finds the
   * work there. For a limiter with a journal on disk.
   */
  readonly order?: string;
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

export interface AcquireSessionOptions extends TryDurableOptions, WaitOptions {}
export interface AcquireRunOptions extends TryRunOptions, WaitOptions {}

/** All that any of them may say. */
export type AnyAcquireOptions = AcquireRunOptions & AcquireSessionOptions;

const SESSION = ['priority', 'owner', 'labels', 'leaseMs'];
const RUN = [...SESSION, 'kind'];
const ORDER = ['order'];
const HELD = ['holder', 'work'];
const DURABLE = ['durable', 'terms'];
const WAIT = ['waitTimeoutMs', 'signal'];

/** Which options there are: for the slot of what, now or later, in this thread or through a port. */
const NAMES = {
  session: [...WAIT, ...SESSION, ...HELD, ...DURABLE],
  run: [...WAIT, ...RUN, ...ORDER, ...HELD],
  session_now: [...SESSION, ...HELD, ...DURABLE],
  run_now: [...RUN, ...ORDER, ...HELD],
  remote_session: [...SESSION, ...WAIT],
  remote_run: [...RUN, ...WAIT],
} as const;

export type Asked = keyof typeof NAMES;

const MOST_LABELS = 16;
const LONGEST_LABEL = 256;
/** Terms are data of a few fields, not a document. */
const LONGEST_TERMS = 4_096;
/** As long as the kernel lets one argument of a program be. */
const LONGEST_ORDER = 131_072;

/** Throws `invalid_option`. */
export function checkAcquireOptions(options: AnyAcquireOptions, asked: Asked): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidOption('options', options, 'an object');
  }
  expectKnown(options, NAMES[asked]);
  const { owner, kind, priority, labels, holder, leaseMs, work, durable, terms, order } = options;
  const { waitTimeoutMs, signal } = options;
  // Nearly all are absent nearly always: a function is called for those that are there.
  if (owner !== undefined) expectOption('owner', owner, isId, ID);
  if (kind !== undefined) expectOption('kind', kind, isId, ID);
  if (priority !== undefined) expectOption('priority', priority, isInteger, 'an integer');
  if (labels !== undefined) expectOption('labels', labels, areLabels, LABELS);
  if (holder !== undefined) expectOption('holder', holder, isHolderTarget, HOLDER);
  if (leaseMs !== undefined) expectOption('leaseMs', leaseMs, isTerm, 'milliseconds above 0');
  if (work !== undefined) expectOption('work', work, isSlotWork, WORK);
  if (durable !== undefined) expectOption('durable', durable, isBoolean, 'true or false');
  if (terms !== undefined) expectOption('terms', terms, areTerms, TERMS);
  if (order !== undefined) expectOption('order', order, isOrder, ORDER_TEXT);
  if (waitTimeoutMs !== undefined) {
    expectOption('waitTimeoutMs', waitTimeoutMs, isDuration, WAITING);
  }
  if (signal !== undefined) expectOption('signal', signal, isSignal, 'an AbortSignal');
}

const HOLDER = 'a ServerRef, an XState actor or an AbortSignal';
const ID = 'a well-formed string of 1 to 256 UTF-16 units without control characters';
const LABELS = `at most ${MOST_LABELS} strings by strings of at most ${LONGEST_LABEL} characters`;
const WORK = 'an object with queued, endAsked and lost';
const TERMS = 'a string of at most 4,096 characters';
const ORDER_TEXT = 'a string of at most 131,072 characters';
const WAITING = 'milliseconds, 0 or more';

function isInteger(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isTerm(value: unknown): boolean {
  return isDuration(value) && (value as number) > 0;
}

function areTerms(value: unknown): boolean {
  return typeof value === 'string' && value.length <= LONGEST_TERMS;
}

function isOrder(value: unknown): boolean {
  return typeof value === 'string' && value.length <= LONGEST_ORDER;
}

function isSignal(value: unknown): boolean {
  const signal = value as Partial<AbortSignal> | null;
  return typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function';
}

function areLabels(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const entries = Object.entries(value);
  return entries.length <= MOST_LABELS && entries.every((entry) => entry.every(isLabelText));
}

function isLabelText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= LONGEST_LABEL;
}
