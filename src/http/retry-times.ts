/**
 * When whoever was refused is told to come again, in whole seconds.
 *
 * The limiter plays its queue through for an estimate, which takes tens of milliseconds where many hold
 * slots, and clients that are refused ask again: so it is asked once in a second for each code of each route.
 * There the estimate is the same for all, but for who waits before them.
 */
import { type ConcurrencyLimiter, RefusalError } from '../limiter/index.ts';

/** No more exact than what is told. */
const KEPT_MS = 1_000;

interface Kept {
  readonly seconds: number;
  /** On the clock that never jumps, in milliseconds. */
  readonly since: number;
}

export class RetryTimes {
  private readonly limiter: ConcurrencyLimiter;
  private readonly now: () => number;
  /** Of few: codes and routes are. */
  private readonly kept = new Map<string, Kept>();

  constructor(limiter: ConcurrencyLimiter, now: () => number = () => performance.now()) {
    this.limiter = limiter;
    this.now = now;
  }

  /** `route`: where it was refused. `undefined` for what cannot succeed later. */
  secondsFor(error: unknown, route: string): number | undefined {
    if (!(error instanceof RefusalError) || !error.retryable) return undefined;
    const name = `${error.code} ${route}`;
    const kept = this.kept.get(name);
    const now = this.now();
    if (kept && now - kept.since < KEPT_MS) return kept.seconds;
    const seconds = this.estimate(error);
    this.kept.set(name, { seconds, since: now });
    return seconds;
  }

  /** At least one, and as long as it may take, where that is known. */
  private estimate(refusal: RefusalError): number {
    const explanation = this.limiter.explain(refusal);
    const wait = 'estimatedWait' in explanation ? explanation.estimatedWait : null;
    return Math.max(1, Math.ceil((wait?.meanMs ?? 0) / 1_000));
  }
}
