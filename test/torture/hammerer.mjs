/**
 * One of the callers who hammer a limiter: one thing after the other, as chance has it.
 *
 * It has a durable session of its own, which it opens and closes, also over the ends of the process, and
 * runs of its own. Other sessions it shares with everybody, for joins and cascades.
 */
import { setImmediate as breath, setTimeout as sleep } from 'node:timers/promises';

const OWNERS = 20;
const SHARED_SESSIONS = 30;

export class Hammerer {
  #limiter;
  #report;
  #chance;
  #name;
  #owner;
  #sessionId;
  /** The token of its session, as far as it knows. */
  #sessionToken;
  #runs = 0;

  constructor({ limiter, report, chance, number, life, held }) {
    this.#limiter = limiter;
    this.#report = report;
    this.#chance = chance;
    this.#name = `${life}-${number}`;
    this.#owner = `owner-${number % OWNERS}`;
    this.#sessionId = `own-${number}`;
    this.#sessionToken = held.find(({ sessionId }) => sessionId === this.#sessionId)?.token;
  }

  async work() {
    for (;;) {
      await this.#act();
      await (this.#chance.happens(80) ? breath() : sleep(this.#chance.below(10)));
    }
  }

  #act() {
    const pick = this.#chance.below(100);
    if (pick < 30) return this.#toggleSession();
    if (pick < 80) return this.#run();
    if (pick < 90) return this.#share();
    if (pick < 93) return this.#releaseShared();
    return this.#renew();
  }

  async #toggleSession() {
    const sessionId = this.#sessionId;
    if (this.#sessionToken !== undefined) return this.#closeSession();
    const labels = this.#chance.happens(50) ? { of: this.#name } : undefined;
    const leaseMs = this.#chance.happens(10) ? 20 + this.#chance.below(200) : undefined;
    const options = { durable: true, owner: this.#owner, labels, leaseMs, ...this.#waiting() };
    const what = { act: 'acquire', sessionId, leaseMs };
    const call = () => this.#limiter.acquireSessionSlot(sessionId, options);
    this.#sessionToken = (await this.#acquire(what, call))?.token;
  }

  async #closeSession() {
    const sessionId = this.#sessionId;
    const token = this.#chance.happens(50) ? this.#sessionToken : undefined;
    this.#sessionToken = undefined;
    await this.#report.ask({ act: 'release', sessionId, token }, () =>
      this.#limiter.releaseSessionSlot(sessionId, token && { token }),
    );
  }

  /** Which has its end as often by its holder as by others, or has none before the process's. */
  async #run() {
    this.#runs += 1;
    const runId = `run-${this.#name}-${this.#runs}`;
    const sessionId = this.#someSession();
    const leaseMs = this.#chance.happens(20) ? 1 + this.#chance.below(50) : undefined;
    const kind = this.#chance.happens(30) ? 'tool' : undefined;
    const priority = this.#chance.below(3);
    const options = { owner: this.#owner, kind, priority, leaseMs, ...this.#waiting() };
    const what = { act: 'acquire', sessionId, runId, leaseMs, of: this.#name };
    const call = () => this.#limiter.acquireRunSlot(sessionId, runId, options);
    const slot = await this.#acquire(what, call);
    if (!slot) return;
    if (this.#chance.happens(50)) await sleep(this.#chance.below(5));
    await this.#endRun(sessionId, runId, slot, leaseMs !== undefined);
  }

  async #endRun(sessionId, runId, slot, hasLease) {
    const { token } = slot;
    const pick = this.#chance.below(100);
    if (hasLease && pick < 50) return;
    if (pick < 50) await this.#endRunBy({ sessionId, runId, token }, () => slot.release());
    else if (pick < 90) {
      await this.#endRunBy({ sessionId, runId }, () => this.#limiter.releaseRunSlot(runId));
    } else {
      await this.#endRunBy({ sessionId, runId }, () => this.#limiter.evict(runId, 'hammered'));
    }
  }

  #endRunBy(what, call) {
    return this.#report.ask({ act: 'release', ...what }, call);
  }

  #share() {
    const sessionId = this.#someShared();
    const call = () => this.#limiter.acquireSessionSlot(sessionId, this.#waiting());
    return this.#acquire({ act: 'acquire', sessionId }, call);
  }

  #releaseShared() {
    const sessionId = this.#someShared();
    const call = () => this.#limiter.releaseSessionSlot(sessionId);
    return this.#report.ask({ act: 'release', sessionId }, call);
  }

  async #renew() {
    const token = this.#sessionToken;
    if (token === undefined) return;
    const sessionId = this.#sessionId;
    const call = () => this.#limiter.renewSessionSlot(sessionId, token);
    await this.#report.ask({ act: 'renew', sessionId, token }, call);
  }

  async #acquire(what, call) {
    const slot = await this.#report.ask(what, call);
    if (slot) this.#report.tellLoss(slot);
    return slot;
  }

  #someSession() {
    if (this.#chance.happens(40)) return this.#sessionId;
    return this.#chance.happens(90) ? this.#someShared() : `none-${this.#name}`;
  }

  #someShared() {
    return `shared-${this.#chance.below(SHARED_SESSIONS)}`;
  }

  /** How to wait: not at all, for a time, for ever, or until it is left. */
  #waiting() {
    const pick = this.#chance.below(100);
    if (pick < 30) return {};
    if (pick < 80) return { waitTimeoutMs: 1 + this.#chance.below(50) };
    if (pick < 90) return { waitTimeoutMs: Infinity };
    return { waitTimeoutMs: Infinity, signal: this.#leaving() };
  }

  #leaving() {
    const controller = new AbortController();
    const reason = Object.assign(new Error('It was left'), { code: 'left' });
    setTimeout(() => controller.abort(reason), this.#chance.below(30));
    return controller.signal;
  }
}
