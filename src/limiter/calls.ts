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
  SlotLife,
} from '../slots/index.ts';
import { BookedCall } from './call-book.ts';
import type { Desk } from './desk.ts';
import type { Holder } from './holder.ts';
import { NOTHING_RELEASED } from './release-report.ts';
import { runIds } from './run-ids.ts';
import type { SlotWork } from './slot-work.ts';

/** What an acquire says besides its ids. */
export interface AcquireTerms {
  readonly owner: string | undefined;
  readonly kind: string | undefined;
  readonly priority: number;
  readonly labels: Labels | undefined;
  /** 0 when the caller does not wait. */
  readonly waitTimeoutMs: number;
  /** What the slot will hang on, if anything was named. */
  readonly bonds: Bonds | undefined;
}

/** What ends a slot besides a release. */
export interface Bonds {
  readonly holder: Holder | undefined;
  /** `Infinity`: no lease. */
  readonly leaseMs: number;
  readonly life: SlotLife;
  /** Makes it a managed slot. */
  readonly work: SlotWork | undefined;
  /** Of a session that lives on. */
  readonly terms: string | undefined;
  /** The stack of the acquire, where handles are traced. */
  readonly acquiredAt: string | undefined;
}

/** To acquire a slot. */
export abstract class AcquireCall extends BookedCall {
  readonly sessionId: string;
  /** Shared by all who have asked alike; of many who wait, nobody has his own. */
  private readonly terms: AcquireTerms;

  constructor(desk: Desk, sessionId: string, terms: AcquireTerms) {
    super(desk, 'ordinary', terms.waitTimeoutMs);
    this.sessionId = sessionId;
    this.terms = terms;
  }

  get owner(): string | undefined {
    return this.terms.owner;
  }

  get kind(): string | undefined {
    return this.terms.kind;
  }

  get priority(): number {
    return this.terms.priority;
  }

  get labels(): Labels | undefined {
    return this.terms.labels;
  }

  get bonds(): Bonds | undefined {
    return this.terms.bonds;
  }

  override resolveWith(value: unknown): boolean {
    this.bonds?.holder?.removeCall(this);
    return super.resolveWith(value);
  }

  override rejectWith(error: unknown): boolean {
    this.bonds?.holder?.removeCall(this);
    return super.rejectWith(error);
  }
}

/** To acquire a session slot. */
export class AcquireSessionCall extends AcquireCall implements SessionRequest {
  override get messageType(): string {
    return 'acquire_session';
  }

  override get shown(): object {
    const { sessionId, owner, priority, labels, waitTimeoutMs } = this;
    return { type: this.messageType, sessionId, owner, priority, labels, waitTimeoutMs };
  }
}

/** To acquire a run slot. */
export class AcquireRunCall extends AcquireCall implements RunRequest {
  readonly runKey: RunKey;

  constructor(desk: Desk, sessionId: string, runKey: RunKey, terms: AcquireTerms) {
    super(desk, sessionId, terms);
    this.runKey = runKey;
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

/** To end what an id holds. When the limiter was stopped it has ended with it: nothing is left to end. */
abstract class EndingCall extends BookedCall {
  override close(fault: SlotkeeperError): void {
    if (fault.code === 'stopped') this.resolveWith(NOTHING_RELEASED);
    else super.close(fault);
  }
}

/**
 * To release an id, or only the grant of it that has this token. It has no time-out and the mailbox
 * takes it whatever waits there. What is given back through a handle goes before all that waits; by its
 * id a slot is released in order, so that an acquire of that id that was sent before is there already.
 */
export abstract class ReleaseCall<Entry extends RunEntry | SessionEntry> extends EndingCall {
  readonly id: string;
  readonly token: number | undefined;
  /** What its holder gives back through a handle; `undefined` for who releases by id. */
  readonly held: Entry | undefined;
  /** What is said of its end. */
  readonly note: string | undefined;

  constructor(
    desk: Desk,
    id: string,
    token: number | undefined,
    held: Entry | undefined,
    note?: string,
  ) {
    super(desk, held ? 'urgent' : 'ordinary', 0);
    this.id = id;
    this.token = token;
    this.held = held;
    this.note = note;
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

/** A holder of slots is down. Never lost. */
export class HolderDownCall extends BookedCall {
  readonly holder: Holder;

  constructor(desk: Desk, holder: Holder) {
    super(desk, 'urgent', 0);
    this.holder = holder;
  }

  override get messageType(): string {
    return 'holder_down';
  }

  override get shown(): object {
    const { label, slots, calls } = this.holder;
    return { type: this.messageType, holder: label, slots: slots.size, calls: calls.size };
  }
}

/** Leases have run out. Never lost. */
export class SweepCall extends BookedCall {
  constructor(desk: Desk) {
    super(desk, 'urgent', 0);
  }

  override get messageType(): string {
    return 'sweep';
  }

  override get shown(): object {
    return { type: this.messageType };
  }
}

/** To renew the lease of a grant. It goes before all that waits, and before the end of what has run out. */
export abstract class RenewCall extends BookedCall {
  readonly id: string;
  readonly token: number;

  constructor(desk: Desk, id: string, token: number) {
    super(desk, 'urgent', 0);
    this.id = id;
    this.token = token;
  }

  override get shown(): object {
    return { type: this.messageType, id: this.id, token: this.token };
  }
}

export class RenewRunCall extends RenewCall {
  override get messageType(): string {
    return 'renew_run';
  }
}

export class RenewSessionCall extends RenewCall {
  override get messageType(): string {
    return 'renew_session';
  }
}

/** To end a run's slot against its holder. Never lost. */
export class EvictCall extends EndingCall {
  readonly id: string;
  /** Why, for people. */
  readonly note: string;

  constructor(desk: Desk, id: string, note: string) {
    super(desk, 'urgent', 0);
    this.id = id;
    this.note = note;
  }

  override get messageType(): string {
    return 'evict';
  }

  override get shown(): object {
    return { type: this.messageType, id: this.id, note: this.note };
  }
}

/** To look whether the journal can be written. Never lost. */
export class ExamineStorageCall extends BookedCall {
  isExamined = false;

  constructor(desk: Desk) {
    super(desk, 'urgent', 0);
  }

  override get messageType(): string {
    return 'examine_storage';
  }

  override get shown(): object {
    return { type: this.messageType };
  }
}

/** To take in nobody new, or to do so again. */
export class SetDrainingCall extends BookedCall {
  readonly isDraining: boolean;
  /** Whether work that waits in the journal goes on waiting, instead of being refused. */
  readonly keepsOrders: boolean;

  constructor(desk: Desk, isDraining: boolean, keepsOrders = false) {
    super(desk, 'ordinary', 0);
    this.isDraining = isDraining;
    this.keepsOrders = keepsOrders;
  }

  override get messageType(): string {
    return 'set_draining';
  }

  override get shown(): object {
    const { isDraining, keepsOrders } = this;
    return { type: this.messageType, isDraining, keepsOrders };
  }
}

/** To change limits, or to take back all such changes. */
export class SetLimitsCall extends BookedCall {
  /** `undefined`: what was changed is taken back. */
  readonly changes: LimitChanges | undefined;
  readonly by: string | undefined;

  constructor(desk: Desk, changes: LimitChanges | undefined, by: string | undefined) {
    super(desk, 'ordinary', 0);
    this.changes = changes;
    this.by = by;
  }

  override get messageType(): string {
    return 'set_limits';
  }

  override get shown(): object {
    return { type: this.messageType, changes: this.changes, by: this.by };
  }
}
