/**
 * What `slotkeeper run` costs per program, as a whole process: many times `/bin/true`, two at a time, beside
 * `xargs -P2` and GNU parallel, and with a journal on disk.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Contender, expectCount, FEW_ROUNDS, timeEach } from './harness.ts';
import { printTable } from './table.ts';

const PROGRAMS = 2_000;
const MAIN = join(import.meta.dirname, '..', '..', 'dist', 'src', 'cli', 'main.js');

export async function benchRun(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-bench-'));
  writeFileSync(join(folder, 'lines'), '\n'.padStart(2, 'x').repeat(PROGRAMS));
  writeFileSync(join(folder, 'work.ndjson'), '{"cmd":["/bin/true"]}\n'.repeat(PROGRAMS));
  const contenders = [
    program('xargs -P2', folder, 'xargs -P2 -n1 /bin/true < lines'),
    ...(isThere('parallel') ? [program('GNU parallel -j2', folder, PARALLEL)] : []),
    program('slotkeeper run', folder, `"$0" "$1" run work.ndjson --max-runs 2 ${CHECK}`),
    program('slotkeeper run --journal', folder, `${JOURNALLED} ${CHECK}`),
  ];
  const times = await timeEach(contenders, FEW_ROUNDS);
  const against = times.get('xargs -P2') ?? Number.NaN;
  printTable(
    `${PROGRAMS} × /bin/true, 2 at a time, per program, start and end of the whole included`,
    contenders.map(({ name }) => {
      const value = times.get(name) ?? Number.NaN;
      return { what: name, value: value / 1_000, unit: 'ms', ratio: value / against };
    }),
  );
  if (!isThere('parallel')) console.log('GNU parallel is not installed here.');
  rmSync(folder, { recursive: true });
}

const PARALLEL = 'parallel -j2 --will-cite /bin/true < lines';
/** Every program has its row, and has succeeded. */
const CHECK = `| grep -c '"state":"succeeded"'`;
const JOURNALLED = 'rm -rf journal.*; "$0" "$1" run work.ndjson --max-runs 2 --journal journal.db';

/** A line for a shell, to its end. What it prints, if anything, is how many have succeeded. */
function program(name: string, folder: string, line: string): Contender {
  const run = async (): Promise<void> => {
    const child = spawn('sh', ['-c', line, process.execPath, MAIN], { cwd: folder });
    let printed = '';
    child.stdout.on('data', (text) => {
      printed += text;
    });
    child.stderr.pipe(process.stderr);
    const [exitCode] = await once(child, 'close');
    expectCount(`${name}: exit code`, exitCode, 0);
    if (printed !== '') expectCount(`${name}: programs that succeeded`, Number(printed), PROGRAMS);
  };
  return { name, count: PROGRAMS, run };
}

function isThere(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
}
