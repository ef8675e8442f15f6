/** One limiter for all threads: a worker acquires through a port, and its end gives its slots back. */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { connectLimiter, startConcurrencyLimiter } from 'slotkeeper';

if (isMainThread) {
  await using limiter = await startConcurrencyLimiter({ limits: { maxParallelRuns: 1 } });
  const port = limiter.openPort();
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { port },
    transferList: [port],
  });
  await once(worker, 'message');
  console.log(limiter.explain({ runId: 'in-the-worker' }).state);

  // It holds the only slot, so this waits until the worker has ended.
  const waiting = limiter.acquireRunSlot('here', 'r2', { waitTimeoutMs: 10_000 });
  await worker.terminate();
  console.log((await waiting).runId);
} else {
  const remote = connectLimiter(workerData.port);
  await remote.acquireRunSlot('there', 'in-the-worker');
  parentPort?.postMessage('acquired');
  setInterval(() => {}, 1_000); // works for ever
}

/* Prints:
held
r2
*/
