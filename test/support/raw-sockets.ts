/**
 * Connections to a daemon on which anything can be written, and what comes back.
 */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { DaemonProcess } from './daemon-process.ts';

/** Allowed to be half open, and without a listener for errors of whoever hangs up. */
export async function connectionTo({ url }: Pick<DaemonProcess, 'url'>): Promise<Socket> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

/** A request as it is written. */
export function written(method: string, path: string, body?: unknown): string {
  const text = body === undefined ? '' : JSON.stringify(body);
  return `${head(method, path, Buffer.byteLength(text))}\r\n${text}`;
}

/** Without the empty line at its end. */
export function head(method: string, path: string, length: number): string {
  const framing = `content-type: application/json\r\ncontent-length: ${length}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${length > 0 ? framing : ''}`;
}

/** All that comes, until the other side hangs up. */
export async function allFrom(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  if (!socket.closed) await once(socket, 'end').catch(() => {}); // an error ends it, too
  socket.destroy();
  return text;
}

export function pidOf({ log }: DaemonProcess): number {
  return Number(log.find(({ msg }) => msg === 'listening')?.pid);
}

/** How many files and sockets it has open. */
export function openFiles(daemon: DaemonProcess): number {
  return readdirSync(`/proc/${pidOf(daemon)}/fd`).length;
}

export function residentBytes(daemon: DaemonProcess): number {
  const status = readFileSync(`/proc/${pidOf(daemon)}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}
