/**
 * The place of a spool's host: a folder that holds the socket on which it listens. It is in the spool, or, if that
 * has too long a name for a socket, in a folder of this user's in the folder for temporary files.
 *
 * A host makes the folder under a name of its own, and takes the place by moving it there, which works only where
 * nothing is, or an empty folder. All files in it have names that come once. So what a dead host has left is removed
 * by its names, and a host that has taken the place meanwhile is never touched; however many come at once, and
 * whoever of them is killed, one has the place.
 *
 * Anybody can make a folder among temporary files, so that one is looked at before it is used: whoever could put a
 * socket into it could play the host, and would be told every command with its environment.
 */
import { createHash, randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, type Stats } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SlotkeeperError } from '../fault.ts';

/** The kernel takes no longer name of a socket than this, in bytes, with the NUL behind it. */
const LONGEST_SOCKET_NAME = 104;
/** As long as a name in a spool comes to be. */
const LONGEST_NAME = '/h4194304/01234567.sock';
const SOCKET = '.sock';

/** Throws `socket_folder_unsafe`. */
export function placeOf(spoolDir: string): string {
  const isShort = Buffer.byteLength(spoolDir + LONGEST_NAME) < LONGEST_SOCKET_NAME;
  if (isShort) return join(spoolDir, 'host');
  const name = createHash('sha256').update(spoolDir).digest('hex').slice(0, 24);
  return join(socketFolder(), name);
}

/** The socket of the host that has this place, or had it; `undefined` when there is none. */
export function socketIn(place: string, names = namesIn(place)): string | undefined {
  const name = names.find((each) => each.endsWith(SOCKET));
  return name === undefined ? undefined : join(place, name);
}

/** In a folder that becomes a place. */
export function newSocketIn(folder: string): string {
  return join(folder, `${randomUUID().slice(0, 8)}${SOCKET}`);
}

/** What stands beside a socket, and is of the same host. */
export function besideSocket(socket: string, ending: string): string {
  return socket.slice(0, -SOCKET.length) + ending;
}

/** Whether the folder is the place now. False when somebody has it, or had it and is not removed. */
export function takePlace(folder: string, place: string): boolean {
  try {
    renameSync(folder, place);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // Node throws nothing else
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes what was seen there, and nobody who has come since. */
export function clearPlace(place: string, seen: readonly string[]): void {
  for (const name of seen) rmSync(join(place, name), { force: true });
}

export function namesIn(place: string): string[] {
  try {
    return readdirSync(place);
  } catch {
    return []; // nobody has it
  }
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
