/**
 * A spool that is gone with its keeper: when the keeper is stopped, when its process exits without that, and, if
 * the process was killed, when the next keeper makes one in the same folder.
 *
 * Its name says whose it is: the pid, the tick of its start, and a hash of the kernel's boot and the namespace in
 * which that pid means something. Only what is named for this boot and this namespace, belongs to this user, and
 * has no such process any more is removed. What is named for another boot may be of another machine that shares
 * the disk, and for another namespace of another container: nobody can tell from here whether it lives, so it is
 * left alone.
 */
import { createHash, randomUUID } from 'node:crypto';
import { lstatSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { identify, kernelBoot } from './process-table.ts';

const NAME = /^slotkeeper-(\d+)-(\d+)-([0-9a-f]{8})-[0-9a-f]{8}$/;

/** Those of this process that are there. One listener removes them all. */
const inUse = new Set<string>();

/** A new one, which nobody else has or will have. */
export function temporaryName(): string {
  const startTicks = identify(process.pid)?.startTicks ?? 0;
  return `slotkeeper-${process.pid}-${startTicks}-${world()}-${randomUUID().slice(0, 8)}`;
}

/** It is about to be made. Again is a no-op. */
export function useTemporary(path: string): void {
  if (inUse.has(path)) return;
  if (inUse.size === 0) process.on('exit', removeAll);
  inUse.add(path);
  removeDead(dirname(path));
}

/** Nobody uses it any more. */
export function removeTemporary(path: string): void {
  remove(path);
  if (inUse.delete(path) && inUse.size === 0) process.off('exit', removeAll);
}

function removeAll(): void {
  for (const path of inUse) remove(path);
}

/** What processes that were killed have left here. */
function removeDead(folder: string): void {
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    if (isDead(name) && isOurFolder(path)) remove(path);
  }
}

/** Whether the process that it is named for was one of this machine, and is not there. */
function isDead(name: string): boolean {
  const [, pid, startTicks, itsWorld] = NAME.exec(name) ?? [];
  // Where processes cannot be looked at, all would seem dead.
  if (itsWorld !== world() || !identify(process.pid)) return false;
  return identify(Number(pid))?.startTicks !== Number(startTicks);
}

function isOurFolder(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.uid === process.getuid?.();
}

/** Within what a pid means one process. */
function world(): string {
  return createHash('sha256').update(`${kernelBoot()} ${namespace()}`).digest('hex').slice(0, 8);
}

function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return ''; // not Linux
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // it is made with the first attempt
  }
}

/** What cannot be removed is left to the next one. */
function remove(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Somebody removes it too, or its disk is gone.
  }
}
