/**
 * `slotkeeper run` of the built package as a process, and what is seen of it from outside: its rows, what it
 * tells, how it ends, and which programs of it are alive. None outlives its test.
 *
 * Its environment holds a mark under a name that it hands on to what it runs, so its whole tree is found.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ResultRow } from '../../src/cli/run/result-row.ts';
import type { WorkOrder } from '../../src/config/work-order.ts';
import { marked } from './commands.ts';

export const MAIN = join(import.meta.dirname, '../../dist/src/cli/main.js');
/** Of those that are handed on: what is set for a language. */
const HANDED_ON = 'LC_TEST_TREE';

export interface Ending {
  readonly status: number | null;
  readonly rows: ResultRow[];
  /** What it has said on standard error. */
  readonly told: string;
}

export class Runner {
  readonly child: ChildProcessWithoutNullStreams;
  /** All processes of its tree, itself among them. */
  readonly alive: () => number[];
  /** How it ends. */
  readonly ending: Promise<Ending>;
  told = '';
  private printed = '';

  constructor(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { alive, environment } = markedEnvironment();
    const all = { ...environment, ...env };
    this.alive = alive;
    this.child = spawn(process.execPath, [MAIN, 'run', ...args], { cwd, env: all });
    this.child.stdout.setEncoding('utf8').on('data', (text) => (this.printed += text));
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.told += text));
    this.child.stdin.on('error', () => {}); // it may end without reading all
    this.ending = this.end();
  }

  /** Those rows that have come. */
  get rows(): ResultRow[] {
    const lines = this.printed.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as ResultRow); // as it promises
  }

  /** Says this on its standard input. */
  say(...lines: readonly (string | object)[]): void {
    for (const line of lines) this.child.stdin.write(`${textOf(line)}\n`);
  }

  private async end(): Promise<Ending> {
    const [status] = await once(this.child, 'close');
    return { status, rows: this.rows, told: this.told };
  }
}

/** What a runner needs to find programs, and the mark of its tree. */
export function markedEnvironment() {
  const { env, alive } = marked();
  const [mark = ''] = Object.values(env);
  const { PATH = '/usr/bin:/bin' } = process.env;
  return { alive, environment: { PATH, [HANDED_ON]: mark } };
}

/** Runs it to its end, with this on its standard input; nothing of it is alive then. */
export async function ran(
  cwd: string,
  args: readonly string[],
  input: string | Buffer = '',
): Promise<Ending> {
  const runner = new Runner(cwd, args);
  runner.child.stdin.end(input);
  const ending = await runner.ending;
  const left = runner.alive();
  if (left.length > 0) throw new Error(`It left behind ${left.join(', ')}`);
  return ending;
}

/** Runs this work from a file, to its end. */
export function ranFile(
  cwd: string,
  work: readonly (string | object)[],
  ...args: readonly string[]
): Promise<Ending> {
  return ran(cwd, [workFile(cwd, work), ...args]);
}

/** A file with this work. */
export function workFile(folder: string, work: readonly (string | object)[]): string {
  const path = join(folder, 'work.ndjson');
  writeFileSync(path, linesOf(work));
  return path;
}

/** A work order of a shell's script. */
export function script(text: string, rest: Omit<WorkOrder, 'cmd'> = {}): WorkOrder {
  return { cmd: ['sh', '-c', text], ...rest };
}

/** Work orders as the lines of a file. */
export function linesOf(orders: readonly (string | object)[]): string {
  return orders.map((order) => `${textOf(order)}\n`).join('');
}

function textOf(line: string | object): string {
  return typeof line === 'string' ? line : JSON.stringify(line);
}
