/**
 * What the contract says of slots and of those who wait for them, as two lists that are scanned in order:
 * who is granted, who waits, who is refused, and what ends with what. Plain data; it knows nothing of the
 * code under test.
 */
import { type Ask, type Full, fullLimits, type Limits, type Table } from './limits-model.ts';
import { MailboxModel } from './mailbox-model.ts';
import { type Fairness, TurnsModel } from './turns-model.ts';

/** A slot, as a wait, has the terms of whoever asked first. */
export type Slot = Ask & { readonly grant: number; readonly grantedAt: number; expiresAt: number };
export type Wait = { readonly terms: Ask; asks: Ask[] };

/** How a slot ended. `note`: what was said of an eviction. */
export interface End {
  readonly slot: Slot;
  readonly reason: string;
  readonly isOwn: boolean;
  readonly note: string;
  readonly at: number;
}

export class SlotsModel extends MailboxModel {
  limits: Limits;
  held: Slot[] = [];
  waits: Wait[] = [];
  isDraining = false;
  readonly grants: Slot[] = [];
  readonly ends: End[] = [];
  readonly refusals: { ask: Ask; code: string; terms: Ask; at: number }[] = [];

  private readonly turns: TurnsModel;

  constructor(limits: Limits, callTimeoutMs: number, fairness: Fairness) {
    super(callTimeoutMs);
    this.limits = limits;
    this.turns = new TurnsModel(fairness);
  }

  aheadOf(wait: Wait): number {
    return this.turns.aheadOf(wait, this.waits);
  }

  protected override followUp(): void {
    this.turns.follow(this.waits);
  }

  protected decide(asked: Ask): void {
    const ask = { ...asked, servedAt: this.now };
    const isSame = (one: Ask) => one.table === ask.table && one.id === ask.id;
    const slot = this.held.find(isSame);
    const wait = this.waits.find(({ terms }) => isSame(terms));
    const known = slot ?? wait?.terms;
    const full = fullLimits(known ?? ask, this);
    const jobs = full.find(({ code }) => code === 'max_jobs_per_owner_exceeded');
    const { maxWaiters: limit } = this.limits;
    const queue = { code: 'queue_full', active: this.waits.length, limit, scope: 'global' };
    if (known && (known.session !== ask.session || known.owner !== ask.owner))
      this.refuse(ask, { code: `${ask.table}_id_conflict` });
    else if (slot) this.answers.set(ask.call, `slot ${slot.grant}`);
    else if (this.isDraining) this.refuse(ask, { code: 'draining' });
    else if (!full[0]) this.grant({ terms: ask, asks: [ask] });
    else if (ask.waitMs === 0) this.refuse(ask, full[0]);
    else if (wait) wait.asks.push(ask);
    else if (jobs || this.waits.length >= limit) this.refuse(ask, jobs ?? queue);
    else this.waits.push({ terms: ask, asks: [ask] });
  }

  /** The one place that gives room to those who wait: to the first of them whom no limit blocks. */
  protected grantWaits(): void {
    for (;;) {
      this.turns.follow(this.waits);
      const wait = this.turns.order(this.waits).find((one) => this.canBeGranted(one));
      if (!wait) return;
      this.grant(wait);
      this.turns.granted(wait);
    }
  }

  private canBeGranted(wait: Wait): boolean {
    return this.callersOf(wait).length > 0 && !fullLimits(wait.terms, this)[0];
  }

  /** It hangs on what the oldest caller has named who waits still. */
  private grant(wait: Wait): void {
    const { holder, leaseMs } = this.callersOf(wait)[0] ?? wait.terms;
    const [grant, grantedAt] = [this.grants.length + 1, this.now];
    const expiresAt = this.now + leaseMs;
    const slot = { ...wait.terms, holder, leaseMs, grant, grantedAt, expiresAt };
    this.waits = this.waits.filter((one) => one !== wait);
    this.held.push(slot);
    this.grants.push(slot);
    for (const { call } of this.callersOf(wait)) this.answers.set(call, `slot ${grant}`);
  }

  protected refuse(ask: Ask, { code = '', ...full }: Partial<Full>, answer = code, terms = ask) {
    const why = full.scope ? ` ${full.active}/${full.limit} ${full.scope}` : '';
    this.answers.set(ask.call, answer + why);
    this.refusals.push({ ask, code, terms, at: this.now });
  }

  /** They are told at once; that they have left is served as a release is. */
  protected refuseWaits(code: string, isMeant: (ask: Ask) => boolean, answer = code): void {
    for (const wait of [...this.waits]) {
      const blocking = code === 'wait_timeout' ? fullLimits(wait.terms, this)[0] : undefined;
      for (const ask of this.callersOf(wait).filter(isMeant)) {
        this.refuse(ask, { ...blocking, code }, answer, wait.terms);
        this.postLasting({ isUrgent: true }, () => {
          wait.asks = wait.asks.filter((one) => one !== ask);
          this.waits = this.waits.filter(({ asks }) => asks.length > 0);
        });
      }
    }
  }

  /** Those who have not left yet, though it may not be served that they have. */
  protected callersOf({ asks }: Wait): Ask[] {
    return asks.filter(({ call }) => !this.answers.has(call));
  }

  protected get heldRuns(): Slot[] {
    return this.held.filter(({ table }) => table === 'run');
  }

  protected find(table: Table, id: string): Slot | undefined {
    return this.held.find((one) => one.table === table && one.id === id);
  }

  /** What an id holds ends, and who waits for it is refused; of a session, with all that is tied to it. */
  protected clear(table: Table, id: string, reason: string, { isOwn = false, note = '' } = {}) {
    const own = this.find(table, id);
    const isTied = (one: Ask) =>
      table === 'run' ? one.table === 'run' && one.id === id : one.session === id;
    const slots = this.held.filter(isTied);
    const waits = this.waits.filter(({ terms }) => isTied(terms));
    const awaited = waits.filter((wait) => this.callersOf(wait).length > 0).length;
    for (const { terms, asks } of waits) {
      const code = terms.table === table ? 'withdrawn' : 'session_released';
      this.refuseWaits(code, (ask) => asks.includes(ask));
    }
    this.waits = this.waits.filter((wait) => !waits.includes(wait));
    for (const slot of slots) {
      if (slot === own) this.endSlot(slot, reason, isOwn, note);
      else this.endSlot(slot, 'cascade');
    }
    const sessions = slots.filter((one) => one.table === 'session').length;
    const range = `${awaited}..${waits.length}`; // who has left may be counted until it is served
    return `report ${sessions} ${slots.length - sessions} ${range}`;
  }

  /** Runs for their own sake, then sessions with all that is tied to them. */
  protected clearHeld(isMeant: (slot: Slot) => boolean, reason: string): void {
    const meant = this.held.filter(isMeant);
    const runsFirst = meant.sort((one, other) => one.table.localeCompare(other.table));
    for (const { table, id } of runsFirst) this.clear(table, id, reason);
    this.grantWaits();
  }

  protected endSlot(slot: Slot, reason: string, isOwn = false, note = ''): void {
    this.held = this.held.filter((one) => one !== slot);
    this.ends.push({ slot, reason, isOwn, note, at: this.now });
  }
}
