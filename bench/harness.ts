/**
 * Measuring side by side: every contender takes its turn in each round, so that a machine whose speed
 * drifts drifts for all of them; what is printed is the median of the rounds. No collection is forced
 * between them: a full one throws compiled code away, and its making again would be measured.
 */
import { performance } from 'node:perf_hooks';

export const ROUNDS = 9;

/** Something to be timed: does its work `count` times. */
export interface Contender {
  readonly name: string;
  readonly count: number;
  run(count: number): Promise<void> | void;
}

/** Microseconds per piece of work, by contender: the median of interleaved rounds after a warm-up. */
export async function timeEach(contenders: readonly Contender[]): Promise<Map<string, number>> {
  const samples = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const { name, count, run } of contenders) {
      const startedAt = performance.now();
      await run(count);
      const microseconds = ((performance.now() - startedAt) * 1_000) / count;
      if (round >= 0) samples.get(name)?.push(microseconds);
    }
  }
  return new Map([...samples].map(([name, values]) => [name, median(values)]));
}

/** Bytes of heap per item that `make` makes and keeps. */
export async function bytesEach(
  count: number,
  make: (index: number) => Promise<unknown> | unknown,
): Promise<number> {
  const kept: unknown[] = new Array(count);
  const before = heapUsed();
  for (let index = 0; index < count; index += 1) kept[index] = await make(index);
  const bytes = (heapUsed() - before) / count;
  kept.length = 0;
  return bytes;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function heapUsed(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
