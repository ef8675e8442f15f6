/**
 * Whether a folder could be made, or used where it is there. Nothing is made.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** What keeps somebody from making this folder and files in it; `undefined` when nothing does. */
export function folderFault(path: string): string | undefined {
  const nearest = nearestTo(resolve(path));
  if (!statSync(nearest).isDirectory()) return `${nearest} is no folder`;
  return isWritable(nearest) ? undefined : `the folder ${nearest} is not writable`;
}

/** A file, or a folder that can be gone into. */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | (statSync(path).isDirectory() ? constants.X_OK : 0));
    return true;
  } catch {
    return false;
  }
}

/** It, or what is there of the folders above it. The root is always there. */
function nearestTo(path: string): string {
  return existsSync(path) ? path : nearestTo(dirname(path));
}
