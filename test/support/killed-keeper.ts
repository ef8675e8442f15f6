/**
 * What a keeper leaves behind that was killed with SIGKILL: the file and the log of its journal.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder, freshPlace } from './journal-places.ts';

const PROGRAM = join(import.meta.dirname, 'killed-keeper.mjs');

export interface Remains {
  readonly file: Buffer;
  readonly log: Buffer;
}

/** Lets a keeper work, and kills it. */
export async function killKeeper(path = freshPlace()): Promise<Remains> {
  const child = spawn(process.execPath, [PROGRAM, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return { file: readFileSync(path), log: readFileSync(`${path}-wal`) };
}

/** Lays them out in a folder of their own. */
export function layOut({ file, log }: Remains): string {
  const path = join(freshFolder(), 'journal.db');
  writeFileSync(path, file);
  writeFileSync(`${path}-wal`, log);
  return path;
}

const HEADER_BYTES = 32;
/** A page and what stands before it. */
export const FRAME_BYTES = 24 + 4_096;

/** Where each transaction of a log ends, in bytes. */
export function endsIn(log: Buffer): number[] {
  const ends: number[] = [];
  for (let at = HEADER_BYTES; at + FRAME_BYTES <= log.length; at += FRAME_BYTES) {
    const isCurrent = log.subarray(at + 8, at + 16).equals(log.subarray(16, 24));
    if (isCurrent && log.readUInt32BE(at + 4) !== 0) ends.push(at + FRAME_BYTES);
  }
  return ends;
}
