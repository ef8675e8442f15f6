/**
 * Requests that are sent again under the same `Idempotency-Key` are answered as the first was, and done once.
 *
 * One that comes again with another request is a mistake of the client. What was refused or has failed has had
 * no effect and is not remembered: it may be asked again. Answers are kept in memory, for an hour and ten
 * thousand of them; what is too long for that tells how it is answered `again`. A daemon that starts again
 * knows none: there what the key has made is found by its id (`request-key.ts`).
 */
import { keyReused, type RequestKey } from './request-key.ts';
import type { Answer } from './route.ts';

const MOST = 10_000;
const KEPT_MS = 3_600_000;

/** What an answer has that is not the first. */
export const REPLAYED = { 'idempotency-replayed': 'true' };

interface Kept {
  readonly fingerprint: string;
  readonly again: () => Promise<Answer>;
  /** On the clock that never jumps, in milliseconds. */
  readonly since: number;
}

export class Idempotency {
  /** Oldest first. */
  private readonly kept = new Map<string, Kept>();
  private readonly now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  /** Rejects as `work`, and with `idempotency_key_reused`. */
  async once(key: RequestKey, work: () => Promise<Answer>): Promise<Answer> {
    this.forgetOld();
    const kept = this.kept.get(key.id);
    if (!kept) return this.first(key, work);
    if (kept.fingerprint !== key.fingerprint) throw keyReused(key);
    const answer = await kept.again();
    return { ...answer, headers: { ...answer.headers, ...REPLAYED } };
  }

  private async first({ id, fingerprint }: RequestKey, work: () => Promise<Answer>) {
    const answer = work();
    const kept = { fingerprint, since: this.now() };
    this.kept.set(id, { ...kept, again: () => answer });
    try {
      const { again } = await answer;
      if (again) this.kept.set(id, { ...kept, again });
      return await answer;
    } catch (fault) {
      this.kept.delete(id);
      throw fault;
    }
  }

  private forgetOld(): void {
    const oldest = this.now() - KEPT_MS;
    for (const [id, { since }] of this.kept) {
      if (since > oldest && this.kept.size < MOST) return;
      this.kept.delete(id);
    }
  }
}
