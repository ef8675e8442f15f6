/**
 * The story of one journal: a process that hammers it is killed, looked at, started again, and so on.
 */
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SlotkeeperError } from '../../src/fault.ts';
import type { Limits } from '../../src/index.ts';
import {
  type JournalledSlot,
  type JournalReport,
  readJournal,
} from '../../src/journal/journal-reader.ts';
import { freshPlace } from '../support/journal-places.ts';
import { Chance } from './chance.mjs';
import {
  againstLedger,
  againstSurvivors,
  heldAgain,
  interruption,
  rowsOf,
  withinLimits,
} from './comparison.ts';
import { type KnownSlot, Ledger } from './ledger.ts';
import { type Found, Life } from './life.ts';
import { countsOf, limitsAfter, withinCourse } from './limits-told.ts';
import { ReadsBeside } from './reads-beside.ts';
import type { Tally } from './tally.ts';

/** What a keeper starts with, each time. */
const LIMITS: Limits = {
  maxParallelSessions: 200,
  maxParallelRuns: 40,
  maxRunsPerSession: 4,
  maxSessionsPerOwner: 18,
  maxRunsPerOwner: 6,
  maxJobsPerOwner: 20,
  maxRunsPerKind: { tool: 9 },
  maxWaiters: 10_000,
};

/** The longest of each, in milliseconds. */
const LONGEST = { start: 150, opening: 40, hammering: 350 };

export class Story {
  readonly wrongs: string[] = [];
  private readonly path = freshPlace();
  private readonly tally: Tally;
  private readonly chance: Chance;
  private readonly retained: number;
  private lives = 0;
  /** Whether a keeper has ever been ready: from then on there is a journal. */
  private hasBegun = false;
  private limits = LIMITS;
  private highestToken = 0;
  private survivors = new Map<number, JournalledSlot>();
  /** Tokens of what died with a process, until the next one has said so. */
  private dying = new Set<number>();

  constructor(seed: number, tally: Tally) {
    this.tally = tally;
    this.chance = new Chance(seed);
    this.retained = this.chance.happens(70) ? 10_000 : this.chance.oneOf([0, 1, 20]);
  }

  /** Kills it so often, and starts it once more. */
  async tell(kills: number): Promise<void> {
    while (this.lives < kills && this.wrongs.length === 0) await this.live();
    if (this.wrongs.length === 0) await this.hammer(this.begin(), 0); // for what it finds
    for (const ending of ['', '-wal', '-shm', '-lock']) {
      rmSync(`${this.path}${ending}`, { force: true });
    }
  }

  private async live(): Promise<void> {
    const life = this.begin();
    const pick = this.chance.below(100);
    if (pick < 10) await this.killWithin(life, LONGEST.start);
    else if (pick < 35 || this.lives === 1) {
      await life.said('opening');
      await this.killWithin(life, LONGEST.opening);
    } else await this.hammer(life, this.chance.below(LONGEST.hammering));
  }

  private begin(): Life {
    this.lives += 1;
    return new Life({
      path: this.path,
      durability: this.chance.happens(80) ? 'process' : 'power',
      limits: LIMITS,
      retained: this.retained,
      life: this.lives,
      seed: this.chance.below(2 ** 32),
    });
  }

  private async killWithin(life: Life, longestMs: number): Promise<void> {
    await sleep(this.chance.below(longestMs));
    if (this.chance.happens(25)) this.compareInStart();
    await life.kill();
    this.tally.add('kills');
    this.tally.add('kills while it started');
    this.wrongs.push(...life.wrongs);
    this.compareInStart();
  }

  /** It may not have come to anything: all is as it was, or what died has been said to be interrupted. */
  private compareInStart(): void {
    const report = this.read();
    if (!report) return;
    const rows = rowsOf(report);
    const isRecovered = !rows.some(({ token }) => this.dying.has(token));
    const awaited = isRecovered ? this.survivors : this.allOf(rows);
    this.wrongs.push(...againstSurvivors(rows, awaited));
    if (isRecovered) this.checkInterruption(report);
  }

  private allOf(rows: readonly JournalledSlot[]): Map<number, JournalledSlot> {
    const dying = rows.filter(({ token }) => this.dying.has(token));
    if (dying.length < this.dying.size) this.wrongs.push('Some of the dead have ended, not all');
    return new Map([...this.survivors, ...dying.map((row) => [row.token, row] as const)]);
  }

  private async hammer(life: Life, forMs: number): Promise<void> {
    const ready = await life.said('ready');
    if (!ready) this.wrongs.push('It could not be started');
    else this.checkRecovery(ready[1] as Found); // see hammer.mjs
    const { survivors } = this;
    const ledger = new Ledger([...survivors.values()].map(knownSlot), this.highestToken);
    const beside = new ReadsBeside(() => this.read(), ledger);
    if (forMs > 0) life.go((line) => ledger.take(line));
    await beside.go(forMs, this.chance);
    await life.kill();
    this.wrongs.push(...life.wrongs, ...ledger.wrongs, ...beside.wrongs);
    this.tally.add('reads beside the keeper', beside.reports.length);
    this.tallyUp(ledger);
    const report = this.read();
    if (!report) return;
    const counts = [...beside.reports, report].map(countsOf);
    this.wrongs.push(
      ...againstLedger(report, ledger),
      ...withinCourse(counts, this.limits, survivors.size, ledger),
    );
    this.goOnFrom(report, ledger);
  }

  private checkRecovery({ tookMs, held, limits, status }: Found): void {
    this.hasBegun = true;
    this.tally.recovered(tookMs);
    this.tally.add('durable sessions compared', this.survivors.size);
    this.wrongs.push(...heldAgain(held, this.survivors));
    if (status.activeRuns > 0 || status.waitingRuns > 0) this.wrongs.push('A run is held again');
    if (JSON.stringify(limits) !== JSON.stringify(this.limits)) {
      this.wrongs.push(`The limits are ${JSON.stringify(limits)} after a recovery`);
    }
    const report = this.read();
    if (!report) return;
    this.wrongs.push(...againstSurvivors(rowsOf(report), this.survivors));
    this.checkInterruption(report);
    this.tally.add('process slots interrupted', this.dying.size);
    this.dying = new Set();
  }

  private checkInterruption(report: JournalReport): void {
    this.wrongs.push(...interruption(report, this.dying, this.retained));
  }

  /** What the next life begins with. */
  private goOnFrom(report: JournalReport, ledger: Ledger): void {
    const rows = rowsOf(report);
    const { inForce, wrongs } = limitsAfter(report, LIMITS, this.limits, ledger);
    this.wrongs.push(...wrongs);
    this.limits = inForce;
    const tokens = [...ledger.slots.keys(), ...rows.map(({ token }) => token)];
    this.highestToken = tokens.reduce((high, token) => Math.max(high, token), this.highestToken);
    const living = rows.filter(({ life }) => life === 'durable');
    this.survivors = new Map(living.map((row) => [row.token, row]));
    this.dying = new Set(rows.filter(({ life }) => life === 'process').map(({ token }) => token));
  }

  private tallyUp(ledger: Ledger): void {
    const { tally } = this;
    tally.add('kills');
    tally.add(ledger.asks > 0 ? 'kills while it was hammered' : 'kills while it stood idle');
    tally.add('asks', ledger.asks);
    tally.add('answers', ledger.answers);
    tally.add('grants', ledger.grants);
    tally.add('releases', ledger.releases);
    tally.add('refusals', ledger.refusals);
    tally.add('in flight at kills', ledger.open.size);
    tally.add('tokens', ledger.grants);
  }

  /** `undefined` when there is none: before the first keeper was ready that is as it may be. */
  private read(): JournalReport | undefined {
    try {
      const report = readJournal(this.path);
      this.wrongs.push(...withinLimits(report, LIMITS));
      return report;
    } catch (error) {
      const isMissing = error instanceof SlotkeeperError && error.code === 'journal_unavailable';
      if (this.hasBegun || !isMissing) this.wrongs.push(String(error));
      return undefined;
    }
  }
}

function knownSlot({ token, sessionId, runId, leaseMs }: JournalledSlot): KnownSlot {
  const hasLease = leaseMs !== null;
  return { token, sessionId, runId, hasLease, state: hasLease ? 'unsure' : 'held' };
}
