/**
 * Who the host of a spool is, as it writes down when it takes its place: so that one that hangs, and says nothing
 * any more, can be told from every other process, and killed.
 *
 * The card names the socket too, by its inode: one that was left behind by an earlier host is not the card of whoever
 * listens now.
 */
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, type ProcessIdentity } from './process-table.ts';

interface Card {
  readonly identity: ProcessIdentity;
  readonly inode: number;
}

const NAME = 'host.json';

/** Throws what the disk says. */
export function writeCard(spoolDir: string, card: Card): void {
  const draft = join(spoolDir, `.${NAME}`);
  writeFileSync(draft, JSON.stringify(card), { mode: 0o600 });
  renameSync(draft, join(spoolDir, NAME));
}

export function removeCard(spoolDir: string): void {
  rmSync(join(spoolDir, NAME), { force: true });
}

/** Who listens at this socket; `undefined` when nobody has said so. */
export function hostAt(spoolDir: string, socket: string): ProcessIdentity | undefined {
  const card = readCard(spoolDir);
  return card?.inode === inodeOf(socket) ? card?.identity : undefined;
}

/** Whether it was there to be killed. From then on it does nothing more, wherever it hangs. */
export function killHost(host: ProcessIdentity | undefined): boolean {
  if (!host || !isAlive(host)) return false;
  try {
    return process.kill(host.pid, 'SIGKILL');
  } catch {
    return false; // it has ended meanwhile
  }
}

export function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function readCard(spoolDir: string): Card | undefined {
  try {
    return JSON.parse(readFileSync(join(spoolDir, NAME), 'utf8')) as Card; // as `writeCard` wrote it
  } catch {
    return undefined;
  }
}
