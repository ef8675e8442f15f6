/**
 * The other thread of the status benchmark: reads for as many milliseconds as each message says, and
 * answers with what it saw.
 */
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { openStatusReader } from 'slotkeeper';

export interface Readings {
  readonly reads: number;
  readonly elapsedMs: number;
  /** How often the version differed from the reading before. */
  readonly changes: number;
  /** Readings that did not agree with themselves: there must be none. */
  readonly torn: number;
}

/** Reads between two looks at the time. */
const STRETCH = 1_000;

const reader = openStatusReader(workerData);

function readFor(milliseconds: number): Readings {
  const startedAt = performance.now();
  let [reads, changes, torn, version] = [0, 0, 0, -1];
  let elapsedMs = 0;
  while (elapsedMs < milliseconds) {
    for (let n = 0; n < STRETCH; n += 1) {
      const status = reader.read();
      if (status.version !== version) changes += 1;
      version = status.version;
      const available = Math.max(0, status.maxParallelRuns - status.activeRuns);
      if (status.availableRunSlots !== available) torn += 1;
    }
    reads += STRETCH;
    elapsedMs = performance.now() - startedAt;
  }
  return { reads, elapsedMs, changes, torn };
}

parentPort?.on('message', (milliseconds: number) => {
  parentPort?.postMessage(readFor(milliseconds));
});
