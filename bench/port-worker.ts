/**
 * The other thread of the port benchmark: asks as often as each message says, over a bare port that echoes
 * or through the limiter's, and answers with how long it took.
 */
import { performance } from 'node:perf_hooks';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { connectLimiter } from 'slotkeeper';
import { median } from './harness.ts';

/** So many calls at once, and again when all of them have their answer. */
export interface Task {
  readonly call: 'echo' | 'acquire' | 'release';
  readonly atOnce: number;
  readonly times: number;
}

export interface Timing {
  /** Microseconds per call: the median of the times. */
  readonly micros: number;
  /** Requests that came back, or slots that were given back. */
  readonly done: number;
}

/** One go: how many milliseconds its calls took, and how many were done. */
interface Go {
  readonly elapsedMs: number;
  readonly done: number;
}

interface Ports {
  readonly limiterPort: MessagePort;
  readonly echoPort: MessagePort;
}

const { limiterPort, echoPort }: Ports = workerData;
const limiter = connectLimiter(limiterPort);
let idsMade = 0;

function nextIds(count: number): string[] {
  idsMade += count;
  return Array.from({ length: count }, (_, index) => `run-${idsMade - index}`);
}

/** Sends what a client sends for its acquires, to a port that sends it back. */
async function echo(count: number): Promise<Go> {
  const requests = nextIds(count).map((runId, number) => {
    return { type: 'acquire_run', sessionId: 'bench', runId, options: {}, number };
  });
  const startedAt = performance.now();
  const back = await new Promise<readonly unknown[]>((resolve) => {
    hear = resolve;
    echoPort.postMessage(requests);
  });
  return { elapsedMs: performance.now() - startedAt, done: back.length };
}

let hear: (requests: readonly unknown[]) => void = () => {};
echoPort.on('message', (requests) => hear(requests));

/** Takes slots and gives them back; one of both is timed. */
async function call(count: number, timed: 'acquire' | 'release'): Promise<Go> {
  const ids = nextIds(count);
  const startedAt = performance.now();
  const slots = await Promise.all(ids.map((id) => limiter.acquireRunSlot('bench', id)));
  const heldAt = performance.now();
  const reports = await Promise.all(slots.map((slot) => slot.release()));
  const releasedAt = performance.now();
  const done = reports.reduce((sum, { runs }) => sum + runs, 0);
  return { elapsedMs: timed === 'acquire' ? heldAt - startedAt : releasedAt - heldAt, done };
}

async function perform({ call: timed, atOnce, times }: Task): Promise<Timing> {
  const goes: Go[] = [];
  while (goes.length < times) {
    goes.push(await (timed === 'echo' ? echo(atOnce) : call(atOnce, timed)));
  }
  return {
    micros: (median(goes.map(({ elapsedMs }) => elapsedMs)) * 1_000) / atOnce,
    done: goes.reduce((sum, { done }) => sum + done, 0),
  };
}

parentPort?.on('message', async (task: Task) => {
  parentPort?.postMessage(await perform(task));
});
