/**
 * Daemons in processes of their own, with the built package, and requests to them. None outlives its test file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll } from 'vitest';

/** The command, as it is built. */
export const MAIN = join(import.meta.dirname, '../../dist/src/cli/main.js');
const living = new Set<DaemonProcess>();

afterAll(async () => {
  for (const daemon of living) await daemon.kill();
});

/** A line of its log. */
export interface LogLine {
  readonly msg?: string;
  readonly url?: string;
  readonly [field: string]: unknown;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** What its JSON says; `undefined` without any. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Resolves with what `look` has found when it is it; each look is a request that the daemon answers. */
export async function until<Value>(
  look: () => Promise<Value>,
  isIt: (value: Value) => boolean,
): Promise<Value> {
  for (;;) {
    const value = await look();
    if (isIt(value)) return value;
  }
}

/** The runs of a session, as it is answered. */
export function runsIn({ runs }: Reply['body']): readonly { readonly runId: string }[] {
  return runs as readonly { readonly runId: string }[]; // as a session is answered
}

/** A request to a daemon; `body` is sent as JSON. */
export async function ask(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  init: RequestInit = {},
): Promise<Reply> {
  const headers = { ...(body !== undefined && { 'content-type': 'application/json' }) };
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...init,
    headers: { ...headers, ...init.headers },
  });
  const text = await response.text();
  const { status } = response;
  return { status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
}

/** Whoever is asked as a daemon is. */
export interface Asked {
  ask(method: string, path: string, body?: unknown, init?: RequestInit): Promise<Reply>;
}

export class DaemonProcess implements Asked {
  readonly log: LogLine[] = [];
  url = '';
  private readonly lines = new EventEmitter();
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown[]>;

  private constructor(child: ChildProcess) {
    this.child = child;
    this.closed = once(child, 'close');
    living.add(this);
  }

  /** One that listens. Rejects with its last words when it ends instead. */
  static async start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<DaemonProcess> {
    const child = spawn(process.execPath, [MAIN, 'serve', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...env },
    });
    const daemon = new DaemonProcess(child);
    await Promise.race([daemon.listens(), daemon.failed()]);
    return daemon;
  }

  ask(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<Reply> {
    return ask(this.url, method, path, body, init);
  }

  /** Resolves with the first line of its log that fits, when it is there. */
  async logged(fits: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const line = this.log.find(fits);
      if (line) return line;
      await once(this.lines, 'line');
    }
  }

  /** Nobody reads its log any more, until it is read on. */
  leaveLog(): void {
    this.child.stdout?.pause();
  }

  readLog(): void {
    this.child.stdout?.resume();
  }

  /** It dies as by `kill -9`, and is gone when this resolves. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended();
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves with the exit code when it has ended. */
  async ended(): Promise<unknown> {
    const [code] = await this.closed;
    living.delete(this);
    return code;
  }

  private async listens(): Promise<void> {
    const lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    await new Promise<void>((resolve) => {
      lines.on('line', (text) => {
        if (!text.startsWith('{')) return; // said to people
        const line = JSON.parse(text) as LogLine; // as pino writes it
        this.log.push(line);
        this.lines.emit('line');
        this.url ||= line.url ?? '';
        if (line.msg === 'listening') resolve();
      });
    });
  }

  private async failed(): Promise<never> {
    let words = '';
    this.child.stderr?.on('data', (chunk) => {
      words += String(chunk);
    });
    const code = await this.ended();
    throw new Error(`It has ended with ${code}: ${words}`);
  }
}
