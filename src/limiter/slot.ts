/**
 * The handles on slots: what an acquire resolves with.
 *
 * A handle stands for one grant, by its token. All who joined one wait, and all who ask for an id that is
 * held, get handles on the same grant: the first release ends it for all, a later one frees nobody
 * else's. Dropping a handle releases nothing.
 */
import type { RunEntry, SessionEntry, SlotEntry } from '../slots/index.ts';
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
  static giveUp({ desk, entry }: Slot<RunEntry | SessionEntry>): void {
    desk.giveUp(entry);
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

/** A session slot that is held. */
export class SessionSlot extends Slot<SessionEntry> {
  get sessionId(): string {
    return this.entry.id;
  }

  release(): Promise<ReleaseReport> {
    return this.desk.releaseSession(this.entry.id, undefined, this.entry);
  }

  toJSON(): { sessionId: string; token: number } {
    return { sessionId: this.sessionId, token: this.token };
  }
}

/** A run slot that is held. */
export class RunSlot extends Slot<RunEntry> {
  get sessionId(): string {
    return this.entry.session.id;
  }

  /** Releases and asks for no answer; for who has no use for one. */
  static giveBack(slot: RunSlot): void {
    slot.desk.giveBackSilently(slot.entry);
  }

  get runId(): string {
    return this.entry.id;
  }

  release(): Promise<ReleaseReport> {
    return this.desk.giveBackRun(this.entry);
  }

  toJSON(): { sessionId: string; runId: string; token: number } {
    return { sessionId: this.sessionId, runId: this.runId, token: this.token };
  }
}

/** The slot has ended otherwise than through a handle. Runs listeners of its signal. */
export function loseSlot(entry: SlotEntry): void {
  const controller = tieOf(entry)?.controller;
  if (controller) abort(controller, entry);
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
