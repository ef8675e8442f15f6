/**
 * The terms of an acquire: what its options say, checked, with every default.
 */
import { noproc } from '../otp/address.ts';
import { invalidOption } from '../otp/options.ts';
import { labelOf } from '../otp/ref.ts';
import type { Labels } from '../slots/index.ts';
import { type AnyAcquireOptions, type Asked, checkAcquireOptions } from './acquire-options.ts';
import type { AcquireTerms, Bonds } from './calls.ts';
import { placeOfCaller } from './handle-traces.ts';
import type { Holder, Holders, HolderTarget } from './holder.ts';

/** What of the limiter the terms depend on. */
interface Acquired {
  readonly holders: Holders;
  /** Whether it is noted where each slot was acquired. */
  readonly tracesHandles: boolean;
  /** Whether anything of it outlives the process. */
  readonly isDurable: boolean;
}

/** An acquire without options. */
const PLAIN: AcquireTerms = Object.freeze({
  owner: undefined,
  kind: undefined,
  priority: 0,
  labels: undefined,
  waitTimeoutMs: 0,
  bonds: undefined,
});

/** What the options say. Throws `invalid_option`, and `noproc` when the holder is down. */
export function termsOf(
  options: AnyAcquireOptions | undefined,
  asked: Asked,
  limiter: Acquired,
): AcquireTerms {
  if (options === undefined && !limiter.tracesHandles) return PLAIN;
  return termsFrom(options ?? {}, asked, limiter);
}

function termsFrom(options: AnyAcquireOptions, asked: Asked, limiter: Acquired): AcquireTerms {
  checkAcquireOptions(options, asked);
  const { owner, kind, priority = 0, labels, waitTimeoutMs = 0 } = options;
  const bonds = bondsOf(options, limiter);
  const saysMore = owner ?? kind ?? labels ?? bonds;
  if (saysMore === undefined && priority === 0) return waitingTerms(waitTimeoutMs);
  return { owner, kind, priority, labels: copyOf(labels), waitTimeoutMs, bonds };
}

let lastWaiting = PLAIN;

/** Of all who wait equally long, and say nothing else, the terms are one object. */
function waitingTerms(waitTimeoutMs: number): AcquireTerms {
  if (lastWaiting.waitTimeoutMs !== waitTimeoutMs) {
    lastWaiting = Object.freeze({ ...PLAIN, waitTimeoutMs });
  }
  return lastWaiting;
}

function bondsOf(
  options: AnyAcquireOptions,
  { holders, tracesHandles, isDurable }: Acquired,
): Bonds | undefined {
  const { holder, leaseMs = Infinity, work, durable = false, terms, order } = options;
  const kept = terms ?? order;
  const isPlain = holder === undefined && leaseMs === Infinity && !work && !durable && !kept;
  if (isPlain && !tracesHandles) return undefined;
  if (!isDurable) expectNothingKept(options);
  if (durable && holder !== undefined) throw invalidOption('durable', durable, NO_HOLDER);
  return {
    life: order === undefined ? (durable ? 'durable' : 'process') : 'command',
    holder: holder && foundHolder(holder, holders),
    leaseMs,
    work,
    terms: kept,
    acquiredAt: tracesHandles ? placeOfCaller() : undefined,
  };
}

/** What the memory journal would not keep is not asked of it. */
function expectNothingKept({ durable, terms, order }: AnyAcquireOptions): void {
  if (durable) throw invalidOption('durable', durable, NEEDS_JOURNAL);
  if (terms !== undefined) throw invalidOption('terms', terms, NEEDS_JOURNAL);
  if (order !== undefined) throw invalidOption('order', order, NEEDS_JOURNAL);
}

const NEEDS_JOURNAL = 'a journal on disk (start option `journal`) for what outlives the process';
const NO_HOLDER = 'no `holder` beside it, for that would end with the process';

function foundHolder(target: HolderTarget, holders: Holders): Holder {
  const holder = holders.find(target);
  if (holder) return holder;
  throw noproc(target instanceof AbortSignal ? 'a signal that has aborted' : labelOf(target));
}

/** The caller may change his own. */
function copyOf(labels: Labels | undefined): Labels | undefined {
  return labels && Object.freeze({ ...labels });
}
