/**
 * The limiter from another thread: what a call through a port costs, alone and with 499 others, beside a
 * bare port between the same two threads that sends the same requests back.
 */
import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { startConcurrencyLimiter } from 'slotkeeper';
import { expectCount, type Sampler, sampleEach } from './harness.ts';
import type { Task, Timing } from './port-worker.ts';
import { printTable, type Row } from './table.ts';

const MANY = 500;
const ECHO_OF_MANY = `echo of ${MANY}`;
const ALONE = { atOnce: 1, times: 2_000 };
const TOGETHER = { atOnce: MANY, times: 40 };

export async function benchPorts(): Promise<void> {
  const limiter = await startConcurrencyLimiter({ limits: { maxParallelRuns: MANY } });
  await limiter.acquireSessionSlot('bench');
  const { port1: bare, port2: echoPort } = new MessageChannel();
  bare.on('message', (requests) => bare.postMessage(requests));
  const worker = openWorker(limiter.openPort(), echoPort);
  const times = await sampleEach([
    sampler('echo', worker, { call: 'echo', ...ALONE }),
    sampler('acquire', worker, { call: 'acquire', ...ALONE }),
    sampler('release', worker, { call: 'release', ...ALONE }),
    sampler(ECHO_OF_MANY, worker, { call: 'echo', ...TOGETHER }),
    sampler('acquires', worker, { call: 'acquire', ...TOGETHER }),
    sampler('releases', worker, { call: 'release', ...TOGETHER }),
  ]);
  expectCount('runs still held', limiter.getStatus().activeRuns, 0);
  await worker.terminate();
  bare.close();
  await limiter.stop();
  const of = (name: string): number => times.get(name) ?? Number.NaN;
  const row = (what: string, name: string): Row => ({ what, value: of(name), unit: 'µs' });
  const beside = (what: string, name: string, against: string): Row => ({
    ...row(what, name),
    ratio: of(name) / of(against),
    against,
  });
  printTable('Calls from another thread, p50, per call', [
    row('echo: a bare port sends one request back (the floor)', 'echo'),
    beside('acquire, one at a time', 'acquire', 'echo'),
    beside('release, one at a time', 'release', 'echo'),
    row(`echo of ${MANY}: it sends so many back in one go (the floor)`, ECHO_OF_MANY),
    beside(`acquire, ${MANY} at once`, 'acquires', ECHO_OF_MANY),
    beside(`release, ${MANY} at once`, 'releases', ECHO_OF_MANY),
    beside('acquire, at once against one at a time', 'acquires', 'acquire'),
    beside('release, at once against one at a time', 'releases', 'release'),
  ]);
}

function openWorker(limiterPort: MessagePort, echoPort: MessagePort): Worker {
  return new Worker(new URL('./port-worker.js', import.meta.url), {
    workerData: { limiterPort, echoPort },
    transferList: [limiterPort, echoPort],
  });
}

function sampler(name: string, worker: Worker, task: Task): Sampler {
  return {
    name,
    sample: async () => {
      const answer = once(worker, 'message');
      worker.postMessage(task);
      const [timing]: Timing[] = await answer;
      expectCount(name, timing?.done ?? 0, task.atOnce * task.times);
      return timing?.micros ?? Number.NaN;
    },
  };
}
