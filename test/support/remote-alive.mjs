/**
 * A process with a limiter and a port, which is to end by itself. Its argument says what is done with the
 * port: nothing (`opened`), connected in this thread (`connected`), or in another: one that only connects
 * (`idle`), one that holds a slot and forgets it (`holding`), one that waits until this thread makes room
 * (`waiting`). Prints what the thread tells.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { connectLimiter, startConcurrencyLimiter } from 'slotkeeper';

async function main(scenario) {
  const limiter = await startConcurrencyLimiter({ limits: { maxParallelRuns: 1 } });
  const port = limiter.openPort();
  if (scenario === 'opened') return;
  if (scenario === 'connected') {
    connectLimiter(port);
    return;
  }
  if (scenario === 'waiting') await limiter.acquireRunSlot('s1', 'first');
  const options = { workerData: { port, scenario }, transferList: [port] };
  const worker = new Worker(new URL(import.meta.url), options);
  worker.on('message', (message) => {
    if (message === 'asked') limiter.releaseRunSlot('first');
    else console.log(message);
  });
  worker.on('exit', (code) => console.log('exit', code));
}

async function thread({ port, scenario }) {
  const remote = connectLimiter(port);
  if (scenario === 'idle') return;
  const asked = remote.acquireRunSlot('s1', 'r1', { waitTimeoutMs: 60_000 });
  parentPort.postMessage('asked');
  parentPort.postMessage((await asked).runId);
}

await (isMainThread ? main(process.argv[2]) : thread(workerData));
