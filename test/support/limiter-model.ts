/**
 * What the contract says of a limiter, as a small synchronous program: one function for each thing that can
 * be asked of it or happen to it, and one line of answer per call. It knows nothing of the code under test,
 * and nothing crashes here.
 */
import { DrainsModel } from './drains-model.ts';
import { LeasesModel } from './leases-model.ts';
import { type Ask, type Limits, showLimits, type Table } from './limits-model.ts';
import { SlotsModel } from './slots-model.ts';

/** What an order to end something is answered that ends nothing. */
const NOTHING = 'report 0 0 0..0';

export class LimiterModel extends SlotsModel {
  /** What else is published, one line each. */
  readonly notices: string[] = [];
  private readonly drains = new DrainsModel();
  private readonly leases = new LeasesModel();
  private readonly asked: Ask[] = [];
  private readonly downHolders = new Set<number | undefined>();

  /** Whether the ask names a holder that is down: then it is not even heard. */
  isInVain({ holder }: Ask): boolean {
    return this.downHolders.has(holder);
  }

  acquire(ask: Ask): void {
    this.asked.push(ask);
    if (this.isInVain(ask)) this.answers.set(ask.call, 'noproc');
    else this.post(ask.call, () => this.decide(ask), ask.waitMs);
  }

  tryAcquire(ask: Ask): void {
    const isIdle = !this.isSuspended || this.end !== '' || this.isInVain(ask);
    if (isIdle) this.acquire(ask);
    else this.answers.set(ask.call, 'unavailable');
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
  release(call: number, table: Table, id: string, grant?: number, isOwn = false): void {
    this.postLasting({ call, unserved: NOTHING, isUrgent: isOwn }, () => {
      const slot = this.find(table, id);
      const isStale = grant !== undefined && grant !== slot?.grant;
      this.answers.set(call, isStale ? NOTHING : this.clear(table, id, 'released', { isOwn }));
      this.grantWaits();
    });
  }

  evict(call: number, id: string, note: string): void {
    this.postLasting({ call, unserved: NOTHING, isUrgent: true }, () => {
      this.answers.set(call, this.clear('run', id, 'evicted', { note }));
      this.grantWaits();
    });
  }

  /** Before all that waits, as the end of what has run out is. */
  renew(call: number, table: Table, id: string, grant: number): void {
    this.postLasting({ call, isUrgent: true }, () => {
      const slot = this.find(table, id);
      if (slot?.grant === grant) slot.expiresAt = this.now + slot.leaseMs;
      this.answers.set(call, slot?.grant === grant ? 'renewed' : 'stale_token');
    });
  }

  holderDown(down: number): void {
    this.downHolders.add(down);
    this.postLasting({ isUrgent: true }, () => {
      const isIts = ({ holder }: Ask) => holder === down;
      this.refuseWaits('withdrawn', isIts);
      const undecided = this.asked.filter((ask) => isIts(ask) && !this.answers.has(ask.call));
      for (const ask of undecided) this.refuse(ask, { code: 'withdrawn' });
      this.clearHeld(isIts, 'holder_down');
    });
  }

  drain(call: number, timeoutMs: number): void {
    this.post(call, () => {
      const refused = this.waits.length;
      const count = this.heldRuns.length;
      if (!this.isDraining) this.notices.push(`drain begun, ${refused} waits, ${count} runs`);
      this.refuseWaits('draining', () => true);
      this.isDraining = true;
      this.drains.add({ call, refused, dueAt: this.now + timeoutMs });
    });
  }

  endDraining(call: number): void {
    this.post(call, () => {
      if (this.isDraining) this.notices.push(`draining no more, ${this.heldRuns.length} runs`);
      this.isDraining = false;
      this.answers.set(call, 'resumed');
    });
  }

  override abort(aborted: number): void {
    super.abort(aborted);
    this.refuseWaits('withdrawn', ({ call }) => call === aborted, 'aborted');
  }

  override advance(ms: number): void {
    super.advance(ms);
    this.refuseWaits('wait_timeout', ({ askedAt, waitMs }) => askedAt + waitMs <= this.now);
    const { isDue, jump } = this.leases.lookAt(this.now, this.held);
    if (jump) this.notices.push(jump);
    if (isDue) this.sweep();
    this.followUp();
  }

  /** Time passes, but nothing happens: the limiter's thread is blocked. */
  stall(ms: number): void {
    this.now += ms;
  }

  jumpWall(ms: number): void {
    this.leases.driftMs += ms;
  }

  override nextDue(): number {
    return Math.min(this.nextCallerDue(), this.leases.nextDue(this.held));
  }

  /** When somebody will be told that his time is over. */
  nextCallerDue(): number {
    const waiting = this.waits.flatMap((wait) => this.callersOf(wait));
    const dues = waiting.map(({ askedAt, waitMs }) => askedAt + waitMs);
    return Math.min(super.nextDue(), this.drains.nextDue(), ...dues);
  }

  override finish(pending: string, later: string): void {
    super.finish(pending, later);
    const callers = this.waits.splice(0).flatMap((wait) => this.callersOf(wait));
    for (const { call } of [...callers, ...this.drains.finish()]) this.answers.set(call, pending);
    for (const slot of [...this.held]) this.endSlot(slot, 'stopped');
    this.leases.swept();
  }

  private sweep(): void {
    this.postLasting({ isUrgent: true }, () => {
      this.leases.swept();
      this.clearHeld(({ expiresAt }) => expiresAt <= this.now, 'expired');
    });
  }

  /** Who drains is told how it went. */
  protected override followUp(): void {
    super.followUp();
    const count = this.heldRuns.length;
    const oldest = this.heldRuns.slice(0, 10).map(({ grant }) => `slot ${grant}`);
    for (const { call, refused } of this.drains.takeEnded(this.now, this.isDraining && count > 0)) {
      const line = `drained ${count === 0}, ${refused} waits, ${count} runs: ${oldest.join()}`;
      this.answers.set(call, line);
      this.notices.push(`drain ended ${count === 0}, ${count} runs`);
    }
  }
}
