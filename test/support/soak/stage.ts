/**
 * The stage of a soak: a keeper on a simulated clock, all who have to do with it, and those who watch.
 */
import {
  type ConcurrencyLimiter,
  type Limits,
  openStatusReader,
  type RunSlot,
  type SessionSlot,
  type Slotkeeper,
  type StatusReader,
  startSlotkeeper,
} from 'slotkeeper';
import { SimulatedClock } from 'slotkeeper/testing';
import { type Ask, type Hold, optionsOf, type Terms } from './ask.ts';
import { Auditor } from './auditor.ts';
import { Chance } from './chance.ts';
import { Crew } from './crew.ts';
import { Holders } from './holders.ts';
import { Job } from './job.ts';
import { Ledger } from './ledger.ts';
import { Saboteur } from './saboteur.ts';
import { Signals } from './signals.ts';
import { Complaints, Tally } from './tally.ts';

/** Fifty sessions, five hundred runs, and narrower limits that are met now and then. */
export const LIMITS: Limits = {
  maxParallelSessions: 50,
  maxParallelRuns: 500,
  maxRunsPerSession: 15,
  maxSessionsPerOwner: 8,
  maxRunsPerOwner: 78,
  maxJobsPerOwner: 80,
  maxRunsPerKind: { agent: 100, exec: 150 },
  maxWaiters: 40,
};

/** What is wrong once is often wrong everywhere. */
const MOST_COMPLAINTS = 10;

export class Stage {
  readonly seed: number;
  readonly chance: Chance;
  readonly tally: Tally;
  readonly complaints = new Complaints();
  readonly signals = new Signals();
  readonly clock: SimulatedClock;
  readonly saboteur: Saboteur;
  readonly ledger: Ledger;
  readonly auditor: Auditor;
  readonly keeper: Slotkeeper;
  readonly limiter: ConcurrencyLimiter;
  readonly holders: Holders;
  readonly crew: Crew;
  readonly statusReader: StatusReader;
  /** Work that has its slot, until it ends. */
  readonly jobs = new Set<Job>();
  /** Promises that the limiter gave out, and how many have settled. */
  readonly promises = { handedOut: 0, settled: 0 };
  isDraining = false;
  /** Runs that were named so far. */
  private runs = 0;
  /** For those who give up together. */
  sharedSignal: AbortSignal;

  static async set(seed: number): Promise<Stage> {
    const clock = new SimulatedClock();
    const tally = new Tally();
    const saboteur = new Saboteur(tally);
    const keeper = await startSlotkeeper({
      limits: LIMITS,
      clock,
      faultPoints: saboteur,
      restartIntensity: { restarts: 1_000_000, withinMs: 1 },
    });
    const chance = new Chance(seed);
    const signals = new Signals();
    const holders = await Holders.start(clock, signals, chance);
    return new Stage(seed, { clock, tally, saboteur, keeper, chance, signals, holders });
  }

  private constructor(
    seed: number,
    made: Pick<Stage, 'clock' | 'tally' | 'saboteur' | 'keeper' | 'chance' | 'signals' | 'holders'>,
  ) {
    this.seed = seed;
    ({
      clock: this.clock,
      tally: this.tally,
      saboteur: this.saboteur,
      keeper: this.keeper,
      chance: this.chance,
      signals: this.signals,
      holders: this.holders,
    } = made);
    this.limiter = this.keeper.limiter;
    this.sharedSignal = this.signals.make();
    const { limiter, clock, complaints, tally } = this;
    this.ledger = new Ledger(clock, complaints);
    this.auditor = new Auditor(limiter.getLimits(), complaints, tally, () => clock.monotonicNow());
    this.auditor.onExpired = (token) => this.expired(token);
    this.crew = new Crew(limiter, this.ledger, this.auditor, complaints);
    this.statusReader = openStatusReader(limiter.statusBuffer);
  }

  get now(): number {
    return this.clock.monotonicNow();
  }

  nextRunId(): string {
    this.runs += 1;
    return `run-${this.runs}`;
  }

  /** For somebody who may give up waiting, alone or with others. */
  waitSignal(): AbortSignal {
    if (this.sharedSignal.aborted || this.chance.happens(0.1))
      this.sharedSignal = this.signals.make();
    return this.chance.happens(0.3) ? this.sharedSignal : this.signals.make();
  }

  /** Slots of this thread, that live. */
  get ownHolds(): Hold[] {
    return this.ledger.living.filter(({ slot }) => slot !== undefined);
  }

  /** A promise of the limiter's: it settles once, and is counted. */
  follow<Value>(
    promise: Promise<Value>,
    resolved: (value: Value) => void = () => {},
    rejected: (error: unknown) => void = (error) => this.complaints.add(`rejected: ${error}`),
  ): void {
    this.promises.handedOut += 1;
    promise
      .finally(() => {
        this.promises.settled += 1;
      })
      .then(resolved, rejected);
  }

  /** Asks for a slot, and waits in the background. */
  acquire(terms: Terms): Ask {
    const ask = this.ledger.ask(terms);
    const { type, sessionId, runId = '' } = terms;
    const asked: Promise<RunSlot | SessionSlot> =
      type === 'session'
        ? this.limiter.acquireSessionSlot(sessionId, optionsOf(terms))
        : this.limiter.acquireRunSlot(sessionId, runId, optionsOf(terms));
    this.follow(
      asked,
      (slot) => this.ledger.granted(ask, { token: slot.token, runId: terms.runId, slot }),
      (error) => this.ledger.refused(ask, error),
    );
    return ask;
  }

  /** Work with a slot of its own, which ends when it is told to. */
  startJob(terms: Terms): void {
    const job = new Job(this.ledger.ask(terms), this.complaints);
    const work = this.limiter.withRunSlot(
      terms.sessionId,
      (slot) => {
        this.jobs.add(job);
        return job.begin(this.ledger, slot);
      },
      optionsOf(terms),
    );
    this.follow(
      work,
      (result) => job.resolved(result),
      (error) => job.rejected(this.ledger, error),
    );
  }

  /** Throws what was found wrong, if anything was, and says where. */
  complain(where: string): void {
    const complaints = this.complaints.take();
    if (complaints.length === 0) return;
    const some = complaints.slice(0, MOST_COMPLAINTS).join('\n  ');
    throw new Error(`${where}, seed ${this.seed}:\n  ${some}`);
  }

  private expired(token: number): void {
    const hold = this.ledger.holds.get(token);
    const isDue = hold !== undefined && hold.leaseDueAt <= this.now;
    this.complaints.expect(isDue, () => `${hold?.name ?? token} expired before its time`);
    if (hold) this.ledger.end(hold, 'expired');
  }
}
