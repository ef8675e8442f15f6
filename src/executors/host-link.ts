/**
 * A keeper's link to its command host: finds it, starts it where there is none, and is told when attempts
 * end, or when the host itself does.
 *
 * A host that does not answer is as bad as a dead one, and is made one; see `host-connection.ts`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { environmentOf } from './command-environment.ts';
import type { CommandEnd } from './command-process.ts';
import { HostConnection, type Patience } from './host-connection.ts';
import { placeOf, socketIn } from './host-place.ts';
import {
  ANOTHER_IS_THERE,
  type HostNotice,
  type HostRequest,
  listenTo,
  say,
} from './host-protocol.ts';
import { TAG } from './process-table.ts';

const MAIN = join(import.meta.dirname, `command-host-main${import.meta.filename.slice(-3)}`);
/** A new process of Node is there within a fraction of a second, on a busy machine within some. */
const START_WITHIN_MS = 15_000;
const TRY_EVERY_MS = 20;

/** A host waits for nothing but the disk, and answers within milliseconds. */
const PATIENCE: Patience = { everyMs: 1_000, beforeHello: 5, afterHello: 10 };

type EndNotice = Extract<HostNotice, { type: 'ended' }>;

/** Who waits for the end of an attempt. */
export interface Expectant {
  /** It has ended like this, and its folder says so too, if the disk has taken it. */
  ended(end: CommandEnd): void;
  /** The host has died, and whatever it had not written down is lost. */
  hostLost(): void;
}

export class HostLink {
  private readonly spoolDir: string;
  private readonly expectants = new Map<string, Expectant>();
  /** Who is spoken to; he may not have said hello yet. */
  private connection: HostConnection | undefined = undefined;
  /** To a host that has. */
  private socket: Socket | undefined = undefined;
  private finding: Promise<ReadonlySet<string> | undefined> | undefined = undefined;
  private starting: Promise<void> | undefined = undefined;
  private isClosed = false;
  private readonly patience: Patience;

  constructor(spoolDir: string, patience: Patience = PATIENCE) {
    this.spoolDir = spoolDir;
    this.patience = patience;
  }

  expect(attempt: string, expectant: Expectant): void {
    this.expectants.set(attempt, expectant);
  }

  /** Whether he who expects it was told nothing yet. */
  isExpected(attempt: string): boolean {
    return this.expectants.has(attempt);
  }

  expectNoMore(attempt: string): void {
    this.expectants.delete(attempt);
  }

  /** What the host runs that lives; `undefined` when there is none, or none whom one could trust. */
  find(): Promise<ReadonlySet<string> | undefined> {
    this.finding ??= this.connect();
    return this.finding;
  }

  /** A host is there when it resolves. Rejects when none comes up, or where none may listen. */
  ensure(): Promise<void> {
    if (this.socket) return Promise.resolve();
    this.starting ??= this.start().finally(() => {
      this.starting = undefined;
    });
    return this.starting;
  }

  /** To whoever is there; if nobody is, the folder says what became of it. */
  ask(request: HostRequest): void {
    if (this.socket) say(this.socket, request);
  }

  /** The host goes on. */
  close(): void {
    this.isClosed = true;
    this.connection?.socket.destroy();
    this.socket = undefined;
  }

  private async start(): Promise<void> {
    placeOf(this.spoolDir);
    const until = performance.now() + START_WITHIN_MS;
    if (await this.find()) return;
    let host = spawnHost(this.spoolDir);
    while (!(await this.findAgain())) {
      const { exitCode } = host;
      const isHopeless = exitCode !== null && exitCode !== ANOTHER_IS_THERE;
      if (isHopeless || this.isClosed || performance.now() > until)
        throw new Error(`No command host has come up for ${this.spoolDir}`);
      await sleep(TRY_EVERY_MS);
      // The other one was just about to end.
      if (exitCode === ANOTHER_IS_THERE) host = spawnHost(this.spoolDir);
    }
  }

  private findAgain(): Promise<ReadonlySet<string> | undefined> {
    this.finding = undefined;
    return this.find();
  }

  private connect(): Promise<ReadonlySet<string> | undefined> {
    const path = trustedSocketOf(this.spoolDir);
    if (path === undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const host = new HostConnection(path, this.patience);
      this.connection = host;
      const { socket } = host;
      socket.on('close', () => {
        resolve(undefined);
        if (this.socket === socket) this.lost();
      });
      listenTo<HostNotice>(socket, (notice) => {
        host.heard(notice);
        if (notice.type === 'ended') this.ended(notice);
        else if (notice.type === 'hello') resolve(this.met(socket, notice.running));
      });
    });
  }

  private met(socket: Socket, running: readonly string[]): ReadonlySet<string> | undefined {
    if (this.isClosed) {
      socket.destroy();
      return undefined;
    }
    this.socket = socket;
    return new Set(running);
  }

  private ended({ attempt, end }: EndNotice): void {
    const expectant = this.expectants.get(attempt);
    this.expectants.delete(attempt);
    expectant?.ended(end);
  }

  private lost(): void {
    this.socket = this.finding = undefined;
    if (this.isClosed) return;
    const left = [...this.expectants.values()];
    this.expectants.clear();
    for (const expectant of left) expectant.hostLost();
  }
}

/** A folder that is not ours has no host of ours: what it ran is looked for by its tag. */
function trustedSocketOf(spoolDir: string): string | undefined {
  try {
    return socketIn(placeOf(spoolDir));
  } catch {
    return undefined;
  }
}

/** What programs get, without a tag: it is none of them. */
function hostEnvironment(): Record<string, string> {
  const { [TAG]: _tag, ...environment } = environmentOf({}, '');
  return environment;
}

/** Apart from this process and its terminal: it outlives both. */
function spawnHost(spoolDir: string): ChildProcess {
  const host = spawn(process.execPath, [MAIN, spoolDir], {
    detached: true,
    stdio: 'ignore',
    cwd: '/',
    // It lives long, and has no use for the secrets of who has started it.
    env: hostEnvironment(),
  });
  host.on('error', () => {});
  host.unref();
  return host;
}
