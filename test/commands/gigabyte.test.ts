/**
 * A gibibyte of output with a cap of a megabyte: all of it is seen, none of it is held, in whichever process takes
 * it in.
 *
 * The host runs the built package: `npm test` builds first.
 */
import { readFileSync, statSync } from 'node:fs';
import { startSlotkeeper } from 'slotkeeper';
import { describe, expect, test } from 'vitest';
import { CommandPlace } from '../support/command-place.ts';
import { freshFolder } from '../support/journal-places.ts';

const GIBIBYTE = 1024 ** 3;
const CAP = 1_000_000;
/** Far more than the buffers of a process that pumps, far less than what is pumped. */
const MOST_GROWTH = 128 * 1024 ** 2;
const LOOK_EVERY_MS = 20;

/** What a process has in memory, in bytes. */
function memoryOf(pid: number): number {
  const [, kibibytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kibibytes) * 1024;
}

/** By how much it grows at most, from now on until it is told to say it. */
function growthOf(pid: number): () => number {
  const first = memoryOf(pid);
  let most = first;
  const timer = setInterval(() => {
    most = Math.max(most, memoryOf(pid));
  }, LOOK_EVERY_MS);
  return () => {
    clearInterval(timer);
    return Math.max(most, memoryOf(pid)) - first;
  };
}

describe.each(['a host', 'this process'])('a gibibyte that is taken in by %s', (who) => {
  test('being seen to the last byte, and costing no memory', { timeout: 60_000 }, async () => {
    const place = new CommandPlace();
    const journal = { path: place.path };
    await using keeper = await startSlotkeeper(
      who === 'a host' ? { journal } : { spoolDir: freshFolder() },
    );
    const session = await keeper.openSession();
    const limits = { maxOutputBytes: CAP, maxOutputLines: 1e9 };
    const run = await session.run({ ...place.script(`yes | head -c ${GIBIBYTE}`), ...limits });
    // It pumps already, so it has what it needs for that.
    for await (const _ of run.output({ follow: true })) break;
    const growth = growthOf(who === 'a host' ? (place.hosts[0] ?? 0) : process.pid);
    const { stdout } = await run.result();
    expect(growth()).toBeLessThan(MOST_GROWTH);
    expect(stdout).toMatchObject({ bytesSeen: GIBIBYTE, bytes: CAP, isTruncated: true });
    expect(statSync(stdout.path).size).toBe(CAP);
  });
});
