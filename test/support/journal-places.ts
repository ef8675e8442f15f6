/**
 * Folders for the journals of one test file, gone when it is done.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'slotkeeper-')));
let places = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The path of a journal that is not there yet. */
export function freshPlace(): string {
  places += 1;
  return join(folder, `journal-${places}.db`);
}

/** A folder with nothing in it. */
export function freshFolder(): string {
  places += 1;
  const path = join(folder, `folder-${places}`);
  mkdirSync(path);
  return path;
}
