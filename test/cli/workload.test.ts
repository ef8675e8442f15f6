/**
 * The example workload, run to its end by the built command. Each result is compared with what the program
 * does when it is run directly, and with what can be computed here.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ResultRow } from '../../src/cli/run/result-row.ts';
import { type WorkOrder, workOrderOf } from '../../src/config/work-order.ts';
import { freshFolder } from '../support/journal-places.ts';
import { outputAt } from '../support/outputs.ts';
import { type Ending, Runner } from '../support/runner.ts';

const ROOT = join(import.meta.dirname, '../..');
const WORK = 'examples/workload/work.ndjson';

type Job = WorkOrder & { readonly id: string; readonly session: string };

const jobs = readFileSync(join(ROOT, WORK), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => workOrderOf(line) as Job); // each has both, as a test says
const sessions = [...new Set(jobs.map(({ session }) => session))];

/** What a program has come to. */
interface Facts {
  readonly state: ResultRow['state'];
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: Buffer | null;
  readonly stderr: Buffer | null;
}

let folder = '';
let ending: Ending;
let left: number[] = [];

beforeAll(async () => {
  folder = copyOfTheProject();
  const runner = new Runner(folder, [WORK, '--max-runs', '2']);
  ending = await runner.ending;
  left = runner.alive();
}, 120_000);

/** The files that the work is about, so that its output goes elsewhere than into the project. */
function copyOfTheProject(): string {
  const copy = freshFolder();
  const names = readdirSync(ROOT).filter((name) => statSync(join(ROOT, name)).isFile());
  for (const name of [...names, 'docs', 'src', 'examples']) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  return copy;
}

function projectFile(path: string): Buffer {
  return readFileSync(join(folder, path));
}

function rowOf(id: string): ResultRow {
  const row = ending.rows.find((one) => one.id === id);
  if (!row) throw new Error(`There is no row of ${id}`);
  return row;
}

function factsOf({ state, exitCode, signal, stdoutFile, stderrFile }: ResultRow): Facts {
  const [stdout, stderr] = [outputAt(stdoutFile), outputAt(stderrFile)];
  return { state, exitCode, signal, stdout, stderr };
}

function stdoutOf(id: string): Buffer {
  return factsOf(rowOf(id)).stdout ?? Buffer.alloc(0);
}

// ── What they have to come to ─────────────────────────────────────────────────────────────────────

const NOTHING = { exitCode: null, signal: null, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };

const printing = (text: string) => ({ stdout: Buffer.from(text), stderr: Buffer.alloc(0) });

function timedOut(signal: string, text: string): Facts {
  return { state: 'timed_out', exitCode: null, signal, ...printing(text) };
}

/** Those that would not end by themselves, would leave something behind, or are none. */
const SPECIAL: ReadonlyMap<string, Facts> = new Map([
  ['hangs-and-ignores-sigterm', timedOut('SIGKILL', 'hanging\n')],
  ['ignores-sigterm-in-a-shell', timedOut('SIGKILL', 'hanging\n')],
  ['sleeps-beyond-100-ms', timedOut('SIGTERM', '')],
  ['sleeps-beyond-200-ms', timedOut('SIGTERM', '')],
  ['sleeps-beyond-300-ms', timedOut('SIGTERM', '')],
  ['sleeps-by-its-child-beyond-400-ms', timedOut('SIGTERM', '')],
  [
    'leaves-a-child-behind',
    {
      ...printing('a child was left behind\n'),
      state: 'succeeded',
      exitCode: 0,
      signal: null,
    },
  ],
  ['program-that-is-not-there', { ...NOTHING, state: 'failed' }],
  ['program-that-is-no-program', { ...NOTHING, state: 'failed' }],
  ['folder-that-is-not-there', { ...NOTHING, state: 'failed' }],
]);

/** Runs the program here, without the limiter. */
async function directly({ cmd: [program, ...args], cwd = '', env, stdin = '' }: Job) {
  const child = spawn(program, args, {
    cwd: isAbsolute(cwd) ? cwd : join(folder, cwd),
    env: { PATH: process.env.PATH, ...env },
  });
  child.stdin.on('error', () => {}); // most do not read it
  child.stdin.end(typeof stdin === 'string' ? stdin : projectFile(stdin.file));
  const output = Promise.all([buffer(child.stdout), buffer(child.stderr)]);
  const [exitCode, signal] = await once(child, 'close');
  const [stdout, stderr] = await output;
  const state = exitCode === 0 ? ('succeeded' as const) : ('failed' as const); // no other string
  return { state, exitCode, signal, stdout, stderr };
}

async function expectedOf(job: Job): Promise<[string, Facts]> {
  return [job.id, SPECIAL.get(job.id) ?? (await directly(job))];
}

/** Long output is compared by its digest, so that a difference can be read. */
function brief(bytes: Buffer | null): string | null {
  if (bytes === null) return null;
  if (bytes.length < 200) return bytes.toString('latin1');
  return `${bytes.length} bytes, ${createHash('md5').update(bytes).digest('hex')}`;
}

function readable({ stdout, stderr, ...ends }: Facts) {
  return { ...ends, stdout: brief(stdout), stderr: brief(stderr) };
}

// ── The tests ─────────────────────────────────────────────────────────────────────────────────────

describe('the example workload', () => {
  test('being two hundred jobs in twenty sessions, each with an id', () => {
    expect(jobs.length).toBe(200);
    expect(sessions.length).toBe(20);
    expect(jobs.filter(({ id, session }) => !id || !session)).toEqual([]);
  });

  test('ending with 1, since some are meant to fail, and telling nothing else', () => {
    expect(ending).toMatchObject({ status: 1, told: '' });
  });

  test('giving each job one row, in its session', () => {
    const told = ending.rows.map(({ id, session }) => `${session}/${id}`);
    expect(told.sort()).toEqual(jobs.map(({ id, session }) => `${session}/${id}`).sort());
  });

  test('leaving no process behind', () => {
    expect(left).toEqual([]);
  });

  test.each(sessions)('doing in %s what its programs really do', async (session) => {
    const those = jobs.filter((job) => job.session === session);
    const expected = new Map(await Promise.all(those.map(expectedOf)));
    for (const { id } of those) {
      const facts = expected.get(id) ?? expect.unreachable();
      expect([id, readable(factsOf(rowOf(id)))]).toEqual([id, readable(facts)]);
    }
  });

  test('telling the times of each in their order', () => {
    const isOrdered = ({ startedAt, endedAt, waitedMs }: ResultRow) =>
      startedAt === null || endedAt === null
        ? startedAt === endedAt
        : startedAt <= endedAt && waitedMs !== null && waitedMs >= 0;
    const begun = ending.rows.filter(({ id }) => id !== 'folder-that-is-not-there');
    expect(begun.filter((row) => !isOrdered(row))).toEqual([]);
  });

  test.each([
    ['program-that-is-not-there', 'could not be started: spawn /nonexistent/program ENOENT'],
    ['program-that-is-no-program', 'could not be started: spawn ./LICENSE EACCES'],
    ['folder-that-is-not-there', 'cwd of a command must be a folder that is there'],
    ['exits-with-77', 'exited with 77'],
    ['dies-of-sigkill', 'died of SIGKILL'],
    ['hangs-and-ignores-sigterm', 'deadlineMs'],
  ])('saying of %s that it %s', (id, error) => {
    expect(rowOf(id).error).toContain(error);
  });
});

function linesOfFile(path: string): string[] {
  return projectFile(path).toString('latin1').split('\n').slice(0, -1);
}

function jobsOf(program: string): readonly (readonly [id: string, args: string[]])[] {
  return jobs
    .filter(({ cmd }) => cmd[0] === program && cmd.at(-1)?.includes('no-such') === false)
    .map(({ id, cmd: [, ...args] }) => [id, args]);
}

describe('its results', () => {
  test.each(jobsOf('sha256sum'))('giving in %s the checksum', (id, [file = '']) => {
    const digest = createHash('sha256').update(projectFile(file)).digest('hex');
    expect(stdoutOf(id).toString()).toBe(`${digest}  ${file}\n`);
  });

  test.each(jobsOf('gzip'))('giving in %s what is the file again', (id, args) => {
    expect(gunzipSync(stdoutOf(id)).equals(projectFile(args.at(-1) ?? ''))).toBe(true);
  });

  test.each(jobsOf('grep'))('finding in %s all lines', (id, [how, word = '', file = '']) => {
    const found = linesOfFile(file)
      .map((line, at) => `${at + 1}:${line}\n`)
      .filter((line) => line.slice(line.indexOf(':')).includes(word));
    const expected = how === '-c' ? `${found.length}\n` : found.join('');
    expect(stdoutOf(id).toString('latin1')).toBe(expected);
  });

  test.each(jobsOf('wc').filter(([, [how]]) => how === '-lc'))(
    'counting in %s lines and bytes',
    (id, [, file = '']) => {
      const [lines, bytes, name] = stdoutOf(id).toString().trim().split(/ +/);
      expect([lines, bytes, name]).toEqual([
        `${linesOfFile(file).length}`,
        `${projectFile(file).length}`,
        file,
      ]);
    },
  );

  test.each([10, 100, 1_000, 10_000])('having all primes up to %d', (end) => {
    const isPrime = (number: number) => {
      for (let part = 2; part * part <= number; part += 1) if (number % part === 0) return false;
      return number > 1;
    };
    const primes = Array.from({ length: end + 1 }, (_, number) => number).filter(isPrime);
    expect(stdoutOf(`primes-to-${end}`).toString()).toBe(`${primes.join('\n')}\n`);
  });

  test('keeping 3 MB whole', () => {
    const { stdout, stderr } = factsOf(rowOf('prints-3-mb'));
    const line = `${'0123456789'.repeat(6)}abc\n`;
    expect(stdout?.equals(Buffer.from(line.repeat(48_000)))).toBe(true);
    expect(stderr?.length).toBeGreaterThan(200_000);
  });

  test.each([
    ['split-japanese', '文字が分かれて届く\n'],
    ['split-emoji', '🎛🧵👩‍👩‍👧🏳️‍🌈\n'],
    ['children-accents', 'À\nÉ\nÜ\n'],
    ['env-of-characters', 'grüß dich 👋\n'],
    ['arguments-with-blanks', '[two words]\n[  ]\n[]\n[$HOME]\n[*]\n["]\n'],
    ['folder-root', '/\n'],
  ])('keeping the characters of %s', (id, text) => {
    expect(stdoutOf(id).toString()).toBe(text);
  });
});
