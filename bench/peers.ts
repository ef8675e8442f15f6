/**
 * The peers that `npm run bench` sets the limiter beside: one adapter each, which hands a job over in the
 * way that the peer's own manual shows. None but the limiter knows who holds a slot, and most only count.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Sema } from 'async-sema';
import Bottleneck from 'bottleneck';
import { bulkhead } from 'cockatiel';
import { Effect, Semaphore } from 'effect';
import pLimit from 'p-limit';
import PQueue from 'p-queue';

export type Job = () => Promise<void>;

/** Runs a job as soon as there is room for it; settles when the job has, and its room is free again. */
export type Gate = (job: Job) => Promise<unknown>;

export interface Peer {
  readonly name: string;
  open(limit: number): Gate;
}

export const PEERS: readonly Peer[] = [
  { name: 'p-limit', open: (limit) => pLimit(limit) },
  {
    name: 'p-queue',
    open: (limit) => {
      const queue = new PQueue({ concurrency: limit });
      return (job) => queue.add(job);
    },
  },
  {
    name: 'async-sema',
    open: (limit) => {
      const semaphore = new Sema(limit);
      return async (job) => {
        await semaphore.acquire();
        try {
          await job();
        } finally {
          semaphore.release();
        }
      };
    },
  },
  {
    name: 'cockatiel',
    open: (limit) => {
      const policy = bulkhead(limit, Number.POSITIVE_INFINITY);
      return (job) => policy.execute(job);
    },
  },
  {
    name: 'bottleneck',
    open: (limit) => {
      const bottleneck = new Bottleneck({ maxConcurrent: limit });
      return (job) => bottleneck.schedule(job);
    },
  },
  {
    name: 'effect',
    open: (limit) => {
      const withPermit = Semaphore.makeUnsafe(limit).withPermits(1);
      return (job) => Effect.runPromise(withPermit(Effect.promise(job)));
    },
  },
];

/** Which versions stand beside us, read from what is installed. */
export function peerVersions(): string {
  return PEERS.map(({ name }) => `${name} ${installedVersion(name)}`).join(', ');
}

function installedVersion(name: string): string {
  const file = join(import.meta.dirname, '..', '..', 'node_modules', name, 'package.json');
  const { version }: { readonly version: string } = JSON.parse(readFileSync(file, 'utf8'));
  return version;
}
