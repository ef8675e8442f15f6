/**
 * What a keeper and its command host say to each other: one JSON object per line, on a Unix socket.
 *
 * What matters stands in the attempts' folders; a message only says that it is to be looked at there. So a
 * message that is lost with its sender loses nothing. An end is told besides, for a disk that takes no more.
 */
import type { Socket } from 'node:net';
import type { CommandEnd } from './command-process.ts';
import type { ProcessIdentity } from './process-table.ts';

export type HostRequest =
  | {
      readonly type: 'start' | 'stop' | 'pause' | 'resume';
      /** The name of its folder. */
      readonly attempt: string;
    }
  /** Is to be answered with a pong. */
  | { readonly type: 'ping' };

export type HostNotice =
  /** The first that is said. */
  | {
      readonly type: 'hello';
      /** Without it pings are not answered, or he could not be told from others. */
      readonly identity?: ProcessIdentity | undefined;
      readonly running: readonly string[];
    }
  | { readonly type: 'pong' }
  | { readonly type: 'ended'; readonly attempt: string; readonly end: CommandEnd };

/** The exit code of a host that has found another one. */
export const ANOTHER_IS_THERE = 3;

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
