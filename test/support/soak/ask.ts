/**
 * Who asks for a slot, on what terms; and who was given one.
 */
import type { AcquireRunOptions, RunSlot, SessionSlot } from 'slotkeeper';
import type { Mortal } from './mortal.ts';

export interface Terms {
  readonly type: 'session' | 'run';
  readonly sessionId: string;
  /** `undefined` for a session, and for a job, whose id the limiter makes. */
  readonly runId?: string | undefined;
  readonly owner?: string | undefined;
  readonly kind?: string | undefined;
  readonly priority?: number | undefined;
  readonly holder?: Mortal | undefined;
  readonly leaseMs?: number | undefined;
  /** Absent: it does not wait. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One call, open until its caller has been told. Numbers rise with all that is done. */
export class Ask {
  readonly number: number;
  readonly terms: Terms;
  /** When its wait is over. */
  readonly dueAt: number;
  isOpen = true;
  /** Why it may be refused, for its own sake, as far as is known. */
  readonly reasons = new Set<string>();

  constructor(number: number, terms: Terms, now: number) {
    this.number = number;
    this.terms = terms;
    this.dueAt = now + (terms.waitMs ?? 0);
  }

  /** What it waits for. Jobs wait each for an id of their own. */
  get subject(): string {
    const { type, sessionId, runId } = this.terms;
    if (type === 'session') return `session ${sessionId}`;
    return runId === undefined ? `job ${this.number}` : `run ${runId}`;
  }
}

/** A slot, as its caller knows it; `signal` and `release` are in another thread if it is held there. */
export interface Grant {
  readonly token: number;
  readonly runId: string | undefined;
  readonly slot: RunSlot | SessionSlot | undefined;
}

/** A slot that somebody was given. */
export class Hold {
  readonly ask: Ask;
  readonly token: number;
  readonly runId: string | undefined;
  readonly slot: RunSlot | SessionSlot | undefined;
  /** When its lease runs out. */
  leaseDueAt: number;
  /** What has ended it for its own sake, as far as is known. */
  readonly ends = new Set<string>();

  constructor(ask: Ask, { token, runId, slot }: Grant, now: number) {
    this.ask = ask;
    this.token = token;
    this.runId = runId;
    this.slot = slot;
    this.leaseDueAt = now + (ask.terms.leaseMs ?? Infinity);
  }

  get isSession(): boolean {
    return this.ask.terms.type === 'session';
  }

  get sessionId(): string {
    return this.ask.terms.sessionId;
  }

  /** Whether this is what somebody has asked for. */
  isOf({ terms }: Ask, { runId }: Grant): boolean {
    return terms.sessionId === this.sessionId && runId === this.runId;
  }

  get name(): string {
    const id = this.runId === undefined ? '' : `/${this.runId}`;
    return `${this.sessionId}${id} (token ${this.token})`;
  }
}

/** The terms as the limiter's functions take them, but for the ids. */
export function optionsOf(terms: Terms): AcquireRunOptions {
  const { owner, kind, priority, holder, leaseMs, waitMs, signal } = terms;
  return {
    ...(owner !== undefined && { owner }),
    ...(kind !== undefined && { kind }),
    ...(priority !== undefined && { priority }),
    ...(holder?.target && { holder: holder.target }),
    ...(leaseMs !== undefined && { leaseMs }),
    ...(waitMs !== undefined && { waitTimeoutMs: waitMs }),
    ...(signal && { signal }),
  };
}
