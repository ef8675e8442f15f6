/** The status in another thread, read while the limiter's own thread is blocked and answers nobody. */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { openStatusReader, startConcurrencyLimiter } from 'slotkeeper';

interface Shared {
  readonly status: SharedArrayBuffer;
  /** 1: read now; 2: it was read. */
  readonly turn: Int32Array;
}

if (isMainThread) await limit();
else watch(workerData as Shared);

async function limit(): Promise<void> {
  await using limiter = await startConcurrencyLimiter();
  const turn = new Int32Array(new SharedArrayBuffer(4));
  const shared: Shared = { status: limiter.statusBuffer, turn };
  const watcher = new Worker(new URL(import.meta.url), { workerData: shared });
  await once(watcher, 'online');
  const told = once(watcher, 'message');
  await limiter.acquireRunSlot('session', 'run');

  Atomics.store(turn, 0, 1);
  Atomics.notify(turn, 0);
  while (Atomics.load(turn, 0) !== 2) Atomics.wait(turn, 0, 1); // this thread is blocked

  const [said] = await told;
  console.log(said);
}

function watch({ status, turn }: Shared): void {
  const reader = openStatusReader(status);
  Atomics.wait(turn, 0, 0);
  const { activeRuns, availableRunSlots } = reader.read();
  parentPort?.postMessage({ activeRuns, availableRunSlots });
  Atomics.store(turn, 0, 2);
  Atomics.notify(turn, 0);
}

/* Prints:
{ activeRuns: 1, availableRunSlots: 49 }
*/
