/**
 * What the limiter must not take: ids that are none, options that cannot be. Each with the code it is
 * refused with; `at_once` ones throw, the others reject.
 */
import type { ConcurrencyLimiter } from '../../src/index.ts';

export interface BadRequest {
  readonly code: 'invalid_id' | 'invalid_option';
  readonly isSynchronous?: true;
  readonly act: (limiter: ConcurrencyLimiter) => unknown;
}

/** Whatever a program in plain JavaScript may pass: no type lets it through but the one of no value. */
const wrong = (value: unknown): never => value as never;

const BAD_IDS = ['', 'x'.repeat(257), 'a\u0000b', 'a\u007fb', '\ud800', 7, undefined, null].map(
  wrong,
);
const BAD_OPTIONS = [
  { waitTimeoutMs: -1 },
  { waitTimeoutMs: Number.NaN },
  { waitTimeoutMs: '10' },
  { priority: 1.5 },
  { signal: {} },
  { owner: 7 },
  { labels: 'red' },
  { wait: 1 },
  { waitTimeOutMs: 1 },
].map(wrong);
const BAD_LIMITS = [
  { maxParallelRuns: 0 },
  { maxParallelRuns: -1 },
  { maxRunsPerSession: 1.5 },
  { maxSessionsPerOwner: Number.NaN },
  { maxWaiters: null },
  { maxRunsPerOwner: '10' },
  { maxJobsPerOwner: 2 ** 31 },
  { maxRunsPerKind: { tool: 0 } },
  { maxParalelRuns: 3 },
  // The good half has no effect either.
  { maxParallelSessions: 1, maxParallelRuns: 0 },
].map(wrong);

type Act = BadRequest['act'];
const withId = (act: Act): BadRequest => ({ code: 'invalid_id', act });
const withOption = (act: Act): BadRequest => ({ code: 'invalid_option', act });
const atOnce = (request: BadRequest): BadRequest => ({ ...request, isSynchronous: true });

export const BAD_REQUESTS: readonly BadRequest[] = [
  ...BAD_IDS.flatMap((id) => [
    withId((limiter) => limiter.acquireSessionSlot(id)),
    withId((limiter) => limiter.acquireRunSlot(id, 'r0')),
    withId((limiter) => limiter.acquireRunSlot('s0', id, { waitTimeoutMs: 300 })),
    withId((limiter) => limiter.withRunSlot(id, () => {})),
    withId((limiter) => limiter.releaseRunSlot(id)),
    withId((limiter) => limiter.releaseSessionSlot(id)),
    atOnce(withId((limiter) => limiter.tryAcquireSessionSlot(id))),
    atOnce(withId((limiter) => limiter.tryAcquireRunSlot('s0', id))),
  ]),
  ...BAD_OPTIONS.flatMap((options) => [
    withOption((limiter) => limiter.acquireSessionSlot('s0', options)),
    withOption((limiter) => limiter.acquireRunSlot('s0', 'r0', options)),
    withOption((limiter) => limiter.withRunSlot('s0', () => {}, options)),
    atOnce(withOption((limiter) => limiter.tryAcquireRunSlot('s0', 'r0', options))),
  ]),
  withOption((limiter) => limiter.acquireSessionSlot('s0', wrong({ kind: 'tool' }))),
  atOnce(withOption((limiter) => limiter.tryAcquireSessionSlot('s0', wrong({ kind: 'tool' })))),
  atOnce(
    withOption((limiter) => limiter.tryAcquireRunSlot('s0', 'r0', wrong({ waitTimeoutMs: 1 }))),
  ),
  atOnce(
    withOption((limiter) =>
      limiter.tryAcquireRunSlot('s0', 'r0', wrong({ signal: new AbortController().signal })),
    ),
  ),
  ...BAD_LIMITS.map((limits) => withOption((limiter) => limiter.setLimits(limits))),
];
