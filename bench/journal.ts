/**
 * What a journal on disk costs, beside SQLite without a limiter: the same rows in the same tables, written
 * in batches of a hundred changes, and read in one go.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type ConcurrencyLimiter, startConcurrencyLimiter } from 'slotkeeper';
import { type Contender, expectCount, sampleEach, timeEach } from './harness.ts';
import { printTable, type Row } from './table.ts';

type Durability = 'process' | 'power';

const CALLERS = 500;
const PAIRS = 20_000;
/** Grants and ends. */
const BATCH = 100;
const HELD = 100_000;
const NO_LIMITS = { maxParallelRuns: Infinity, maxParallelSessions: Infinity };

export async function benchDurablePairs(): Promise<void> {
  const rows: Row[] = [];
  for (const durability of ['process', 'power'] as const) {
    rows.push(...(await within((folder) => pairsAt(durability, folder))));
  }
  printTable(`Durable pairs (acquire and release), ${CALLERS} callers`, rows);
}

async function pairsAt(durability: Durability, folder: string): Promise<Row[]> {
  const limiter = await startConcurrencyLimiter({
    limits: NO_LIMITS,
    journal: { path: join(folder, 'ours.db'), durability },
  });
  const raw = await openRaw(join(folder, 'raw.db'), durability);
  const names = { raw: `SQLite alone, ${durability}`, ours: `durable limiter, ${durability}` };
  const times = await timeEach([
    { name: names.raw, count: PAIRS, run: (count) => raw.writePairs(count) },
    crowd(names.ours, limiter),
  ]);
  raw.close();
  await limiter.stop();
  const perSecond = (name: string): number => 1e6 / (times.get(name) ?? Number.NaN);
  const ratio = perSecond(names.ours) / perSecond(names.raw);
  return [
    { what: names.raw, value: perSecond(names.raw), unit: '/s' },
    {
      what: names.ours,
      value: perSecond(names.ours),
      unit: '/s',
      ratio,
      against: 'SQLite alone',
      ...(durability === 'process' && { must: '≥ 0.50 ×', aim: '≥ 0.75 ×' }),
    },
  ];
}

/** Each caller takes and gives back, one pair after the other. */
function crowd(name: string, limiter: ConcurrencyLimiter): Contender {
  let runs = 0;
  return {
    name,
    count: PAIRS,
    run: async (count) => {
      let left = count;
      let released = 0;
      const caller = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          runs += 1;
          const slot = await limiter.acquireRunSlot('session', `run-${runs}`);
          const { runs: ended } = await slot.release();
          released += ended;
        }
      };
      await Promise.all(Array.from({ length: CALLERS }, caller));
      expectCount(name, released, count);
    },
  };
}

/** How long an acquire takes longer than in memory, for so many who ask at once. */
export async function benchDurableLatency(): Promise<void> {
  const rows: Row[] = [];
  for (const callers of [1, 50, CALLERS]) rows.push(...(await latencyOf(callers)));
  printTable('A durable acquire, what it takes longer than one in memory', rows);
}

async function latencyOf(callers: number): Promise<Row[]> {
  return within(async (folder) => {
    const durable = await startConcurrencyLimiter({
      limits: NO_LIMITS,
      journal: { path: join(folder, 'ours.db') },
    });
    const memory = await startConcurrencyLimiter({ limits: NO_LIMITS });
    const quantiles = [0.5, 0.99];
    const medians = await sampleEach(
      quantiles.map((quantile) => ({
        name: `${quantile}`,
        sample: async () =>
          quantileOf(await latencies(durable, callers), quantile) -
          quantileOf(await latencies(memory, callers), quantile),
      })),
    );
    await Promise.all([durable.stop(), memory.stop()]);
    return quantiles.map((quantile) => ({
      what: `${callers} ${callers === 1 ? 'caller' : 'callers'}, p${quantile * 100}`,
      value: medians.get(`${quantile}`) ?? Number.NaN,
      unit: 'µs',
    }));
  });
}

let latencyRuns = 0;

/** Microseconds of each acquire. */
async function latencies(limiter: ConcurrencyLimiter, callers: number): Promise<number[]> {
  const taken: number[] = [];
  const caller = async (): Promise<void> => {
    for (let pair = 0; pair < Math.ceil(5_000 / callers); pair += 1) {
      latencyRuns += 1;
      const begunAt = performance.now();
      const slot = await limiter.acquireRunSlot('session', `late-${latencyRuns}`);
      taken.push((performance.now() - begunAt) * 1_000);
      await slot.release();
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return taken;
}

function quantileOf(values: number[], quantile: number): number {
  return values.sort((one, other) => one - other)[Math.floor(values.length * quantile)] ?? 0;
}

/** A process finds what another one held that was killed, and ends it. */
export async function benchRestart(): Promise<void> {
  await within(async (folder) => {
    const image = join(folder, 'image.db');
    await makeImage(folder, image);
    const place = join(folder, 'next.db');
    const names = { bare: 'bare read of the rows', restart: 'restart of a limiter' };
    const times = await timeEach([
      { name: names.bare, count: 1, prepare: () => copy(image, place), run: () => readAll(place) },
      {
        name: names.restart,
        count: 1,
        prepare: () => copy(image, place),
        run: async () => {
          const limiter = await startConcurrencyLimiter({ journal: { path: place } });
          expectCount('slots of the dead', limiter.getStatus().activeRuns, 0);
          opened.push(limiter);
        },
      },
    ]);
    const bare = times.get(names.bare) ?? Number.NaN;
    const restart = times.get(names.restart) ?? Number.NaN;
    printTable(`${HELD} slots in a journal whose process was killed`, [
      { what: names.bare, value: bare / 1_000, unit: 'ms' },
      {
        what: names.restart,
        value: restart / 1_000,
        unit: 'ms',
        ratio: restart / bare,
        against: 'bare read',
        must: '≤ 4 ×',
        aim: '≤ 2 ×',
      },
    ]);
  });
}

const opened: { stop(): Promise<void> }[] = [];

/** The files of a keeper that holds so much, as a kill would leave them. */
async function makeImage(folder: string, image: string): Promise<void> {
  const path = join(folder, 'killed.db');
  const limiter = await startConcurrencyLimiter({ limits: NO_LIMITS, journal: { path } });
  for (let done = 0; done < HELD; done += 1_000) {
    await Promise.all(
      Array.from({ length: 1_000 }, (_, index) =>
        limiter.acquireRunSlot(`session-${done}`, `run-${done + index}`, { owner: 'bench' }),
      ),
    );
  }
  await copy(path, image);
  await limiter.stop();
}

async function copy(from: string, to: string): Promise<void> {
  while (opened.length > 0) await opened.pop()?.stop();
  for (const ending of ['', '-wal', '-shm']) rmSync(`${to}${ending}`, { force: true });
  for (const ending of ['', '-wal']) copyFileSync(`${from}${ending}`, `${to}${ending}`);
}

function readAll(path: string): void {
  const database = new Database(path, { readonly: true });
  const rows = ['sessions', 'runs'].flatMap((table) =>
    database.prepare(`SELECT * FROM ${table}`).raw().all(),
  );
  database.close();
  expectCount('rows', rows.length, HELD);
}

/** The tables of a journal, without anybody who keeps them. */
async function openRaw(path: string, durability: Durability) {
  const maker = await startConcurrencyLimiter({ journal: { path } });
  await maker.stop();
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma(`synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`);
  const add = database.prepare('INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const drop = database.prepare('DELETE FROM runs WHERE token = ?');
  let token = 0;
  const write = database.transaction((pairs: number) => {
    const first = token + 1;
    for (let pair = 0; pair < pairs; pair += 1) {
      token += 1;
      const now = Date.now();
      add.run(token, `run-${token}`, 'session', 'process', null, null, null, null, now, token);
    }
    for (let one = first; one <= token; one += 1) drop.run(one);
  });
  return {
    writePairs: (count: number) => {
      for (let done = 0; done < count; done += BATCH / 2) write(BATCH / 2);
    },
    close: () => database.close(),
  };
}

async function within<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-'));
  try {
    return await work(folder);
  } finally {
    while (opened.length > 0) await opened.pop()?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
