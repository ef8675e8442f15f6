/**
 * The status page, read from another thread: while the limiter's thread is blocked, while its actor is
 * suspended, and while it writes as fast as it can. `npm test` builds first: a worker on Node 20 runs the
 * built package.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { exit, openStatusReader, sys } from '../../src/index.ts';
import { settle } from '../../src/testing.ts';
import { type Limiter, start, wait } from '../support/callers.ts';
import { Saboteur } from '../support/crashes.ts';

const PROGRAM = join(import.meta.dirname, '..', 'support', 'status-reader.mjs');

/** A worker that reads the status of this limiter. */
class Reader {
  private readonly cells = new Int32Array(new SharedArrayBuffer(8));
  private readonly worker: Worker;

  private constructor(buffer: SharedArrayBuffer) {
    const workerData = { buffer, control: this.cells.buffer };
    this.worker = new Worker(PROGRAM, { workerData, execArgv: [] });
  }

  static async open({ statusBuffer }: Limiter): Promise<Reader> {
    const reader = new Reader(statusBuffer);
    await once(reader.worker, 'message');
    return reader;
  }

  /** What the worker reads; this thread goes on meanwhile. */
  async read(): Promise<unknown> {
    const answer = once(this.worker, 'message');
    this.worker.postMessage('read');
    return (await answer)[0];
  }

  /** How many runs the worker sees, asked with this thread blocked until it has answered. */
  readBlocked(): number | string {
    this.worker.postMessage('answer');
    const outcome = Atomics.wait(this.cells, 0, 0, 20_000);
    return outcome === 'timed-out' ? outcome : Atomics.load(this.cells, 1);
  }

  /** Lets the worker read without a pause, `work` being done until it has seen enough. */
  async hammer(work: (round: number) => Promise<void>): Promise<Found> {
    const answer = once(this.worker, 'message');
    this.worker.postMessage('hammer');
    for (let round = 0; Atomics.load(this.cells, 0) === 0; round++) await work(round);
    return (await answer)[0] as Found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.terminate();
  }
}

interface Found {
  readonly faults: readonly unknown[];
}

describe('the status page in another thread', () => {
  test('telling what getStatus tells', async () => {
    await using limiter = await start({ maxParallelRuns: 2, maxParallelSessions: Infinity });
    await using reader = await Reader.open(limiter);
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireRunSlot('s2', 'r2');
    wait(limiter, ['s3', 'r3']);
    await settle();
    expect(await reader.read()).toEqual(limiter.getStatus());
  });

  test("being read while the limiter's thread is blocked", async () => {
    await using limiter = await start();
    await using reader = await Reader.open(limiter);
    for (const id of ['r1', 'r2', 'r3']) await limiter.acquireRunSlot('s1', id);
    expect(reader.readBlocked()).toBe(3);
  });

  test('telling, to who is asked by a blocked thread, what was decided just before', async () => {
    await using limiter = await start();
    await using reader = await Reader.open(limiter);
    const asked = limiter.acquireRunSlot('s1', 'r1');
    expect(reader.readBlocked()).toBe(1);
    await asked;
  });

  test('being read while the actor is suspended', async () => {
    await using limiter = await start();
    await using reader = await Reader.open(limiter);
    await limiter.acquireRunSlot('s1', 'r1');
    await sys.suspend(limiter.ref);
    const asked = limiter.acquireRunSlot('s1', 'r2');
    expect(await reader.read()).toMatchObject({ state: 'accepting', activeRuns: 1 });
    await sys.resume(limiter.ref);
    await asked;
    expect(await reader.read()).toMatchObject({ activeRuns: 2 });
  });

  test('being read on after the limiter was restarted, and after it stopped', async () => {
    const limiter = await start();
    await using reader = await Reader.open(limiter);
    await limiter.acquireRunSlot('s1', 'r1');
    exit(limiter.ref, new Error('crash'));
    await settle();
    expect(await reader.read()).toMatchObject({ activeRuns: 1, restarts: 1 });
    await limiter.stop();
    expect(await reader.read()).toMatchObject({ state: 'stopped', activeRuns: 0 });
  });

  test('never being inconsistent while it is written as fast as can be', async () => {
    await using limiter = await start({ maxParallelRuns: 40, maxParallelSessions: 10 });
    await using reader = await Reader.open(limiter);
    const found = await reader.hammer((round) => churn(limiter, round));
    expect(found.faults).toEqual([]);
  });

  test('never being inconsistent while limits change and the limiter crashes', async () => {
    const restartIntensity = { restarts: 1_000_000, withinMs: 5_000 };
    await using limiter = await start({ maxParallelRuns: 40 }, { restartIntensity });
    await using reader = await Reader.open(limiter);
    const found = await reader.hammer(async (round) => {
      await limiter.setLimits({ maxParallelRuns: round % 2 ? 5 : 40 });
      if (round % 10 === 0) exit(limiter.ref, new Error('crash'));
      await churn(limiter, round);
    });
    expect(found.faults).toEqual([]);
  });
});

/** Sessions and runs that come and go, with others of the event loop in between. */
async function churn(limiter: Limiter, round: number): Promise<void> {
  const sessionId = `s${round % 12}`;
  await limiter.acquireSessionSlot(sessionId).catch(() => {});
  const ids = Array.from({ length: 20 }, (_, n) => `r${round}-${n}`);
  await Promise.allSettled(ids.map((id) => limiter.acquireRunSlot(sessionId, id)));
  for (const id of ids) if (id.endsWith('3')) await limiter.releaseRunSlot(id);
  await limiter.releaseSessionSlot(sessionId);
  await settle();
}

describe('the status page and crashes', () => {
  test('never being inconsistent when the limiter crashes around and within its publishing', async () => {
    const saboteur = new Saboteur(({ index, step }) => step === 'publish' && index % 17 === 0);
    const restartIntensity = { restarts: 1_000_000, withinMs: 5_000 };
    const options = { restartIntensity, faultPoints: saboteur };
    await using limiter = await start({ maxParallelRuns: 40 }, options);
    await using reader = await Reader.open(limiter);
    saboteur.arm();
    const found = await reader.hammer((round) => churn(limiter, round));
    saboteur.disarm();
    await settle();
    expect(found.faults).toEqual([]);
    expect(saboteur.crashes).toBeGreaterThan(0);
    expect(await reader.read()).toEqual(limiter.getStatus());
  });
});

describe('two readers of one page', () => {
  test('telling the same', async () => {
    await using limiter = await start();
    await using reader = await Reader.open(limiter);
    await limiter.acquireRunSlot('s1', 'r1');
    expect(await reader.read()).toEqual(openStatusReader(limiter.statusBuffer).read());
  });
});
