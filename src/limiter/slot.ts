/**
 * The handles on slots: what an acquire resolves with.
 *
 * A handle stands for one grant, by its token. All who joined one wait, and all who ask for an id that is
 * held, get handles on the same grant: the first release ends it for all, a later one frees nobody
 * else's. Dropping a handle releases nothing.
 */
import type { EndReason, RunEntry, SessionEntry, SlotEntry } from '../slots/index.ts';
import type { Desk } from './desk.ts';
import type { ReleaseReport } from './release-report.ts';
import { SlotLostError } from './slot-lost-error.ts';
import { ensureTie, tieOf } from './slot-tie.ts';

abstract class Slot<Entry extends RunEntry | SessionEntry> {
  protected readonly entry: Entry;
  protected readonly desk: Desk;

  constructor(entry: Entry, desk: Desk) {
    this.entry = entry;
    this.desk = desk;
  }

  /** For who never had it in his hands: ends the slot unless somebody else was given it too. */
  static giveUp({ desk, entry, isCurrent }: Slot<RunEntry | SessionEntry>): void {
    if (isCurrent) desk.giveUp(entry);
  }

  /** Whether its entry stands for the grant that it was given. */
  protected get isCurrent(): boolean {
    return true;
  }

  /** The fencing token: rises with every grant of the limiter. */
  get token(): number {
    return this.entry.token;
  }

  /**
   * Aborts with a `SlotLostError` when the slot ends otherwise than by a release through a handle on
   * it. Made when it is first read.
   */
  get signal(): AbortSignal {
    return controllerOf(this.entry).signal;
  }

  /** Gives the slot back. Never refused; late or again it frees nothing. */
  abstract release(): Promise<ReleaseReport>;

  /** For `await using`: releases. Never rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    // If the limiter is gone, so is the slot.
    await this.release().catch(() => {});
  }
}

/**
 * A session slot that is held. Its id may be granted anew while runs of it are left, so a handle keeps the
 * token that it stands for.
 */
export class SessionSlot extends Slot<SessionEntry> {
  private readonly grant: number;

  constructor(entry: SessionEntry, desk: Desk) {
    super(entry, desk);
    this.grant = entry.token;
  }

  override get token(): number {
    return this.grant;
  }

  override get signal(): AbortSignal {
    if (this.isCurrent) return super.signal;
    return AbortSignal.abort(new SlotLostError('released', this.sessionId));
  }

  protected override get isCurrent(): boolean {
    return this.entry.token === this.grant;
  }

  get sessionId(): string {
    return this.entry.id;
  }

  /** UTC epoch milliseconds; of a session that lives on, as its journal has it. */
  get grantedAt(): number {
    const { clock } = this.desk;
    const ageMs = clock.monotonicNow() - this.entry.since;
    return tieOf(this.entry)?.grantedAt ?? Math.round(clock.now() - ageMs);
  }

  /** Whether any run holds a slot or waits for one under its id. */
  get hasRuns(): boolean {
    return this.entry.hasRuns;
  }

  /** Whether it lives on when the process ends. */
  get isDurable(): boolean {
    return this.entry.life === 'durable';
  }

  /** `note`: what is said of its end. It stands in a journal that tells of what has ended. */
  release({ note }: { readonly note?: string } = {}): Promise<ReleaseReport> {
    return this.desk.releaseSession(this.entry.id, this.grant, this.entry, note);
  }

  toJSON(): { sessionId: string; token: number } {
    return { sessionId: this.sessionId, token: this.token };
  }
}

/** What is done with a run slot. */
export type Job<Result> = (slot: RunSlot) => Result | PromiseLike<Result>;

/** A run slot that is held. */
export class RunSlot extends Slot<RunEntry> {
  get sessionId(): string {
    return this.entry.session.id;
  }

  /** Runs `job` with it and releases it, however `job` ends. Settles as `job` does. */
  static async use<Result>(slot: RunSlot, job: Job<Result>): Promise<Result> {
    try {
      return await job(slot);
    } finally {
      slot.desk.giveBackSilently(slot.entry);
    }
  }

  get runId(): string {
    return this.entry.id;
  }

  /** `note`: what is said of its end. It stands in a journal that tells of what has ended. */
  release({ note }: { readonly note?: string } = {}): Promise<ReleaseReport> {
    return this.desk.giveBackRun(this.entry, note);
  }

  toJSON(): { sessionId: string; runId: string; token: number } {
    return { sessionId: this.sessionId, runId: this.runId, token: this.token };
  }
}

/** The slot has ended: for its holder, unless it was through a handle. Runs listeners of its signal. */
export function loseSlot(entry: SlotEntry): void {
  const { controller, work } = tieOf(entry) ?? {};
  if (controller && !entry.isOwnEnd) abort(controller, entry);
  const { end } = entry;
  if (work && end !== undefined) queueMicrotask(() => work.lost(end));
}

/** The slot will end with its work, which is asked to come to its end. */
export function askForEnd(entry: SlotEntry, reason: EndReason): void {
  const work = tieOf(entry)?.work;
  if (work) queueMicrotask(() => work.endAsked(reason));
}

/** Whoever reads the signal of a slot that is lost already finds it aborted. */
function controllerOf(entry: SlotEntry): AbortController {
  const tie = ensureTie(entry);
  if (tie.controller) return tie.controller;
  const controller = new AbortController();
  tie.controller = controller;
  if (entry.end !== undefined && !entry.isOwnEnd) abort(controller, entry);
  return controller;
}

function abort(controller: AbortController, entry: SlotEntry): void {
  if (entry.end !== undefined) controller.abort(new SlotLostError(entry.end, entry.id));
}
