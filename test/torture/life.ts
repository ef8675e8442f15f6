/**
 * One life of a hammering process: from its start until it is killed, and what it says in between.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Limits, SlotRow, Status } from '../../src/index.ts';

const PROGRAM = join(import.meta.dirname, 'hammer.mjs');
const living = new Set<Life>();

/** What the process is told at its start. */
export interface HammerOrder {
  readonly path: string;
  readonly durability: 'process' | 'power';
  readonly limits: Limits;
  /** How many ends the journal keeps. */
  readonly retained: number;
  /** Which life of the journal it is; no id is used in two of them. */
  readonly life: number;
  readonly seed: number;
}

/** What it has found in the journal. */
export interface Found {
  readonly tookMs: number;
  readonly held: readonly SlotRow[];
  readonly limits: Limits;
  readonly status: Status;
}

/** A word, and what belongs to it. */
export type Line = readonly [word: string, ...rest: unknown[]];

export class Life {
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;
  private readonly lines: Line[] = [];
  private listener: ((line: Line) => void) | undefined = undefined;
  private complaint = '';

  constructor(order: HammerOrder) {
    this.child = spawn(process.execPath, [PROGRAM, JSON.stringify(order)], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    });
    this.closed = once(this.child, 'close');
    living.add(this);
    const { stderr, stdio } = this.child;
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.complaint += text;
    });
    eachLine(stdio[3] as Readable, (line) => this.take(line)); // as it was asked for
    this.child.stdin?.on('error', () => {}); // it may die before it is told to go
  }

  /** The first line with this word; `undefined` if the process ends without it. */
  async said(word: string): Promise<Line | undefined> {
    const found = this.lines.find(([first]) => first === word);
    if (found) return found;
    const said = new Promise<Line>((resolve) => {
      this.listener = (line) => line[0] === word && resolve(line);
    });
    return Promise.race([said, this.closed.then(() => undefined)]);
  }

  /** From now on `tell` is given every line. It hammers. */
  go(tell: (line: Line) => void): void {
    this.listener = tell;
    this.child.stdin?.write('go\n');
  }

  /** Resolves when the process is gone and all that it said was told. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.closed;
    living.delete(this);
  }

  /** What a process that is only killed does not do: end by itself, or complain. */
  get wrongs(): string[] {
    const { exitCode } = this.child;
    const ended = exitCode === null ? [] : [`It ended by itself, with ${exitCode}`];
    return this.complaint === '' ? ended : [...ended, this.complaint];
  }

  private take(line: Line): void {
    if (this.lines.length < 2) this.lines.push(line); // how it began
    this.listener?.(line);
  }
}

/** Whatever a test came to. */
export async function killAll(): Promise<void> {
  for (const life of living) await life.kill();
}

function eachLine(report: Readable, tell: (line: Line) => void): void {
  let rest = '';
  report.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) tell(JSON.parse(line) as Line); // as the process wrote it
  });
}
