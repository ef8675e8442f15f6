/**
 * What a keeper and its command host say to each other: one JSON object per line, on a Unix socket.
 *
 * What matters stands in the attempts' folders; a message only says that it is to be looked at there. So a
 * message that is lost with its sender loses nothing. An end is told besides, for a disk that takes no more.
 */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandEnd } from './command-process.ts';

export type HostRequest = {
  readonly type: 'start' | 'stop' | 'pause' | 'resume';
  /** The name of its folder. */
  readonly attempt: string;
};

export type HostNotice =
  /** The first that is said. */
  | { readonly type: 'hello'; readonly pid: number; readonly running: readonly string[] }
  | { readonly type: 'ended'; readonly attempt: string; readonly end: CommandEnd };

/** The exit code of a host that has found another one. */
export const ANOTHER_IS_THERE = 3;

/** The kernel takes no longer name of a socket than this, in bytes, with the NUL behind it. */
const LONGEST_SOCKET_NAME = 104;

/** Where the host of a spool listens: in the spool, or, if that has too long a name, in a folder of ours. */
export function socketOf(spoolDir: string): string {
  const inSpool = join(spoolDir, 'host.sock');
  if (Buffer.byteLength(inSpool) < LONGEST_SOCKET_NAME) return inSpool;
  const folder = join(tmpdir(), `slotkeeper-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${createHash('sha256').update(spoolDir).digest('hex').slice(0, 24)}.sock`);
}

export function say(socket: Socket, message: HostRequest | HostNotice): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls `hear` with each message. A line that is none ends the connection: it is nobody of ours. */
export function listenTo<Message>(socket: Socket, hear: (message: Message) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const message = parsed(line);
      if (message === undefined) socket.destroy();
      else hear(message as Message); // only a keeper and its host know the socket
    }
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
