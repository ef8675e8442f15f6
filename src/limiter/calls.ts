/**
 * The messages that the limiter's actor understands, as the calls that carry them. Each is made in
 * `limiter.ts` or `desk.ts`, from what was checked there.
 */
import type { SlotkeeperError } from '../fault.ts';
import type {
  Labels,
  LimitChanges,
  RunEntry,
  RunKey,
  RunRequest,
  SessionEntry,
  SessionRequest,
} from '../slots/index.ts';
import { BookedCall } from './call-book.ts';
import type { Desk } from './desk.ts';
import { NOTHING_RELEASED } from './release-report.ts';
import { runIds } from './run-ids.ts';

/** What an acquire says besides its ids. */
export interface AcquireTerms {
  readonly owner: string | undefined;
  readonly kind: string | undefined;
  readonly priority: number;
  readonly labels: Labels | undefined;
  /** 0 when the caller does not wait. */
  readonly waitTimeoutMs: number;
}

/** To acquire a session slot. */
export class AcquireSessionCall extends BookedCall implements SessionRequest {
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly priority: number;
  readonly labels: Labels | undefined;

  constructor(desk: Desk, sessionId: string, terms: AcquireTerms) {
    super(desk, 'ordinary', terms.waitTimeoutMs);
    this.sessionId = sessionId;
    this.owner = terms.owner;
    this.priority = terms.priority;
    this.labels = terms.labels;
  }

  override get messageType(): string {
    return 'acquire_session';
  }

  override get shown(): object {
    const { sessionId, owner, priority, labels, waitTimeoutMs } = this;
    return { type: this.messageType, sessionId, owner, priority, labels, waitTimeoutMs };
  }
}

/** To acquire a run slot. */
export class AcquireRunCall extends BookedCall implements RunRequest {
  readonly sessionId: string;
  readonly runKey: RunKey;
  readonly owner: string | undefined;
  readonly kind: string | undefined;
  readonly priority: number;
  readonly labels: Labels | undefined;

  constructor(desk: Desk, sessionId: string, runKey: RunKey, terms: AcquireTerms) {
    super(desk, 'ordinary', terms.waitTimeoutMs);
    this.sessionId = sessionId;
    this.runKey = runKey;
    this.owner = terms.owner;
    this.kind = terms.kind;
    this.priority = terms.priority;
    this.labels = terms.labels;
  }

  override get messageType(): string {
    return 'acquire_run';
  }

  get runId(): string {
    return runIds.idOf(this.runKey);
  }

  override get shown(): object {
    const { sessionId, runId, owner, kind, priority, labels, waitTimeoutMs } = this;
    const type = this.messageType;
    return { type, sessionId, runId, owner, kind, priority, labels, waitTimeoutMs };
  }
}

/**
 * To release an id, or only the grant of it that has this token. It has no time-out and the mailbox
 * takes it whatever waits there. What is given back through a handle goes before all that waits; by its
 * id a slot is released in order, so that an acquire of that id that was sent before is there already.
 */
export abstract class ReleaseCall<Entry extends RunEntry | SessionEntry> extends BookedCall {
  readonly id: string;
  readonly token: number | undefined;
  /** What its holder gives back through a handle; `undefined` for who releases by id. */
  readonly held: Entry | undefined;

  constructor(desk: Desk, id: string, token: number | undefined, held: Entry | undefined) {
    super(desk, held ? 'urgent' : 'ordinary', 0);
    this.id = id;
    this.token = token;
    this.held = held;
  }

  /** When the limiter was stopped, the slot has ended with it, and nothing is left to release. */
  override close(fault: SlotkeeperError): void {
    if (fault.code === 'stopped') this.resolveWith(NOTHING_RELEASED);
    else super.close(fault);
  }

  override get shown(): object {
    return { type: this.messageType, id: this.id, token: this.token ?? this.held?.token };
  }
}

export class ReleaseRunCall extends ReleaseCall<RunEntry> {
  override get messageType(): string {
    return 'release_run';
  }
}

export class ReleaseSessionCall extends ReleaseCall<SessionEntry> {
  override get messageType(): string {
    return 'release_session';
  }
}

/** A caller waits no more: his deadline has come, or his signal has aborted. Never lost. */
export class WithdrawCall extends BookedCall {
  readonly call: BookedCall;

  constructor(desk: Desk, call: BookedCall) {
    super(desk, 'urgent', 0);
    this.call = call;
  }

  override get messageType(): string {
    return 'withdraw';
  }

  override get shown(): object {
    return { type: this.messageType, call: this.call.shown };
  }
}

/** A slot was granted and nobody was there any more to be given it. Never lost. */
export class TakeBackCall extends BookedCall {
  readonly granted: RunEntry | SessionEntry;

  constructor(desk: Desk, granted: RunEntry | SessionEntry) {
    super(desk, 'urgent', 0);
    this.granted = granted;
  }

  override get messageType(): string {
    return 'take_back';
  }

  override get shown(): object {
    return { type: this.messageType, id: this.granted.id, token: this.granted.token };
  }
}

export class SetLimitsCall extends BookedCall {
  readonly changes: LimitChanges;

  constructor(desk: Desk, changes: LimitChanges) {
    super(desk, 'ordinary', 0);
    this.changes = changes;
  }

  override get messageType(): string {
    return 'set_limits';
  }

  override get shown(): object {
    return { type: this.messageType, changes: this.changes };
  }
}
