/**
 * One command at work, as a child of this process.
 *
 * It leads a group of its own. Its end is the leader's: exit code, or the signal that it died of. It is
 * **gone** when nobody of its tree lives any more: what the leader leaves behind has `killGraceMs` to end by
 * itself, and is killed then. `stop` sends SIGTERM to the whole tree, and SIGKILL after `killGraceMs` to
 * whoever of it lives still, again and again until nobody does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { Readable } from 'node:stream';
import { Births } from './births.ts';
import { environmentOf } from './command-environment.ts';
import { type CompleteCommand, isFolder } from './command-order.ts';
import type { OutputStream } from './executor.ts';
import { type OutputReport, OutputSpool } from './output-spool.ts';
import { identify, type ProcessIdentity } from './process-table.ts';
import { ProcessTree } from './process-tree.ts';

/** How a command has ended. */
export interface CommandEnd {
  /** `null` if it did not exit by itself. */
  readonly exitCode: number | null;
  /** The signal that it died of. */
  readonly signal: string | null;
  /** Why it could not be started; `null` if it was. */
  readonly fault: string | null;
  readonly output: OutputReport;
  /** UTC epoch milliseconds. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Processes that it had left behind and that were killed. */
  readonly killed: number;
}

/** How often it is looked whether the rest of a tree is gone. */
const LOOK_EVERY_MS = 25;
/** How long a pipe may be open that nobody of the tree holds. */
const PIPE_GRACE_MS = 100;

/** Of all commands of this process. */
const births = new Births();

type Environment = Readonly<Record<string, string>>;

/** Where a command is at work, and who hears of its end. */
export interface CommandPlace {
  readonly folder: string;
  readonly tag: string;
  /** All of it, the tag included. Default what this process gives. */
  readonly environment?: Environment;
  readonly gone: (end: CommandEnd) => void;
}

export class CommandProcess {
  private readonly child: ChildProcess | undefined;
  private readonly tree: ProcessTree | undefined;
  private readonly spool: OutputSpool;
  private readonly killGraceMs: number;
  private readonly startedAt = Date.now();
  private readonly whenGone: (end: CommandEnd) => void;
  private leaderEnd:
    | { readonly exitCode: number | null; readonly signal: string | null }
    | undefined;
  private fault: string | null = null;
  private areClosed = false;
  private isStopped = false;
  private isOver = false;
  private killed = 0;
  /** When whoever lives still is killed, on a clock that nobody sets back. */
  private killAt = Number.POSITIVE_INFINITY;
  /** Since when nobody of it lives. */
  private emptySince: number | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** Starts it; its output goes into `folder`. `gone` is called once, later. */
  constructor(
    order: CompleteCommand,
    { folder, tag, environment = environmentOf(order.env, tag), gone }: CommandPlace,
  ) {
    this.spool = new OutputSpool(folder, order);
    this.killGraceMs = order.killGraceMs;
    this.whenGone = gone;
    this.child = this.start(order, environment);
    const pid = this.child?.pid;
    this.tree = pid === undefined ? undefined : new ProcessTree(pid, tag);
    if (pid !== undefined) births.add(pid, performance.now());
    if (this.child) this.listen(this.child, order);
  }

  /** Whom to look for after a crash; `undefined` if it could not be started, or has ended already. */
  get identity(): ProcessIdentity | undefined {
    const pid = this.child?.pid;
    return pid === undefined ? undefined : identify(pid);
  }

  /** Again is a no-op. */
  stop(): void {
    if (this.isStopped || this.isOver) return;
    this.isStopped = true;
    this.tree?.signal('SIGTERM');
    // One that is paused would never get to it.
    this.tree?.signal('SIGCONT');
    this.killWithinGrace();
    this.look();
  }

  /** At once, and all of it. */
  kill(): void {
    this.killAt = 0;
    this.look();
  }

  pause(): void {
    this.tree?.signal('SIGSTOP');
  }

  resume(): void {
    this.tree?.signal('SIGCONT');
  }

  private killWithinGrace(): void {
    this.killAt = Math.min(this.killAt, performance.now() + this.killGraceMs);
  }

  /** `undefined` when it could not even be tried. */
  private start(order: CompleteCommand, environment: Environment): ChildProcess | undefined {
    try {
      return start(order, environment);
    } catch (error) {
      this.failed(order, error as Error); // a fault of the system, or of `openInput`
      return undefined;
    }
  }

  private listen(child: ChildProcess, order: CompleteCommand): void {
    this.pump('stdout', child.stdout);
    this.pump('stderr', child.stderr);
    // Whoever does not read his input, or is gone, closes it.
    child.stdin?.on('error', () => {});
    if (typeof order.stdin === 'string') child.stdin?.end(order.stdin);
    child.on('error', (error) => this.failed(order, error));
    child.on('exit', (exitCode, signal) => this.leaderEnded(exitCode, signal));
    child.on('close', () => {
      this.areClosed = true;
      this.look();
    });
  }

  private pump(stream: OutputStream, from: Readable | null): void {
    from?.on('data', (piece: Buffer) => this.spool.add(stream, piece));
    from?.on('end', () => this.spool.end(stream));
    from?.on('error', () => {});
  }

  /** It could not be started; any other fault is of a signal, and means nothing. */
  private failed({ cwd }: CompleteCommand, { message }: Error): void {
    if (this.tree) return;
    // The kernel does not say which of the two is not there.
    this.fault = isFolder(cwd) ? message : `the folder ${cwd}, where it was to run, is not there`;
    this.leaderEnd = { exitCode: null, signal: null };
    this.areClosed = true;
    setImmediate(() => this.look());
  }

  private leaderEnded(exitCode: number | null, signal: string | null): void {
    this.leaderEnd = { exitCode, signal };
    this.killWithinGrace();
    // The rest of what it has printed is still to be read; when it is, it is looked at once.
    if (!this.areClosed) this.lookLater();
  }

  /** Is it gone? If not, is it time to kill what is left? */
  private readonly look = (): void => {
    if (this.isOver) return;
    clearTimeout(this.timer);
    const { tree } = this;
    if (tree && performance.now() >= this.killAt) this.killTree(tree);
    const isEmpty = !tree || (this.leaderEnd !== undefined && this.hasLeftNobody(tree));
    if (this.leaderEnd && isEmpty && this.areClosed) this.finish();
    else this.lookAgain(this.leaderEnd !== undefined && isEmpty);
  };

  private hasLeftNobody(tree: ProcessTree): boolean {
    const pid = this.child?.pid ?? 0;
    return !births.mayHaveStarted(pid, performance.now()) || tree.members().length === 0;
  }

  private lookAgain(isEmpty: boolean): void {
    if (isEmpty) this.closePipes();
    else this.emptySince = undefined;
    const isWaiting = this.leaderEnd !== undefined || this.killAt !== Number.POSITIVE_INFINITY;
    if (isWaiting) this.lookLater();
  }

  private lookLater(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.look, LOOK_EVERY_MS);
  }

  private killTree(tree: ProcessTree): void {
    const count = tree.signal('SIGKILL');
    if (this.leaderEnd && !this.isStopped) this.killed = Math.max(this.killed, count);
  }

  /**
   * Nobody of the tree is left. What the last of them has printed is still to be read; if the pipes stay open
   * then, somebody holds them who has left all that a tree is found by.
   */
  private closePipes(): void {
    this.emptySince ??= performance.now();
    if (performance.now() < this.emptySince + PIPE_GRACE_MS) return;
    this.child?.stdout?.destroy();
    this.child?.stderr?.destroy();
  }

  private finish(): void {
    this.isOver = true;
    const { exitCode = null, signal = null } = this.leaderEnd ?? {};
    const { fault, startedAt, killed } = this;
    const output = this.spool.close();
    const endedAt = Date.now();
    this.whenGone({ exitCode, signal, fault, output, startedAt, endedAt, killed });
  }
}

function start(
  { cmd: [program, ...args], cwd, stdin }: CompleteCommand,
  env: Environment,
): ChildProcess {
  const file = typeof stdin === 'object' && stdin !== null ? openInput(stdin.file) : undefined;
  try {
    return spawn(program, args, {
      cwd,
      env: { ...env },
      detached: true,
      stdio: [file ?? (stdin === null ? 'ignore' : 'pipe'), 'pipe', 'pipe'],
      windowsHide: true,
    });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** A pipe, whose opening might never end, or a folder, which nobody can read, is no input. */
function openInput(path: string): number {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const stats = fstatSync(file);
  if (stats.isFile() || stats.isCharacterDevice()) return file;
  closeSync(file);
  throw new Error(`its standard input ${path} is no file`);
}
