/**
 * Storage that really fails while a limiter runs: a small disk that is full, a file that may not grow, a
 * database that may have no more pages. `npm test` builds first: the process runs the built package.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { settle } from '../../src/testing.ts';
import { attempt, type Limiter } from '../support/callers.ts';
import { freshPlace } from '../support/journal-places.ts';
import { StorageStage } from '../support/storage-stage.ts';
import { fillUp, mountTmpfs, testWithMount } from '../support/tmpfs.ts';

const PROGRAM = join(import.meta.dirname, '..', 'support', 'limited-keeper.mjs');
const UNLIMITED = { maxParallelSessions: Infinity, maxParallelRuns: Infinity } as never;

/** Takes sessions, twenty in a tick, until one is refused. The ids that were granted. */
async function takeUntilRefused(limiter: Limiter, first = 0): Promise<string[]> {
  const held: string[] = [];
  for (let next = first; next < first + 20_000; next += 20) {
    const ids = Array.from({ length: 20 }, (_, index) => `${next + index}`);
    const asked = ids.map((id) => attempt(limiter.acquireSessionSlot(id, { durable: true })));
    await settle();
    if (asked.every(({ outcome }) => outcome === 'storage_unavailable')) return held;
    expect(new Set(asked.map(({ outcome }) => outcome))).toEqual(new Set(['granted']));
    held.push(...ids);
  }
  throw new Error('Expected the storage to fail');
}

const sessionsIn = (path: string) => readJournal(path).sessions.map(({ sessionId }) => sessionId);

/** Releases in the midst of it, mends, and looks that file, limiter and the next keeper say the same. */
async function goOnWhenMended(stage: StorageStage, mend: () => void): Promise<void> {
  const { limiter, path } = stage;
  const held = await takeUntilRefused(limiter);
  expect(held.length).toBeGreaterThan(20);
  expect(limiter.getStatus()).toMatchObject({ storage: 'degraded', activeSessions: held.length });
  expect(stage.told).toEqual(['storage_degraded']);
  expect(stage.events.events[0]).toMatchObject({ reason: expect.stringContaining('full') });
  for (const id of held.splice(0, 5)) await limiter.releaseSessionSlot(id);
  mend();
  await stage.advance(5_000);
  expect(limiter.getStatus()).toMatchObject({ storage: 'ok', activeSessions: held.length });
  expect(sessionsIn(path)).toEqual(held);
  await limiter.acquireSessionSlot('last', { durable: true });
  await limiter.stop();
  await stage.start();
  expect(sessionsIn(path)).toEqual([...held, 'last']);
  expect(stage.limiter.getStatus()).toMatchObject({ activeSessions: held.length + 1 });
}

describe('a limiter', () => {
  testWithMount('on a disk that is full', async () => {
    const folder = mountTmpfs('2m');
    await using stage = await StorageStage.open({ folder, limits: UNLIMITED });
    const makeRoom = fillUp(folder, 65_536);
    await goOnWhenMended(stage, makeRoom);
  });

  test('on a database that may have no more pages', async () => {
    await using stage = await StorageStage.open({ limits: UNLIMITED });
    const { connection } = stage;
    const pages = connection.pragma('page_count', { simple: true }) as number; // as it says
    connection.pragma(`max_page_count = ${pages + 3}`);
    await goOnWhenMended(stage, () => connection.pragma('max_page_count = 1000000'));
  });

  test.runIf(process.platform === 'linux')(
    'whose files may not grow: a real I/O error',
    async () => {
      const path = freshPlace();
      const run = 'ulimit -S -f 200 && exec "$0" "$1" "$2"';
      const args = ['-c', run, process.execPath, PROGRAM, path];
      const child = spawn('bash', args, { stdio: ['pipe', 'pipe', 'inherit'] });
      const [told] = await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
      const { refusal, refused, released, storage, events, held } = JSON.parse(String(told));
      expect(refusal).toMatchObject({ code: 'storage_unavailable' });
      // Those of one commit: a busy machine may part the twenty.
      expect(refused).toBeGreaterThan(0);
      expect([released.sessions, storage]).toEqual([1, 'degraded']);
      expect(events).toMatchObject([
        { type: 'storage_degraded', reason: expect.stringMatching(/I\/O error|is full/) },
        { type: 'storage_recovered' },
      ]);
      expect(sessionsIn(path)).toEqual(held);
    },
  );
});
