/**
 * Commands as work.
 *
 * Without a journal on disk a command is a child of this process, and is killed when it ends. With one it is a
 * child of the command host, and a keeper that comes back after a crash finds each attempt finished, and takes
 * its end; alive, and adopts it; never begun, and begins it; or begun and gone with nobody to tell how, and says
 * so (`interrupted`).
 */
import { existsSync } from 'node:fs';
import { SlotkeeperError } from '../fault.ts';
import {
  type AttemptFolder,
  attemptOf,
  attemptsIn,
  lastAttempt,
  nextAttempt,
} from './attempt-folder.ts';
import { type CompleteCommand, completeCommand } from './command-order.ts';
import { failed, failureOf } from './command-result.ts';
import type {
  CommandOrder,
  KeepingExecutor,
  OutputOptions,
  OutputRecord,
  Work,
  WorkPlace,
  WrittenFailure,
} from './executor.ts';
import { HostLink } from './host-link.ts';
import { HostedWork } from './hosted-work.ts';
import { isAtWork, killLocalWorks, LocalWork } from './local-work.ts';
import { readOutput } from './output-reader.ts';
import { ProcessTree } from './process-tree.ts';
import { removeTemporary, useTemporary } from './temporary-spool.ts';

/** What is done with a command that has outlived its keeper. */
export type Orphans = 'adopt' | 'kill';

export interface CommandExecutorOptions {
  /** Where its attempts have their folders, and nobody else's. Made when the first one has. */
  readonly spoolDir: string;
  /** Whether its commands outlive this process. */
  readonly outlives: boolean;
  readonly orphans: Orphans;
  /** Whether the spool is removed when this executor is closed. */
  readonly isTemporary: boolean;
}

/** Of an attempt that could not be taken up. */
const NO_WORK: Work = { stop() {}, pause() {}, resume() {} };

/** What is kept of a command says where its attempts are: the next keeper may have another spool. */
interface PlacedCommand extends CompleteCommand {
  readonly spoolDir?: string;
}

export class CommandExecutor implements KeepingExecutor<CommandOrder, PlacedCommand> {
  readonly endsWhenStopped = true;
  readonly outlives: boolean;
  private readonly spoolDir: string;
  private readonly orphans: Orphans;
  private readonly isTemporary: boolean;
  /** To the host of each spool: of ours, and of those in which something was left to be taken up. */
  private readonly links = new Map<string, HostLink>();
  /** Slots whose commands were begun as children of this process, and are not forgotten. */
  private readonly begun = new Set<number>();
  /** The spools of slots whose attempts are not in ours. */
  private readonly elsewhere = new Map<number, string>();

  constructor({ spoolDir, outlives, orphans, isTemporary }: CommandExecutorOptions) {
    this.spoolDir = spoolDir;
    this.outlives = outlives;
    this.orphans = orphans;
    this.isTemporary = isTemporary;
  }

  complete(order: CommandOrder): PlacedCommand {
    return { ...completeCommand(order), spoolDir: this.spoolDir };
  }

  canPause(): boolean {
    return true;
  }

  start(order: PlacedCommand, place: WorkPlace): Work {
    return this.begin(attemptOf(this.spoolDir, String(place.token), 1), order, place);
  }

  adopt(order: PlacedCommand, place: WorkPlace): Work {
    try {
      return this.takeUp(order, place);
    } catch (error) {
      failed(place, error);
      return NO_WORK;
    }
  }

  private takeUp(order: PlacedCommand, place: WorkPlace): Work {
    const run = String(place.token);
    const { spoolDir = this.spoolDir } = order;
    const folder = lastAttempt(spoolDir, run);
    if (!folder) return this.start(order, place);
    if (spoolDir !== this.spoolDir) this.elsewhere.set(place.token, spoolDir);
    const attempt = isUnbegun(folder) ? nextAttempt(spoolDir, run) : folder;
    const work = new HostedWork(attempt, order, place, this.linkTo(attempt), folder.stop);
    return attempt === folder ? work.adopt(this.orphans === 'kill') : work.begin();
  }

  output(token: number, options: OutputOptions): AsyncIterableIterator<OutputRecord> {
    const folder = this.attemptWithOutput(token);
    if (folder) return readOutput(folder.path, options, () => this.isOver(folder));
    throw new SlotkeeperError('no_output', 'The command has not begun, or is forgotten', { token });
  }

  forget(token: number): void {
    this.begun.delete(token);
    if (this.isLeft) return;
    const run = String(token);
    const spoolDir = this.spoolOf(token);
    for (let folder = lastAttempt(spoolDir, run); folder; ) {
      folder.remove();
      folder = lastAttempt(spoolDir, run);
    }
    this.elsewhere.delete(token);
  }

  keptAt(token: number): string {
    return this.spoolOf(token);
  }

  keepAt(token: number, place: string): void {
    if (place !== this.spoolDir) this.elsewhere.set(token, place);
  }

  failureOf(written: WrittenFailure, value: unknown): Error {
    return failureOf(written, value);
  }

  /**
   * What stands in the spool and is of none of the slots that are held is killed if it lives; it is removed
   * unless its slot is one of those that have ended and are not forgotten.
   */
  clean(held: readonly number[], ended: readonly number[]): void {
    const [atWork, kept] = [held, ended].map((tokens) => new Set(tokens.map(String)));
    for (const name of attemptsIn(this.spoolDir)) {
      const [run = ''] = name.split('.');
      if (atWork?.has(run)) continue;
      const folder = attemptNamed(this.spoolDir, name);
      if (mayLive(folder)) new ProcessTree(undefined, folder.order?.tag ?? '').signal('SIGKILL');
      if (!kept?.has(run)) folder.remove();
    }
  }

  /** The host goes on with what it does. Without one what is at work is killed. */
  close(): void {
    for (const link of this.links.values()) link.close();
    if (!this.outlives) killLocalWorks(this.spoolDir);
    if (this.isTemporary) removeTemporary(this.spoolDir);
  }

  /** A child of this process that has printed nothing has no folder. */
  private attemptWithOutput(token: number): AttemptFolder | undefined {
    if (this.begun.has(token)) return attemptOf(this.spoolDir, String(token), 1);
    return lastAttempt(this.spoolOf(token), String(token));
  }

  /** What was printed stays, for whoever started the keeper. */
  private get isLeft(): boolean {
    return !this.outlives && !this.isTemporary;
  }

  /** Nothing will come any more: it has ended, or nobody wants to know of it. */
  private isOver(folder: AttemptFolder): boolean {
    if (!this.outlives) return !isAtWork(folder.path);
    return folder.end !== undefined || !existsSync(folder.path);
  }

  private begin(folder: AttemptFolder, order: CompleteCommand, place: WorkPlace): Work {
    if (this.outlives) return new HostedWork(folder, order, place, this.linkTo(folder)).begin();
    if (this.isTemporary) useTemporary(this.spoolDir);
    this.begun.add(place.token);
    return new LocalWork(folder, order, place);
  }

  private spoolOf(token: number): string {
    return this.elsewhere.get(token) ?? this.spoolDir;
  }

  private linkTo({ spoolDir }: AttemptFolder): HostLink {
    const link = this.links.get(spoolDir) ?? new HostLink(spoolDir);
    this.links.set(spoolDir, link);
    return link;
  }
}

/** Nobody has begun it, and from now on nobody will. */
function isUnbegun(folder: AttemptFolder): boolean {
  return folder.end === undefined && (folder.mark('void') || folder.marked === 'void');
}

function mayLive(folder: AttemptFolder): boolean {
  return folder.marked === 'started' && folder.end === undefined;
}

function attemptNamed(spoolDir: string, name: string): AttemptFolder {
  const [run = '', number = ''] = name.split('.');
  return attemptOf(spoolDir, run, Number(number));
}
