/**
 * `slotkeeper run` with a journal, killed again and again in mid-flight and called again until all is done: each
 * job ends once, or was said to be interrupted and is run again; there are never more programs than the limit
 * allows, and none is left.
 *
 * On the built package, with real processes: `npm test` builds first. `TORTURE_SEED` chooses other moments, and with
 * `TORTURE` there are more of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { ResultRow } from '../../src/cli/run/result-row.ts';
import { CommandPlace, until } from '../support/command-place.ts';
import { freshFolder } from '../support/journal-places.ts';
import { type Ending, Runner, workFile } from '../support/runner.ts';
import { SeededChance } from '../support/seeded-chance.ts';
import { ShiftLedger } from '../support/shift-ledger.ts';

const SEED = Number(process.env.TORTURE_SEED ?? 20_261_121);
/** Enough that some are left after the last kill. */
const JOBS = 100;
const SESSIONS = 6;
const KILLS = process.env.TORTURE ? 20 : 8;
const LIMIT = 3;
const LOOK_EVERY_MS = 20;

/** The work, where it is done, and who watches it. */
class Torture {
  readonly ledger: ShiftLedger;
  readonly place: CommandPlace;
  /** All that the runners have told. */
  told = '';
  mostAlive = 0;
  private readonly folder = freshFolder();
  private readonly chance = new SeededChance(SEED);
  private readonly work: string;
  private isOver = false;
  private readonly watching: Promise<void>;

  constructor() {
    this.ledger = new ShiftLedger(this.folder);
    this.place = new CommandPlace(this.folder);
    this.work = workFile(
      this.folder,
      Array.from({ length: JOBS }, (_, at) => this.job(at)),
    );
    this.watching = this.watch();
  }

  /** Jobs end with 0 and 3 by turns. */
  private job(at: number) {
    const session = `s${at % SESSIONS}`;
    const order = this.ledger.job(`j${at}`, 'sleep 0.1', { session, env: this.place.mark });
    const [program, flag = '', text] = order.cmd;
    return { ...order, cmd: [program, flag, `${text}; exit ${exitCodeOf(`j${at}`)}`] };
  }

  /** The same command line, each time. */
  call(...flags: readonly string[]): Runner {
    const limits = ['--max-runs', String(LIMIT), '--max-runs-per-session', '2'];
    return new Runner(this.folder, [this.work, '--journal', this.place.path, ...limits, ...flags]);
  }

  /** Calls it, and kills it when it has begun some jobs, or a little later. */
  async kill(hostKillOneIn: number): Promise<void> {
    const runner = this.call();
    const { ledger, chance } = this;
    const begun = () => ledger.ids('start').length;
    const enough = begun() + 1 + chance.below(3);
    await until(() => runner.child.exitCode !== null || begun() >= enough);
    await sleep(chance.below(40));
    runner.child.kill('SIGKILL');
    this.told += (await runner.ending).told;
    if (hostKillOneIn > 0 && chance.below(hostKillOneIn) === 0) await this.place.killHosts();
  }

  async finish(): Promise<Ending> {
    const ending = await this.call().ending;
    this.told += ending.told;
    this.isOver = true;
    await this.watching;
    return ending;
  }

  /** How often it was said that a job was interrupted, and is run again. */
  interruptionsOf(id: string): number {
    return this.told.split(`job ${id} was interrupted, and is run again\n`).length - 1;
  }

  /** Nobody tells when a program begins or ends: who looks from outside can only look often. */
  private async watch(): Promise<void> {
    for (; !this.isOver; await sleep(LOOK_EVERY_MS)) {
      this.mostAlive = Math.max(this.mostAlive, this.place.attemptsAlive);
    }
  }
}

function exitCodeOf(id: string): number {
  return Number(id.slice(1)) % 2 === 0 ? 0 : 3;
}

function isTrue({ id, session, state, exitCode }: ResultRow): boolean {
  const expected = exitCodeOf(id);
  const isInPlace = session === `s${Number(id.slice(1)) % SESSIONS}`;
  return isInPlace && state === (expected ? 'failed' : 'succeeded') && exitCode === expected;
}

function countsOf(ids: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

const ALL = Array.from({ length: JOBS }, (_, at) => `j${at}`);

describe.each([
  ['', 0],
  [', and now and then the host of its commands', 3],
])(`a runner that is killed ${KILLS} times%s`, (_, hostKillOneIn) => {
  test(`having each job end once, seed ${SEED}`, { timeout: 180_000 }, async () => {
    const torture = new Torture();
    const { ledger, place } = torture;
    for (let kills = 0; kills < KILLS; kills += 1) await torture.kill(hostKillOneIn);
    const killedWith = ledger.ids('end').length;
    const { status, rows } = await torture.finish();

    expect(killedWith).toBeLessThan(JOBS);
    expect(status).toBe(1);
    expect(rows.map(({ id }) => id).sort()).toEqual(ALL.toSorted());
    expect(rows.filter((row) => !isTrue(row))).toEqual([]);

    const [starts, ends] = [countsOf(ledger.ids('start')), countsOf(ledger.ids('end'))];
    const isWrong = (id: string) => {
      const most = 1 + torture.interruptionsOf(id);
      const [begun = 0, ended = 0] = [starts.get(id), ends.get(id)];
      return ended < 1 || ended > begun || begun > most;
    };
    expect(ALL.filter(isWrong)).toEqual([]);
    if (hostKillOneIn === 0) expect(torture.told).toBe('');
    expect(ledger.mostAtOnce()).toBeLessThanOrEqual(LIMIT);
    expect(torture.mostAlive).toBeLessThanOrEqual(LIMIT);
    expect(place.alive).toEqual([]);

    const lines = ledger.lines.length;
    const again = await torture.call().ending;
    expect(byId(again.rows)).toEqual(byId(rows));
    expect(ledger.lines.length).toBe(lines);
  });
});

function byId(rows: readonly ResultRow[]): ResultRow[] {
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
