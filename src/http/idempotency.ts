/**
 * Requests that are sent again under the same `Idempotency-Key` are answered as the first was, and done once.
 *
 * A key is its owner's, for one route. One that comes again with another request is a mistake of the client.
 * What was refused or has failed has had no effect and is not remembered: it may be asked again. Answers are
 * kept in memory, for an hour and ten thousand of them; a daemon that starts again knows none.
 */
import { createHash } from 'node:crypto';
import type { SlotkeeperError } from '../fault.ts';
import { requestFault } from './request-faults.ts';
import type { Answer } from './route.ts';

const MOST = 10_000;
const KEPT_MS = 3_600_000;
const LONGEST_KEY = 256;

interface Kept {
  readonly fingerprint: string;
  readonly answer: Promise<Answer>;
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

  /**
   * `scope`: of whom, and for what, the key is. Rejects as `work`, and with `invalid_request`,
   * `idempotency_key_reused`.
   */
  async once(
    key: string,
    scope: readonly string[],
    request: unknown,
    work: () => Promise<Answer>,
  ): Promise<Answer> {
    expectKey(key);
    this.forgetOld();
    const name = JSON.stringify([...scope, key]);
    const fingerprint = fingerprintOf(request);
    const kept = this.kept.get(name);
    if (!kept) return this.first(name, fingerprint, work);
    if (kept.fingerprint !== fingerprint) throw reused(key);
    const answer = await kept.answer;
    return { ...answer, headers: { ...answer.headers, 'idempotency-replayed': 'true' } };
  }

  private async first(
    name: string,
    fingerprint: string,
    work: () => Promise<Answer>,
  ): Promise<Answer> {
    const answer = work();
    this.kept.set(name, { fingerprint, answer, since: this.now() });
    try {
      return await answer;
    } catch (fault) {
      this.kept.delete(name);
      throw fault;
    }
  }

  private forgetOld(): void {
    const oldest = this.now() - KEPT_MS;
    for (const [name, { since }] of this.kept) {
      if (since > oldest && this.kept.size < MOST) return;
      this.kept.delete(name);
    }
  }
}

function expectKey(key: string): void {
  if (key.length > 0 && key.length <= LONGEST_KEY) return;
  const message = `expected 1 to ${LONGEST_KEY} characters`;
  const faults = [{ at: 'headers.idempotency-key', message }];
  throw requestFault('invalid_request', `Idempotency-Key: ${message}`, { faults });
}

function reused(key: string): SlotkeeperError<'idempotency_key_reused'> {
  const text = `Idempotency-Key ${JSON.stringify(key)} was there with another request`;
  return requestFault('idempotency_key_reused', text);
}

function fingerprintOf(request: unknown): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('hex');
}
