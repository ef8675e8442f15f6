/**
 * How fast the status is read: on the limiter's own thread, and from another one while the limiter is at
 * work. Every reading is checked to agree with itself.
 */
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type ConcurrencyLimiter, openStatusReader, startConcurrencyLimiter } from 'slotkeeper';
import { expectCount, type Sampler, sampleEach } from './harness.ts';
import type { Readings } from './status-worker.ts';
import { printTable, type Row } from './table.ts';

const READS = 2_000_000;
const PAIRS = 50_000;
const READING_MS = 100;
const MOST_ATTEMPTS = 20;

export async function benchStatus(): Promise<void> {
  const limiter = await startConcurrencyLimiter();
  await limiter.acquireSessionSlot('bench');
  const worker = new Worker(new URL('./status-worker.js', import.meta.url), {
    workerData: limiter.statusBuffer,
  });
  const reader = openStatusReader(limiter.statusBuffer);
  const rates = await sampleEach([
    readSampler('same thread', () => limiter.getStatus()),
    readSampler('reader', () => reader.read()),
    changingSampler(limiter),
    workerSampler('quiet', worker, 1, async () => {}),
    workerSampler('busy', worker, 1_000, (isDone) => acquireAndRelease(limiter, isDone)),
  ]);
  await worker.terminate();
  await limiter.stop();
  const row = (what: string, name: string): Row => ({
    what,
    value: rates.get(name) ?? Number.NaN,
    unit: 'M/s',
  });
  printTable('Reads of the status', [
    { ...row('getStatus()', 'same thread'), must: '≥ 10 M/s' },
    row('getStatus(), each after a change (the pair taken off)', 'changing'),
    row("a reader on the limiter's own thread", 'reader'),
    { ...row('another thread, the limiter at work', 'busy'), must: '≥ 5 M/s' },
    row('another thread, the limiter at rest', 'quiet'),
  ]);
}

function readSampler(name: string, read: () => { readonly activeSessions: number }): Sampler {
  return {
    name,
    sample: () => {
      const startedAt = performance.now();
      let sum = 0;
      for (let n = 0; n < READS; n += 1) sum += read().activeSessions;
      const elapsedMs = performance.now() - startedAt;
      expectCount(name, sum, READS); // one session is held, in every reading
      return perMicrosecond(READS, elapsedMs);
    },
  };
}

const perMicrosecond = (reads: number, elapsedMs: number): number => reads / elapsedMs / 1_000;

/** Two readings within each pair, each of a status that nobody has read; the pair alone is taken off. */
function changingSampler(limiter: ConcurrencyLimiter): Sampler {
  const time = async (read: () => number): Promise<{ elapsedMs: number; sum: number }> => {
    const startedAt = performance.now();
    let sum = 0;
    for (let n = 0; n < PAIRS; n += 1) {
      const slot = await limiter.acquireRunSlot('bench', `run-${n}`);
      sum += read();
      await slot.release();
      sum -= read();
    }
    return { elapsedMs: performance.now() - startedAt, sum };
  };
  return {
    name: 'changing',
    sample: async () => {
      const alone = await time(() => 0);
      const reading = await time(() => limiter.getStatus().activeRuns);
      expectCount('changing', reading.sum, PAIRS); // one run in the first of the two, none in the second
      return perMicrosecond(2 * PAIRS, reading.elapsedMs - alone.elapsedMs);
    },
  };
}

/**
 * What the worker reads per microsecond, while the main thread does `meanwhile` until it is told to end.
 * Where the two must share a processor the worker reads a status that stands still, and sees a change
 * only when they swap: such a reading is taken again.
 */
function workerSampler(
  name: string,
  worker: Worker,
  leastChanges: number,
  meanwhile: (isDone: () => boolean) => Promise<void>,
): Sampler {
  return {
    name,
    sample: async () => {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
        const { reads, elapsedMs, changes, torn } = await readings(worker, meanwhile);
        expectCount(`${name}, torn readings`, torn, 0);
        if (changes >= leastChanges) return perMicrosecond(reads, elapsedMs);
      }
      return Number.NaN;
    },
  };
}

async function readings(
  worker: Worker,
  meanwhile: (isDone: () => boolean) => Promise<void>,
): Promise<Readings> {
  let isDone = false;
  const answer = once(worker, 'message').finally(() => {
    isDone = true;
  });
  worker.postMessage(READING_MS);
  await meanwhile(() => isDone);
  const [seen]: Readings[] = await answer;
  if (seen === undefined) throw new Error('the worker answered nothing');
  return seen;
}

/** Keeps the status changing, and looks once in a while whether the worker has answered. */
async function acquireAndRelease(
  limiter: ConcurrencyLimiter,
  isDone: () => boolean,
): Promise<void> {
  while (!isDone()) {
    for (let n = 0; n < 1_000; n += 1) {
      const slot = await limiter.acquireRunSlot('bench', `run-${n}`);
      await slot.release();
    }
    await setImmediate();
  }
}
