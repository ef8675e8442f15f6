/**
 * Small file systems of their own: full when they are, read-only when they are told. Only root may mount.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { freshFolder } from './journal-places.ts';

const mounted: string[] = [];

afterAll(() => {
  for (const folder of mounted) execFileSync('umount', ['--lazy', folder]);
});

/** A new file system of this size. */
export function mountTmpfs(size: string): string {
  const folder = freshFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'pipe' });
  mounted.push(folder);
  return folder;
}

export function makeReadOnly(folder: string): void {
  execFileSync('mount', ['-o', 'remount,ro', folder], { stdio: 'pipe' });
}

/** Takes all the room there is but `bytesLeft`. What it returns gives the room back. */
export function fillUp(folder: string, bytesLeft = 0): () => void {
  const { bavail, bsize } = statfsSync(folder);
  const filler = join(folder, 'filler');
  writeFileSync(filler, Buffer.alloc(bavail * bsize - bytesLeft));
  return () => rmSync(filler);
}

function canMount(): boolean {
  try {
    mountTmpfs('64k');
    return true;
  } catch {
    return false;
  }
}

const isPossible = canMount();

/**
 * A test that mounts. Where that is not allowed it is skipped, and its name says why; in continuous
 * integration it fails, so that it is not left out for ever.
 */
export function testWithMount(name: string, run: () => Promise<void> | void): void {
  if (isPossible || process.env.CI === 'true') test(name, run);
  // The reason: a newcomer is not root, and nothing but a mount makes a disk small or read-only for root.
  else test.skip(`${name} (skipped: only root may mount a file system)`, run);
}
