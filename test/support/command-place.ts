/**
 * A journal whose commands outlive their keepers, looked at from outside: the processes that are alive, what
 * they have written down themselves, the host and the folders of the attempts. Nothing of it outlives its test.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { freshFolder } from './journal-places.ts';

const SUPPORT = import.meta.dirname;
const LOOK_EVERY_MS = 10;
/** Stands in the environment of all commands of a place, and says of which. */
const MARK = 'SLOTKEEPER_TEST_PLACE';
const TAG = 'SLOTKEEPER_RUN_TAG';
const STATE = 0;
const PARENT = 1;

const places = new Set<CommandPlace>();

afterEach(async () => {
  for (const place of places) await place.clear();
  places.clear();
});

/** What a command is asked to be; the rest is as the place wants it. */
export interface Asked {
  /** Whether it writes into the ledger that it has begun; default true. */
  readonly isCounted?: boolean;
  readonly killGraceMs?: number;
}

export class CommandPlace {
  readonly path: string;
  readonly spool: string;
  /** Where the commands write down that they run. */
  readonly ledger: string;
  private readonly folder: string;
  private readonly children = new Set<ChildProcess>();

  constructor(folder = freshFolder(), spool = join(folder, 'journal.db.spool')) {
    this.folder = folder;
    this.path = join(folder, 'journal.db');
    this.spool = spool;
    this.ledger = join(folder, 'ledger');
    places.add(this);
  }

  // ── Commands ────────────────────────────────────────────────────────────────────────────────────

  /** A shell script as a command. It writes into the ledger that it has begun, and when it is at work says so. */
  script(text: string, { killGraceMs = 5_000, isCounted = true }: Asked = {}) {
    const cmd = ['sh', '-c', isCounted ? `echo began >> ${this.ledger}; ${text}` : text];
    return { cmd, cwd: this.folder, env: this.mark, killGraceMs };
  }

  /** What its commands have in their environment, by which they are found. */
  get mark(): Readonly<Record<string, string>> {
    return { [MARK]: this.folder };
  }

  /** Prints, waits until it may go on, prints, and exits with 7. */
  patient(asked?: Asked) {
    return this.script(`echo begun; ${this.waits}; echo done; exit 7`, asked);
  }

  /** Does not care for SIGTERM. */
  stubborn(asked?: Asked) {
    const text = `trap "echo asked >> ${this.ledger}" TERM; echo begun; ${this.waits}; exit 7`;
    return this.script(text, asked);
  }

  /** A piece of a script: it goes on when it is told to. */
  get waits(): string {
    return `while [ ! -e ${this.signal} ]; do sleep 0.05; done`;
  }

  /** The file that tells them to go on. */
  get signal(): string {
    return join(this.folder, 'go');
  }

  go(): void {
    writeFileSync(this.signal, '');
  }

  /** What the commands have written down, in the order in which they have. */
  get lines(): string[] {
    return existsSync(this.ledger)
      ? readFileSync(this.ledger, 'utf8').split('\n').slice(0, -1)
      : [];
  }

  /** How many commands have begun. */
  get begun(): number {
    return this.lines.filter((line) => line === 'began').length;
  }

  // ── Processes ───────────────────────────────────────────────────────────────────────────────────

  /** Runs a program of `test/support`, and waits until it says its first word. */
  async program(name: string, ...args: unknown[]): Promise<KilledKeeper> {
    const texts = args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg)));
    const argv = [join(SUPPORT, name), this.path, ...texts];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.children.add(child);
    const exit = once(child, 'exit').then(([code]) => {
      throw new Error(`${name} has said nothing, and exited with ${code}`);
    });
    await Promise.race([once(child.stdout, 'data'), exit]);
    exit.catch(() => {});
    return new KilledKeeper(child);
  }

  /** A keeper in a process of its own, with one command that has begun to print. */
  keeperWith(command: object, run: object = {}, session: object = {}): Promise<KilledKeeper> {
    return this.program('command-keeper.mjs', command, run, session);
  }

  /** A process that is no child of any host, as one that has lost its host. */
  stray(tag: string, script: string): ChildProcess {
    const env = { ...process.env, [MARK]: this.folder, [TAG]: tag };
    const child = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore', env });
    this.children.add(child);
    return child;
  }

  /** The processes of its commands that are alive. */
  get alive(): number[] {
    return [...this.environments.keys()];
  }

  /** Whether all of them are stopped. */
  get areResting(): boolean {
    const { alive } = this;
    return alive.length > 0 && alive.every(isResting);
  }

  /** How many commands are alive, all of them at one moment: the one after the look. */
  get attemptsAlive(): number {
    const found = [...this.environments];
    const tags = found.filter(([pid]) => isThere(pid)).map(([, lines]) => lines.find(isTag));
    return new Set(tags).size;
  }

  /** Of its commands' processes; each is read once, for one that becomes another program has none meanwhile. */
  private get environments(): Map<number, string[]> {
    const all = pids().map((pid) => [pid, environmentOf(pid)] as const);
    return new Map(all.filter(([, lines]) => lines.includes(`${MARK}=${this.folder}`)));
  }

  /** Command hosts of its spool, or of one in its folder for spools. */
  get hosts(): number[] {
    const found = pids().filter((pid) => {
      const [, program = '', spool = ''] = partsOf(pid, 'cmdline');
      return program.includes('command-host-main') && `${spool}/`.startsWith(`${this.spool}/`);
    });
    // A child that is about to become a command looks like its host.
    return found.filter((pid) => !found.includes(Number(fieldsOf(pid)[PARENT])));
  }

  /** However many there are: one that has found another one may not have ended yet. */
  async killHosts(): Promise<void> {
    await killed(this.hosts);
  }

  /** The host dies as by `kill -9`, and is gone when this resolves. */
  async killHost(): Promise<void> {
    const { hosts } = this;
    if (hosts.length !== 1) throw new Error(`There are ${hosts.length} hosts`);
    await killed(hosts);
  }

  // ── Its files ───────────────────────────────────────────────────────────────────────────────────

  /** The folders of attempts. */
  get attempts(): string[] {
    if (!existsSync(this.spool)) return [];
    return readdirSync(this.spool).filter((name) => /^\d/.test(name));
  }

  hasFile(attempt: string, file: string): boolean {
    return existsSync(join(this.spool, attempt, file));
  }

  makeSpool(): void {
    mkdirSync(this.spool, { recursive: true, mode: 0o700 });
  }

  /** Ends all that is left of it. */
  async clear(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL');
    await killed(this.hosts);
    for (let { alive } = this; alive.length > 0; alive = this.alive) await killed(alive);
  }
}

/** A keeper that is a process of its own. */
export class KilledKeeper {
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;

  constructor(child: ChildProcess) {
    this.child = child;
    this.closed = once(child, 'close');
    child.stdout?.resume();
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** It dies as by `kill -9`, and is gone when this resolves. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.closed;
  }
}

/** Resolves when it is so. For what nobody tells: files of others, processes of others. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(LOOK_EVERY_MS);
}

async function killed(processes: readonly number[]): Promise<void> {
  for (const pid of processes) signal(pid, 'SIGKILL');
  await until(() => processes.every((pid) => !isThere(pid)));
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

/** A zombie is not there: it is only waited for. */
export function isThere(pid: number): boolean {
  const state = stateOf(pid);
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** A shell that is about to start a program waits for one that is stopped: `D`. */
function isResting(pid: number): boolean {
  return ['T', 'D'].includes(stateOf(pid) ?? '');
}

/** As `/proc` names it: `T` for one that is stopped. */
function stateOf(pid: number): string | undefined {
  return fieldsOf(pid)[STATE];
}

/** What `/proc` says of it, from behind its name on. */
function fieldsOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function pids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger).filter(isThere);
}

function environmentOf(pid: number): string[] {
  return partsOf(pid, 'environ');
}

function isTag(line: string): boolean {
  return line.startsWith(`${TAG}=`);
}

function partsOf(pid: number, file: 'environ' | 'cmdline'): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1').split('\0');
  } catch {
    return []; // it has ended meanwhile
  }
}
