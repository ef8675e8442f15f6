/**
 * Who a host is, as it writes down beside its socket before it takes its place: so that one that hangs, and says
 * nothing any more, can be told from every other process, and killed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { besideSocket } from './host-place.ts';
import { isAlive, type ProcessIdentity } from './process-table.ts';

/** Throws what the disk says. */
export function writeCard(socket: string, identity: ProcessIdentity): void {
  writeFileSync(besideSocket(socket, '.json'), JSON.stringify(identity), { mode: 0o600 });
}

/** Who listens at this socket; `undefined` when nobody has said so. */
export function hostAt(socket: string): ProcessIdentity | undefined {
  try {
    const text = readFileSync(besideSocket(socket, '.json'), 'utf8');
    return JSON.parse(text) as ProcessIdentity; // as `writeCard` wrote it
  } catch {
    return undefined;
  }
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
