/**
 * What is said to who waits while the journal cannot be written.
 */
import { expect, test } from 'vitest';
import { startConcurrencyLimiter } from '../../src/index.ts';
import { SimulatedClock, settle } from '../../src/testing.ts';
import { RecordingJournal } from '../support/recording-journal.ts';

test('an explanation naming the journal while it cannot be written', async () => {
  const clock = new SimulatedClock();
  const journal = new RecordingJournal();
  const limits = { maxParallelRuns: 1 };
  const limiter = await startConcurrencyLimiter({ clock, journal, limits });
  const held = await limiter.acquireRunSlot('s', 'held');
  const waiter = limiter.acquireRunSlot('s', 'waiter', { waitTimeoutMs: Infinity });
  await settle();
  expect(limiter.explain({ runId: 'waiter' })).not.toHaveProperty('storageTrouble');

  journal.isFull = true;
  await held.release();
  expect(limiter.explain({ runId: 'waiter' })).toMatchObject({
    state: 'waiting',
    blockedBy: [],
    storageTrouble: 'the disk is full',
    text: expect.stringContaining(
      'Nothing is granted while the journal cannot be written: the disk is full',
    ),
  });

  journal.isFull = false;
  await clock.advance(100);
  expect((await waiter).runId).toBe('waiter');
  await limiter.stop();
});
