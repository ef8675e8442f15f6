/**
 * A journal belongs to one keeper: no other gets it while that one lives, in whatever process, and the
 * next gets it at once when it is dead. The other processes run the built package; `npm test` builds first.
 */
import { describe, expect, test } from 'vitest';
import { startConcurrencyLimiter } from '../../src/index.ts';
import { readJournal } from '../../src/journal/journal-reader.ts';
import { freshPlace } from '../support/journal-places.ts';
import { tryToKeep } from '../support/keeper-processes.ts';
import { lockFor } from '../support/momentary-lock.ts';

const keepHere = (path: string) => startConcurrencyLimiter({ journal: { path } });
const otherKeeper = async (path: string) => (await tryToKeep(path)).says;

describe('a journal that another process has', () => {
  test('being refused, with the process that has it', async () => {
    const path = freshPlace();
    const { says, keeper } = await tryToKeep(path);
    expect(says).toBe('keeps');
    const refusal = { code: 'journal_in_use', details: { path, pid: keeper.pid } };
    await expect(keepHere(path)).rejects.toMatchObject(refusal);
    expect(await otherKeeper(path)).toBe('journal_in_use');
  });

  test('being free at once when that process was killed', async () => {
    const path = freshPlace();
    for (let round = 0; round < 3; round += 1) {
      const { says, keeper } = await tryToKeep(path);
      expect(says).toBe('keeps');
      await keeper.kill();
    }
    await using limiter = await keepHere(path);
    expect(limiter.getStatus().state).toBe('accepting');
  });
});

describe('a journal that this process has', () => {
  test('being refused to a second keeper of the process', async () => {
    const path = freshPlace();
    await using _limiter = await keepHere(path);
    const refusal = { code: 'journal_in_use', details: { path, pid: process.pid } };
    await expect(keepHere(path)).rejects.toMatchObject(refusal);
  });

  // The system forgets a process's locks on a file that the process closes, however often it has it open.
  test('being refused to others also after a second keeper here was refused', async () => {
    const path = freshPlace();
    await using _limiter = await keepHere(path);
    await keepHere(path).catch(() => {});
    expect(await otherKeeper(path)).toBe('journal_in_use');
  });

  test('being refused to others also after it was read here', async () => {
    const path = freshPlace();
    await using _limiter = await keepHere(path);
    expect(readJournal(path).isInUse).toBe(true);
    expect(await otherKeeper(path)).toBe('journal_in_use');
  });

  test('being free at once when its keeper has stopped', async () => {
    const path = freshPlace();
    await (await keepHere(path)).stop();
    expect(await otherKeeper(path)).toBe('keeps');
  });
});

describe('a journal that is free', () => {
  test('being given to a keeper although a reader looks whether it is', async () => {
    const path = freshPlace();
    await (await keepHere(path)).stop();
    const endSoon = await lockFor(`${path}-lock`, ['BEGIN', 'SELECT * FROM sqlite_master']);
    endSoon();
    await using limiter = await keepHere(path);
    expect(limiter.getStatus().state).toBe('accepting');
  });

  test('being read although a keeper recovers it', async () => {
    const path = freshPlace();
    await (await keepHere(path)).stop();
    const endSoon = await lockFor(path, ['PRAGMA locking_mode = EXCLUSIVE', 'BEGIN EXCLUSIVE']);
    endSoon();
    expect(readJournal(path).isInUse).toBe(false);
  });
});
