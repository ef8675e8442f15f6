/**
 * The ledger: who holds what, as those know it who asked, were told, and have ended it. It asks the
 * limiter nothing.
 *
 * All that is done has a number. A release by id is served in order, so it ends what was asked for under
 * that id before it, and nothing that was asked for later, whenever either is served.
 */
import { RefusalError, SlotkeeperError } from 'slotkeeper';
import type { SimulatedClock } from 'slotkeeper/testing';
import { Ask, type Grant, Hold, type Terms } from './ask.ts';
import type { Mortal } from './mortal.ts';
import type { Complaints } from './tally.ts';

/** The end of all that was asked for under an id until then. */
interface End {
  readonly number: number;
  readonly reason: string;
}

/** What a refusal says. */
export interface Refused {
  readonly code: string;
  readonly limit: number | undefined;
  readonly active: number | undefined;
  readonly message: string;
}

/** Given back through a handle: the one end of which `slot.signal` says nothing. */
export const GIVEN_BACK = 'given_back';

export class Ledger {
  /** Who was not told yet. */
  readonly open = new Set<Ask>();
  /** Who was refused since it was last looked at. */
  readonly left: Ask[] = [];
  /** By token. Those that have ended stand here until they are buried. */
  readonly holds = new Map<number, Hold>();
  private readonly sessionEnds = new Map<string, End>();
  private readonly runEnds = new Map<string, End>();
  private readonly clock: SimulatedClock;
  private readonly complaints: Complaints;
  private number = 0;

  constructor(clock: SimulatedClock, complaints: Complaints) {
    this.clock = clock;
    this.complaints = complaints;
  }

  next(): number {
    this.number += 1;
    return this.number;
  }

  /** Those that live, as far as is known, in the order of their grants. */
  get living(): Hold[] {
    return [...this.holds.values()]
      .filter((hold) => !this.hasEnded(hold))
      .sort((one, other) => one.token - other.token);
  }

  // ── What is asked and told ──────────────────────────────────────────────────────────────────────

  ask(terms: Terms): Ask {
    const ask = new Ask(this.next(), terms, this.clock.monotonicNow());
    this.open.add(ask);
    return ask;
  }

  granted(ask: Ask, grant: Grant): Hold {
    this.close(ask);
    const known = this.holds.get(grant.token);
    const isSame = known === undefined || known.isOf(ask, grant);
    this.complaints.expect(isSame, () => `${ask.subject} was given ${known?.name}`);
    // Who asks at once is told before those who asked before him; the slot is theirs.
    if (known && known.ask.number < ask.number) return known;
    const hold = new Hold(ask, grant, this.clock.monotonicNow());
    this.holds.set(grant.token, hold);
    const { holder } = ask.terms;
    if (hold.isSession && holder && !holder.isAlive) {
      this.endSession(hold.sessionId, 'holder_down', holder.diedAt);
    }
    return hold;
  }

  refused(ask: Ask, error: unknown): void {
    this.close(ask);
    this.left.push(ask);
    const { signal } = ask.terms;
    if (signal?.aborted && error === signal.reason) return;
    if (error instanceof RefusalError) this.checkRefusal(ask, error);
    else if (error instanceof SlotkeeperError && ask.reasons.has(error.code)) return;
    else this.complaints.add(`${ask.subject} was rejected with ${String(error)}`);
  }

  /** The same, as another thread tells of it. */
  refusedWith(ask: Ask, refusal: Refused): void {
    this.close(ask);
    this.left.push(ask);
    this.checkRefusal(ask, refusal);
  }

  /** The thread that asked has ended, and nobody is there to be told. */
  forget(ask: Ask): void {
    ask.isOpen = false;
    this.open.delete(ask);
  }

  // ── What has ended ──────────────────────────────────────────────────────────────────────────────

  /** All that was asked for in this session until now, or until `number`, ends. */
  endSession(sessionId: string, reason = 'released', number = this.next()): void {
    const before = this.sessionEnds.get(sessionId)?.number ?? 0;
    if (number > before) this.sessionEnds.set(sessionId, { number, reason });
  }

  /** All that was asked for under this id until now ends. */
  endRun(runId: string): void {
    this.runEnds.set(runId, { number: this.next(), reason: 'released' });
  }

  /** A slot ends through a handle or by its lease; a session with all that is tied to it. */
  end(hold: Hold, reason: string): void {
    hold.ends.add(reason);
    if (hold.isSession) this.endSession(hold.sessionId, reason);
  }

  /** A holder dies, and its sessions with all that is tied to them. */
  async kill(mortal: Mortal): Promise<void> {
    const sessions = this.living.filter((hold) => hold.isSession && isHeldBy(hold, mortal));
    const dying = mortal.die(this.next());
    for (const { sessionId } of sessions) {
      this.endSession(sessionId, 'holder_down', mortal.diedAt);
    }
    await dying;
  }

  /** Why a slot cannot be held any more; empty while it must be. */
  endsOf(hold: Hold): string[] {
    const { ends, isSession } = hold;
    const ofRun = this.endOfRun(hold);
    const ofSession = this.endOfSession(hold);
    return [
      ...ends,
      ...(isWidowed(hold) ? ['holder_down'] : []),
      ...(ofRun ? [ofRun.reason] : []),
      ...(ofSession ? [isSession ? ofSession.reason : 'cascade'] : []),
    ];
  }

  /** Why somebody cannot wait any more; empty while he may. */
  reasonsToLeave({ number, terms, dueAt, reasons }: Ask): string[] {
    const { type, sessionId, runId, holder, signal } = terms;
    const ofSession = this.sessionEnds.get(sessionId)?.number ?? 0;
    const ofRun = runId === undefined ? 0 : (this.runEnds.get(runId)?.number ?? 0);
    return [
      ...reasons,
      ...(dueAt <= this.clock.monotonicNow() ? ['wait_timeout'] : []),
      ...(ofSession > number ? [type === 'run' ? 'session_released' : 'withdrawn'] : []),
      ...(ofRun > number || (holder && !holder.isAlive) ? ['withdrawn'] : []),
      ...(signal?.aborted ? ['aborted'] : []),
    ];
  }

  private hasEnded(hold: Hold): boolean {
    if (hold.ends.size > 0 || isWidowed(hold)) return true;
    return (this.endOfRun(hold) ?? this.endOfSession(hold)) !== undefined;
  }

  private endOfRun({ runId = '', ask }: Hold): End | undefined {
    return laterThan(ask, this.runEnds.get(runId));
  }

  private endOfSession({ sessionId, ask }: Hold): End | undefined {
    return laterThan(ask, this.sessionEnds.get(sessionId));
  }

  private close(ask: Ask): void {
    this.complaints.expect(ask.isOpen, () => `${ask.subject} was told twice`);
    this.forget(ask);
  }

  /** Nobody is refused without a reason. */
  private checkRefusal(ask: Ask, { code, limit, active, message }: Refused): void {
    const isFull = limit !== undefined && active !== undefined && active >= limit;
    const isOfLimit = code.startsWith('max_') || code === 'queue_full';
    const hasReason = isOfLimit ? isFull : this.mayBeRefused(ask, code);
    this.complaints.expect(hasReason, () => `${ask.subject} was refused: ${code}, ${message}`);
  }

  private mayBeRefused(ask: Ask, code: string): boolean {
    if (OTHERWISE_JUDGED.has(code)) return true;
    return this.reasonsToLeave(ask).includes(code);
  }
}

/** Refusals whose reasons are not in the ledger. */
const OTHERWISE_JUDGED = new Set([
  'run_id_conflict',
  'session_id_conflict',
  'draining',
  'unavailable',
]);

export function isHeldBy({ ask }: Hold, mortal: Mortal): boolean {
  return ask.terms.holder === mortal;
}

/** Whether it has lost its holder. */
function isWidowed({ ask }: Hold): boolean {
  return ask.terms.holder?.isAlive === false;
}

function laterThan({ number }: Ask, end: End | undefined): End | undefined {
  return end && end.number > number ? end : undefined;
}
