/**
 * The folder of an attempt: what a command was to do, that it was begun, who it is, that it was to end and why,
 * how it ended, and its output. What stands there outlives whoever wrote it.
 *
 * Every file is whole or not there: it is written beside its place and moved. The room for the end is taken
 * before anything is begun, so a disk that a command has filled up has room for what became of it. `mark` is made exclusively, once:
 * as `started` by the host before it starts the command, or as `void` by a keeper who has come back and finds it
 * not begun. Whoever made it has decided, so a command is never started by two.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { CompleteCommand } from './command-order.ts';
import type { CommandEnd } from './command-process.ts';
import type { StopNote } from './executor.ts';
import type { ProcessIdentity } from './process-table.ts';

/** What is to be started. */
export interface AttemptOrder {
  readonly command: CompleteCommand;
  /** By which its processes are found. */
  readonly tag: string;
  /** Of its keeper, as far as it is inherited: its host may be older than that. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** What was started. */
export interface AttemptProcess {
  readonly identity: ProcessIdentity | null;
  readonly startedAt: number;
}

/** A page: more than an end takes, unless it has a long fault to tell. */
const END_BYTES = 4_096;

export type Mark = 'started' | 'void';

/** Whose attempts they are, and which of them: folders are named by run and number. */
export class AttemptFolder {
  readonly path: string;
  readonly name: string;
  readonly spoolDir: string;

  constructor(spoolDir: string, name: string) {
    this.name = name;
    this.spoolDir = spoolDir;
    this.path = join(spoolDir, name);
  }

  /** Makes it, with its order. */
  create(order: AttemptOrder): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    writeFileSync(this.draftOf('end.json'), ' '.repeat(END_BYTES), { mode: 0o600 });
    this.write('order.json', order);
  }

  get order(): AttemptOrder | undefined {
    return this.read('order.json') as AttemptOrder | undefined; // as `create` wrote it
  }

  /** False when it was marked already, by whomever. */
  mark(mark: Mark): boolean {
    try {
      const descriptor = openSync(join(this.path, 'mark'), 'wx', 0o600);
      writeSync(descriptor, mark);
      closeSync(descriptor);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /** Sees to it that nobody begins it, if nobody has; true if so. A disk that takes no mark takes nobody else's. */
  forestall(): boolean {
    try {
      return this.mark('void') || this.marked === 'void';
    } catch {
      return true;
    }
  }

  /** An empty mark is one whose maker died in the midst of it: he may have gone on, so it counts as begun. */
  get marked(): Mark | undefined {
    try {
      return readFileSync(join(this.path, 'mark'), 'latin1') === 'void' ? 'void' : 'started';
    } catch {
      return undefined;
    }
  }

  set process(started: AttemptProcess) {
    this.write('process.json', started);
  }

  get process(): AttemptProcess | undefined {
    return this.read('process.json') as AttemptProcess | undefined; // as it was set
  }

  /** Of an attempt that is forgotten nothing is kept. */
  set stop(stop: StopNote) {
    if (existsSync(this.path)) this.write('stop.json', stop);
  }

  get stop(): StopNote | undefined {
    return this.read('stop.json') as StopNote | undefined; // as it was set
  }

  /** In the room that was taken for it. Of an attempt that is forgotten nothing is kept. */
  set end(end: CommandEnd) {
    if (!existsSync(this.path)) return;
    const draft = this.draftOf('end.json');
    const text = JSON.stringify(end).padEnd(END_BYTES);
    writeFileSync(draft, text, { mode: 0o600, flag: existsSync(draft) ? 'r+' : 'w' });
    renameSync(draft, join(this.path, 'end.json'));
  }

  get end(): CommandEnd | undefined {
    return this.read('end.json') as CommandEnd | undefined; // as it was set
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  private write(file: string, value: object): void {
    const draft = this.draftOf(file);
    writeFileSync(draft, JSON.stringify(value), { mode: 0o600 });
    renameSync(draft, join(this.path, file));
  }

  private draftOf(file: string): string {
    return join(this.path, `.${file}`);
  }

  private read(file: string): unknown {
    try {
      return JSON.parse(readFileSync(join(this.path, file), 'utf8'));
    } catch {
      return undefined; // it is not there
    }
  }
}

/** The last attempt of a run; `undefined` if none was made. They are made one after the other. */
export function lastAttempt(spoolDir: string, run: string): AttemptFolder | undefined {
  let last: AttemptFolder | undefined;
  for (let number = 1; ; number += 1) {
    const folder = attemptOf(spoolDir, run, number);
    if (!existsSync(folder.path)) return last;
    last = folder;
  }
}

export function nextAttempt(spoolDir: string, run: string): AttemptFolder {
  const last = lastAttempt(spoolDir, run);
  const number = last ? Number(last.name.slice(run.length + 1)) + 1 : 1;
  return attemptOf(spoolDir, run, number);
}

export function attemptOf(spoolDir: string, run: string, number: number): AttemptFolder {
  return new AttemptFolder(spoolDir, `${run}.${number}`);
}

/** The names of all attempts. */
export function attemptsIn(spoolDir: string): string[] {
  try {
    return readdirSync(spoolDir).filter((name) => /^\d+\.\d+$/.test(name));
  } catch {
    return []; // there is none
  }
}
