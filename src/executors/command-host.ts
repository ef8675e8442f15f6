/**
 * The command host: the process whose children the commands of a keeper with a journal are.
 *
 * It outlives the keeper. It starts what it is told to, takes in the output, sees how each command ends and
 * writes that down, whether or not anybody is there to hear it. When it has nothing to do and nobody is there,
 * it ends itself.
 */
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { AttemptFolder } from './attempt-folder.ts';
import { type CommandEnd, CommandProcess } from './command-process.ts';
import { writeCard } from './host-card.ts';
import { clearPlace, namesIn, newSocketIn, placeOf, socketIn, takePlace } from './host-place.ts';
import { type HostRequest, listenTo, say } from './host-protocol.ts';
import { hasProcesses, identify } from './process-table.ts';

/** A keeper that is started anew at once finds the host of its predecessor. */
const IDLE_MS = 5_000;
/** How long a disk that has taken an end not even into the room that was taken for it is left alone. */
const WRITE_AGAIN_MS = 1_000;

type Order = Exclude<HostRequest, { type: 'ping' }>;

export class CommandHost {
  private readonly spoolDir: string;
  /** Where its keepers find it. */
  private readonly place: string;
  /** What it has put there. */
  private names: readonly string[] = [];
  private readonly identity = identify(process.pid);
  private readonly running = new Map<string, CommandProcess>();
  /** Attempts that have ended, and the disk has not taken how. */
  private readonly unwritten = new Set<string>();
  private readonly keepers = new Set<Socket>();
  private readonly server: Server;
  private readonly whenIdle: () => void;
  private idle: NodeJS.Timeout | undefined;

  constructor(spoolDir: string, whenIdle: () => void) {
    this.spoolDir = spoolDir;
    this.place = placeOf(spoolDir);
    this.whenIdle = whenIdle;
    this.server = createServer((keeper) => this.meet(keeper));
  }

  /** Resolves when it has its place. Rejects with `EADDRINUSE` when another host of this spool lives. */
  async listen(): Promise<void> {
    const { place } = this;
    const own = join(dirname(place), `h${process.pid}`);
    rmSync(own, { recursive: true, force: true });
    mkdirSync(own, { mode: 0o700 });
    try {
      await this.open(newSocketIn(own));
      this.names = namesIn(own);
      while (!takePlace(own, place)) await removeDead(place);
    } finally {
      rmSync(own, { recursive: true, force: true });
    }
    tidy(dirname(place));
    this.restIfIdle();
  }

  private async open(socket: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(socket, resolve);
    });
    const { identity } = this;
    // On a disk that is full it goes without: then nobody can end it if it hangs before it has said hello.
    if (identity) succeeds(() => writeCard(socket, identity));
  }

  private meet(keeper: Socket): void {
    clearTimeout(this.idle);
    this.keepers.add(keeper);
    keeper.on('error', () => {});
    keeper.on('close', () => {
      this.keepers.delete(keeper);
      this.restIfIdle();
    });
    listenTo<HostRequest>(keeper, (request) => {
      if (request.type === 'ping') say(keeper, { type: 'pong' });
      else this.obey(request);
    });
    say(keeper, { type: 'hello', identity: this.identity, running: this.atWork });
  }

  /** Attempts whose end is still to be told. */
  private get atWork(): string[] {
    return [...this.running.keys(), ...this.unwritten];
  }

  private obey({ type, attempt }: Order): void {
    const command = this.running.get(attempt);
    switch (type) {
      case 'start':
        this.start(attempt);
        break;
      case 'stop':
        command?.stop();
        break;
      case 'pause':
        command?.pause();
        break;
      case 'resume':
        command?.resume();
    }
  }

  /** Marked first: whatever happens then, nobody starts it a second time. */
  private start(attempt: string): void {
    const folder = new AttemptFolder(this.spoolDir, attempt);
    try {
      if (folder.mark('started')) this.launch(folder);
    } catch (error) {
      this.ended(folder, neverStarted((error as Error).message)); // Node throws nothing else
    }
  }

  /** Throws when it cannot even be tried: there is no room for its output, or not the file of its input. */
  private launch(folder: AttemptFolder): void {
    const { order } = folder;
    if (!order) throw new Error('its order cannot be read');
    const command = new CommandProcess(order.command, {
      folder: folder.path,
      tag: order.tag,
      ...(order.environment && { environment: order.environment }),
      gone: (end) => {
        if (this.running.get(folder.name) === command) this.running.delete(folder.name);
        // Its journal was removed, and another attempt has come to its name.
        if ((folder.order?.tag ?? order.tag) === order.tag) this.ended(folder, end);
        else this.restIfIdle();
      },
    });
    this.running.set(folder.name, command);
    // A disk that has no room for it: whoever looks for it then has its tag.
    succeeds(() => {
      folder.process = { identity: command.identity ?? null, startedAt: Date.now() };
    });
  }

  /** Written down, then told. What the disk does not take is told, and written as soon as it can be. */
  private ended(folder: AttemptFolder, end: CommandEnd): void {
    const isWritten = succeeds(() => {
      folder.end = end;
    });
    this.unwritten.delete(folder.name);
    if (!isWritten) {
      this.unwritten.add(folder.name);
      setTimeout(() => this.ended(folder, end), WRITE_AGAIN_MS);
    }
    for (const keeper of this.keepers) say(keeper, { type: 'ended', attempt: folder.name, end });
    this.restIfIdle();
  }

  private restIfIdle(): void {
    clearTimeout(this.idle);
    if (this.running.size > 0 || this.unwritten.size > 0 || this.keepers.size > 0) return;
    this.idle = setTimeout(() => this.close(), IDLE_MS);
  }

  private close(): void {
    this.server.close();
    clearPlace(this.place, this.names);
    succeeds(() => rmdirSync(this.place));
    this.whenIdle();
  }
}

function neverStarted(fault: string): CommandEnd {
  const stream = { bytes: 0, bytesSeen: 0, lines: 0, isTruncated: false };
  const output = { stdout: stream, stderr: stream, fault: null };
  const now = Date.now();
  return { exitCode: null, signal: null, fault, output, startedAt: now, endedAt: now, killed: 0 };
}

function succeeds(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}

/** Hosts that were killed while they took their place have left a name behind. */
function tidy(folder: string): void {
  if (!hasProcesses()) return;
  for (const name of readdirSync(folder)) {
    const pid = Number(/^h(\d+)$/.exec(name)?.[1]);
    if (pid > 0 && !identify(pid)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** Takes away what a dead host has left. Throws `EADDRINUSE` when it lives. */
async function removeDead(place: string): Promise<void> {
  const seen = namesIn(place);
  const socket = socketIn(place, seen);
  if (socket && (await answers(socket)))
    throw Object.assign(new Error('a host is there'), { code: 'EADDRINUSE' });
  clearPlace(place, seen);
}

/** Whether somebody listens there; a socket's file outlives who made it. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
