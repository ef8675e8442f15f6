/**
 * The command host: the process whose children the commands of a keeper with a journal are.
 *
 * It outlives the keeper. It starts what it is told to, takes in the output, sees how each command ends and
 * writes that down, whether or not anybody is there to hear it. When it has nothing to do and nobody is there,
 * it ends itself.
 */
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { AttemptFolder } from './attempt-folder.ts';
import { CommandProcess } from './command-process.ts';
import { type HostRequest, listenTo, say, socketOf } from './host-protocol.ts';

/** A keeper that is started anew at once finds the host of its predecessor. */
const IDLE_MS = 5_000;

export class CommandHost {
  private readonly spoolDir: string;
  private readonly running = new Map<string, CommandProcess>();
  private readonly keepers = new Set<Socket>();
  private readonly server: Server;
  private readonly whenIdle: () => void;
  private idle: NodeJS.Timeout | undefined;

  constructor(spoolDir: string, whenIdle: () => void) {
    this.spoolDir = spoolDir;
    this.whenIdle = whenIdle;
    this.server = createServer((keeper) => this.meet(keeper));
  }

  /** Resolves when it listens. Rejects with `EADDRINUSE` when another host of this spool lives. */
  async listen(): Promise<void> {
    const path = socketOf(this.spoolDir);
    if (await answers(path))
      throw Object.assign(new Error('a host is there'), { code: 'EADDRINUSE' });
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(path, resolve);
    });
    this.restIfIdle();
  }

  private meet(keeper: Socket): void {
    clearTimeout(this.idle);
    this.keepers.add(keeper);
    keeper.on('error', () => {});
    keeper.on('close', () => {
      this.keepers.delete(keeper);
      this.restIfIdle();
    });
    listenTo<HostRequest>(keeper, (request) => this.obey(request));
    say(keeper, { type: 'hello', pid: process.pid, running: [...this.running.keys()] });
  }

  private obey({ type, attempt }: HostRequest): void {
    const command = this.running.get(attempt);
    switch (type) {
      case 'start':
        if (!command) this.start(attempt);
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
    const { order } = folder;
    if (!order || !folder.mark('started')) return;
    const command = new CommandProcess(order.command, {
      folder: folder.path,
      tag: order.tag,
      gone: (end) => {
        folder.end = end;
        this.running.delete(attempt);
        for (const keeper of this.keepers) say(keeper, { type: 'ended', attempt });
        this.restIfIdle();
      },
    });
    this.running.set(attempt, command);
    folder.process = { identity: command.identity ?? null, startedAt: Date.now() };
  }

  private restIfIdle(): void {
    clearTimeout(this.idle);
    if (this.running.size > 0 || this.keepers.size > 0) return;
    this.idle = setTimeout(() => this.close(), IDLE_MS);
  }

  private close(): void {
    this.server.close();
    this.whenIdle();
  }
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
