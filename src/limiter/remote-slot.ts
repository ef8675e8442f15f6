/**
 * The handles of a client in another thread. They are as those of the limiter's own thread (`slot.ts`);
 * that a slot is lost they hear through the port.
 */
import type { EndReason } from '../slots/index.ts';
import type { ReleaseReport } from './release-report.ts';
import type { RemoteLimiter } from './remote-limiter.ts';
import { SlotLostError } from './slot-lost-error.ts';

/** One grant, which several handles may stand for. */
export class RemoteGrant {
  readonly token: number;
  private controller: AbortController | undefined = undefined;
  private readonly id: string;
  private end: EndReason | undefined = undefined;

  constructor(token: number, id: string) {
    this.token = token;
    this.id = id;
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    this.tell();
    return this.controller.signal;
  }

  lose(reason: EndReason): void {
    this.end ??= reason;
    this.tell();
  }

  private tell(): void {
    if (this.end && this.controller && !this.controller.signal.aborted) {
      this.controller.abort(new SlotLostError(this.end, this.id));
    }
  }
}

abstract class RemoteSlot {
  protected readonly limiter: RemoteLimiter;
  protected readonly grant: RemoteGrant;

  constructor(limiter: RemoteLimiter, grant: RemoteGrant) {
    this.limiter = limiter;
    this.grant = grant;
  }

  get token(): number {
    return this.grant.token;
  }

  /** Aborts with a `SlotLostError` when the slot ends otherwise than by a release through a handle. */
  get signal(): AbortSignal {
    return this.grant.signal;
  }

  /** Gives the slot back. Late or again it frees nothing. Rejects only when the port is closed. */
  release(): Promise<ReleaseReport> {
    return this.limiter.giveBack(this.token);
  }

  /** For `await using`: releases. Never rejects. */
  async [Symbol.asyncDispose](): Promise<void> {
    // If the port is closed, so is the slot.
    await this.release().catch(() => {});
  }
}

export class RemoteSessionSlot extends RemoteSlot {
  readonly sessionId: string;

  constructor(limiter: RemoteLimiter, grant: RemoteGrant, sessionId: string) {
    super(limiter, grant);
    this.sessionId = sessionId;
  }

  toJSON(): { sessionId: string; token: number } {
    return { sessionId: this.sessionId, token: this.token };
  }
}

export class RemoteRunSlot extends RemoteSlot {
  readonly sessionId: string;
  readonly runId: string;

  constructor(limiter: RemoteLimiter, grant: RemoteGrant, sessionId: string, runId: string) {
    super(limiter, grant);
    this.sessionId = sessionId;
    this.runId = runId;
  }

  toJSON(): { sessionId: string; runId: string; token: number } {
    return { sessionId: this.sessionId, runId: this.runId, token: this.token };
  }
}
