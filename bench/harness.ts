/**
 * Measuring side by side: every contender takes its turn in each round, so that a machine whose speed
 * drifts drifts for all of them; what is printed is the median of the rounds. No collection is forced
 * between them: a full one throws compiled code away, and its making again would be measured.
 */
import { performance } from 'node:perf_hooks';

export const ROUNDS = 9;

/** For what takes seconds: the least number of rounds whose median means something. */
export const FEW_ROUNDS = 5;

/** Something to be timed: does its work `count` times. */
export interface Contender {
  readonly name: string;
  readonly count: number;
  /** Makes ready what the next run needs; not timed. */
  prepare?(count: number): Promise<void> | void;
  run(count: number): Promise<void> | void;
}

/** Something that times itself: gives one number per round, NaN for a round that could not be had. */
export interface Sampler {
  readonly name: string;
  sample(): Promise<number> | number;
}

/** Microseconds per piece of work, by contender: the median of interleaved rounds after a warm-up. */
export function timeEach(
  contenders: readonly Contender[],
  rounds = ROUNDS,
): Promise<Map<string, number>> {
  return sampleEach(
    contenders.map((contender) => ({ name: contender.name, sample: () => timeOnce(contender) })),
    rounds,
  );
}

/** The median of each sampler's numbers, from interleaved rounds after those that warm up. */
export async function sampleEach(
  samplers: readonly Sampler[],
  rounds = ROUNDS,
  warmUps = 1,
): Promise<Map<string, number>> {
  const samples = new Map(samplers.map(({ name }) => [name, [] as number[]]));
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const sampler of samplers) {
      const value = await sampler.sample();
      if (round >= 0) samples.get(sampler.name)?.push(value);
    }
  }
  return new Map([...samples].map(([name, values]) => [name, median(values)]));
}

/** Microseconds per piece of work, this once. */
export async function timeOnce(contender: Contender): Promise<number> {
  await contender.prepare?.(contender.count);
  const startedAt = performance.now();
  await contender.run(contender.count);
  return ((performance.now() - startedAt) * 1_000) / contender.count;
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

/** Work that was not all done must not be timed as if it were. */
export function expectCount(what: string, got: number, expected: number): void {
  if (got !== expected) throw new Error(`${what}: ${expected} expected, ${got} seen`);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], fraction: number): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length * fraction)] ?? Number.NaN;
}

function heapUsed(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
