/**
 * What a program costs as a run: `/bin/true`, two at a time, beside a bare `spawn` that writes to files; as
 * a child of this process, and as one of the command host.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Session, type Slotkeeper, startSlotkeeper } from 'slotkeeper';
import { expectCount, FEW_ROUNDS, timeEach } from './harness.ts';
import { printTable, type Row } from './table.ts';

const PROGRAMS = 100;
const AT_ONCE = 2;

export async function benchCommands(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-bench-'));
  const local = await open();
  const hosted = await open({ path: join(folder, 'journal.db') });
  let succeeded = 0;
  const run = (session: Session) => async (): Promise<void> => {
    const { outcome } = await session.run({ cmd: ['/bin/true'] }, { waitTimeoutMs: 60_000 });
    if ((await outcome).state === 'succeeded') succeeded += 1;
  };
  const contenders = [
    { name: 'spawn', work: bare },
    { name: 'files', work: () => toFiles(folder) },
    { name: 'local', work: run(local.session) },
    { name: 'hosted', work: run(hosted.session) },
  ];
  const times = await timeEach(
    contenders.map(({ name, work }) => ({ name, count: PROGRAMS, run: () => byFew(work) })),
    FEW_ROUNDS,
  );
  expectCount('programs that succeeded', succeeded, 2 * PROGRAMS * (FEW_ROUNDS + 1));
  const bareTime = times.get('spawn') ?? Number.NaN;
  const row = (what: string, name: string): Row => {
    const value = (times.get(name) ?? Number.NaN) / 1_000;
    return { what, value, unit: 'ms', ratio: (value * 1_000) / bareTime };
  };
  printTable(`/bin/true, ${AT_ONCE} at a time, per program; ratios to a bare spawn`, [
    row('spawn, output ignored', 'spawn'),
    row('spawn, output to two files', 'files'),
    row('run of a session', 'local'),
    row('run of a session with a journal on disk, by the command host', 'hosted'),
  ]);
  await local.keeper.stop();
  await hosted.keeper.stop();
  rmSync(folder, { recursive: true });
}

async function open(journal?: { path: string }): Promise<{ keeper: Slotkeeper; session: Session }> {
  const limits = { maxParallelRuns: AT_ONCE };
  const keeper = await startSlotkeeper({ limits, ...(journal && { journal }) });
  return { keeper, session: await keeper.openSession() };
}

async function byFew(work: () => Promise<void>): Promise<void> {
  let left = PROGRAMS;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
}

async function bare(): Promise<void> {
  await once(spawn('/bin/true', { stdio: 'ignore', detached: true }), 'close');
}

let files = 0;

async function toFiles(folder: string): Promise<void> {
  files += 1;
  const out = openSync(join(folder, `${files}.out`), 'w');
  const err = openSync(join(folder, `${files}.err`), 'w');
  await once(spawn('/bin/true', { stdio: ['ignore', out, err], detached: true }), 'close');
  closeSync(out);
  closeSync(err);
}
