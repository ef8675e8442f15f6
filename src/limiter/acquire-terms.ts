/**
 * The terms of an acquire: what its options say, checked, with every default.
 */
import { noproc } from '../otp/address.ts';
import { labelOf } from '../otp/ref.ts';
import type { Labels } from '../slots/index.ts';
import {
  type AcquireRunOptions,
  type Asked,
  checkAcquireOptions,
  type TrySessionOptions,
} from './acquire-options.ts';
import type { AcquireTerms, Bonds } from './calls.ts';
import { placeOfCaller } from './handle-traces.ts';
import type { Holder, Holders, HolderTarget } from './holder.ts';

/** What of the limiter the terms depend on. */
interface Acquired {
  readonly holders: Holders;
  /** Whether it is noted where each slot was acquired. */
  readonly tracesHandles: boolean;
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
  options: AcquireRunOptions | undefined,
  asked: Asked,
  limiter: Acquired,
): AcquireTerms {
  if (options === undefined && !limiter.tracesHandles) return PLAIN;
  return termsFrom(options ?? {}, asked, limiter);
}

function termsFrom(options: AcquireRunOptions, asked: Asked, limiter: Acquired): AcquireTerms {
  checkAcquireOptions(options, asked);
  const { owner, kind, priority = 0, labels, waitTimeoutMs = 0 } = options;
  const bonds = bondsOf(options, limiter);
  return { owner, kind, priority, labels: copyOf(labels), waitTimeoutMs, bonds };
}

function bondsOf(
  { holder, leaseMs = Infinity }: TrySessionOptions,
  { holders, tracesHandles }: Acquired,
): Bonds | undefined {
  if (holder === undefined && leaseMs === Infinity && !tracesHandles) return undefined;
  return {
    holder: holder && foundHolder(holder, holders),
    leaseMs,
    acquiredAt: tracesHandles ? placeOfCaller() : undefined,
  };
}

function foundHolder(target: HolderTarget, holders: Holders): Holder {
  const holder = holders.find(target);
  if (holder) return holder;
  throw noproc(target instanceof AbortSignal ? 'a signal that has aborted' : labelOf(target));
}

/** The caller may change his own. */
function copyOf(labels: Labels | undefined): Labels | undefined {
  return labels && Object.freeze({ ...labels });
}
