/**
 * What the contract says of a limiter, as a small synchronous program: two lists, scanned in order, and one
 * line of answer per call. It knows nothing of the code under test, and nothing crashes here.
 */
import { type Ask, type Full, fullLimits, type Limits, showLimits } from './limits-model.ts';
import { MailboxModel } from './mailbox-model.ts';

/** A slot, as a wait, has the terms of whoever asked first. */
export type Slot = Ask & { readonly grant: number; readonly grantedAt: number };
export type Wait = { readonly terms: Ask; asks: Ask[] };

export class LimiterModel extends MailboxModel {
  limits: Limits;
  held: Slot[] = [];
  waits: Wait[] = [];
  readonly grants: Slot[] = [];
  readonly ends: { slot: Slot; reason: string; isOwn: boolean; at: number }[] = [];
  readonly refusals: { ask: Ask; code: string; terms: Ask }[] = [];

  constructor(limits: Limits, callTimeoutMs: number) {
    super(callTimeoutMs);
    this.limits = limits;
  }

  acquire(ask: Ask): void {
    this.post(ask.call, () => this.decide(ask), ask.waitMs);
  }

  tryAcquire(ask: Ask): void {
    if (this.isSuspended && !this.end) this.answers.set(ask.call, 'unavailable');
    else this.acquire(ask);
  }

  setLimits(call: number, { maxRunsPerKind, ...change }: Partial<Limits>): void {
    this.post(call, () => {
      const kinds = { ...this.limits.maxRunsPerKind, ...maxRunsPerKind };
      this.limits = { ...this.limits, ...change, maxRunsPerKind: kinds };
      this.grantWaits();
      this.answers.set(call, showLimits(this.limits));
    });
  }

  /** By id, in order; with `grant` only that one. `isOwn`: by its holder, before all that waits. */
  release(call: number, table: Ask['table'], id: string, grant?: number, isOwn = false): void {
    this.postLasting(call, 'report 0 0 0..0', isOwn, () => {
      const slot = this.held.find((one) => one.table === table && one.id === id);
      const isStale = grant !== undefined && grant !== slot?.grant;
      const isTied = (one: Ask) =>
        !isStale && (table === 'run' ? one.table === 'run' && one.id === id : one.session === id);
      const slots = this.held.filter(isTied);
      const waits = this.waits.filter(({ terms }) => isTied(terms));
      const awaited = waits.filter((wait) => this.callersOf(wait).length > 0).length;
      for (const { terms, asks } of waits) {
        const code = terms.table === table ? 'withdrawn' : 'session_released';
        this.refuseWaits(code, (ask) => asks.includes(ask));
      }
      this.waits = this.waits.filter((wait) => !waits.includes(wait));
      for (const one of slots) this.endSlot(one, one === slot ? 'released' : 'cascade', isOwn);
      this.grantWaits();
      const sessions = slots.filter((one) => one.table === 'session').length;
      const range = `${awaited}..${waits.length}`; // who has left may be counted until it is served
      this.answers.set(call, `report ${sessions} ${slots.length - sessions} ${range}`);
    });
  }

  override abort(aborted: number): void {
    super.abort(aborted);
    this.refuseWaits('withdrawn', ({ call }) => call === aborted, 'aborted');
  }

  override advance(ms: number): void {
    super.advance(ms);
    this.refuseWaits('wait_timeout', ({ askedAt, waitMs }) => askedAt + waitMs <= this.now);
  }

  override finish(pending: string, later: string): void {
    super.finish(pending, later);
    const callers = this.waits.splice(0).flatMap((wait) => this.callersOf(wait));
    for (const { call } of callers) this.answers.set(call, pending);
    for (const slot of [...this.held]) this.endSlot(slot, 'stopped', false);
  }

  private decide(asked: Ask): void {
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
    else if (!full[0]) this.grant({ terms: ask, asks: [ask] });
    else if (ask.waitMs === 0) this.refuse(ask, full[0]);
    else if (wait) wait.asks.push(ask);
    else if (jobs || this.waits.length >= limit) this.refuse(ask, jobs ?? queue);
    else this.waits.push({ terms: ask, asks: [ask] });
  }

  /** The one place that gives room to those who wait: higher priority first, then arrival. */
  private grantWaits(): void {
    for (const wait of this.waits.toSorted((a, b) => b.terms.priority - a.terms.priority)) {
      if (this.callersOf(wait)[0] && !fullLimits(wait.terms, this)[0]) this.grant(wait);
    }
  }

  private grant(wait: Wait): void {
    const slot = { ...wait.terms, grant: this.grants.length + 1, grantedAt: this.now };
    this.waits = this.waits.filter((one) => one !== wait);
    this.held.push(slot);
    this.grants.push(slot);
    for (const { call } of this.callersOf(wait)) this.answers.set(call, `slot ${slot.grant}`);
  }

  private refuse(ask: Ask, { code = '', ...full }: Partial<Full>, answer = code, terms = ask) {
    const why = full.scope ? ` ${full.active}/${full.limit} ${full.scope}` : '';
    this.answers.set(ask.call, answer + why);
    this.refusals.push({ ask, code, terms });
  }

  /** They are told at once; that they have left is served as a release is. */
  private refuseWaits(code: string, isMeant: (ask: Ask) => boolean, answer = code): void {
    for (const wait of [...this.waits]) {
      const blocking = code === 'wait_timeout' ? fullLimits(wait.terms, this)[0] : undefined;
      for (const ask of this.callersOf(wait).filter(isMeant)) {
        this.refuse(ask, { ...blocking, code }, answer, wait.terms);
        this.postLasting(ask.call, this.answers.get(ask.call) ?? '', true, () => {
          wait.asks = wait.asks.filter((one) => one !== ask);
          this.waits = this.waits.filter(({ asks }) => asks.length > 0);
        });
      }
    }
  }

  /** Those who have not left yet, though it may not be served that they have. */
  private callersOf({ asks }: Wait): Ask[] {
    return asks.filter(({ call }) => !this.answers.has(call));
  }

  private endSlot(slot: Slot, reason: string, isOwn: boolean): void {
    this.held = this.held.filter((one) => one !== slot);
    this.ends.push({ slot, reason, isOwn: isOwn && reason === 'released', at: this.now });
  }
}
