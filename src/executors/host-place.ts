/**
 * Where the host of a spool listens: in the spool, or, if that has too long a name for a socket, in a folder of
 * this user's in the folder for temporary files.
 *
 * Anybody can make a folder there, so that one is looked at before it is used: whoever could put a socket into it
 * could play the host, and would be told every command with its environment.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SlotkeeperError } from '../fault.ts';

/** The kernel takes no longer name of a socket than this, in bytes, with the NUL behind it. */
const LONGEST_SOCKET_NAME = 104;

/** Throws `socket_folder_unsafe`. */
export function socketOf(spoolDir: string): string {
  const inSpool = join(spoolDir, 'host.sock');
  if (Buffer.byteLength(inSpool) < LONGEST_SOCKET_NAME) return inSpool;
  const name = createHash('sha256').update(spoolDir).digest('hex').slice(0, 24);
  return join(socketFolder(), `${name}.sock`);
}

function socketFolder(): string {
  const folder = join(tmpdir(), `slotkeeper-${uid()}`);
  makeIfMissing(folder);
  const stats = lstatSync(folder);
  if (isOursAlone(stats)) return folder;
  const found = { folder, isFolder: stats.isDirectory(), uid: stats.uid, mode: modeOf(stats) };
  const text = `${folder} must be a folder of user ${uid()} with mode 700, and is not: somebody else may have made it. Remove it, or use a spoolDir with a shorter name`;
  throw new SlotkeeperError('socket_folder_unsafe', text, found);
}

function makeIfMissing(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // Node throws nothing else
  }
}

function isOursAlone(stats: Stats): boolean {
  return stats.isDirectory() && stats.uid === uid() && modeOf(stats) === '700';
}

function modeOf({ mode }: Stats): string {
  return (mode & 0o777).toString(8);
}

function uid(): number {
  return process.getuid?.() ?? 0;
}
