/**
 * A keeper inside a long-running service: each job passes one gate, a user who asks for too much is told
 * so with 429, and SIGTERM ends the work in an orderly way.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onEvent, RefusalError, type RunSlot, startSlotkeeper } from 'slotkeeper';

const keeper = await startSlotkeeper({ limits: { maxParallelRuns: 50, maxRunsPerOwner: 1 } });

/** The work. It must look at the signal itself: nobody can stop it from outside. */
async function report({ signal }: RunSlot): Promise<string> {
  await sleep(600_000, undefined, { signal });
  return 'a report';
}

const service = createServer(async ({ url, headers }, response) => {
  if (url === '/status') return answer(response, 200, keeper.getStatus().activeRuns);
  const owner = String(headers['x-user']);
  try {
    answer(response, 200, await keeper.limiter.withRunSlot(`user-${owner}`, report, { owner }));
  } catch (error) {
    const isRefusal = error instanceof RefusalError && error.retryable;
    answer(response, isRefusal ? 429 : 503, (error as Error).message);
  }
});

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
}

// The library listens to no signals of the process: when to end is the program's own decision.
process.once('SIGTERM', async () => {
  service.close();
  await keeper.stop(); // every slot ends, its signal aborts, and the work behind it with it
  console.log('stopped:', keeper.getStatus().state);
});

service.listen(0, '127.0.0.1');
await once(service, 'listening');

// What follows plays the users, and then the operator.
const { port } = service.address() as AddressInfo;
const get = async (path: string, user = 'nobody'): Promise<string> => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'x-user': user } });
  return `${response.status} ${await response.text()}`;
};

const granted = new Promise((resolve) => onEvent('run_slot_granted', resolve));
const first = get('/report', 'alice');
await granted;
console.log(await get('/report', 'alice'));
console.log(await get('/status'));

process.kill(process.pid, 'SIGTERM');
console.log(await first);

/* Prints:
429 "Maximum runs per owner limit (1) exceeded. Currently active: 1"
200 1
stopped: stopped
503 "The operation was aborted"
*/
