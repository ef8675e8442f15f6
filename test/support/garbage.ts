/**
 * Garbage: what nobody can reach any more is collected, and its finalizers run, before this goes on.
 */
import { settle } from '../../src/testing.ts';

/** Collects so many times, or until `isSeen`. Node runs finalizers as tasks of their own. */
export async function collect(rounds: number, isSeen: () => boolean = () => false): Promise<void> {
  const { gc } = globalThis;
  if (!gc) throw new Error('Expected node --expose-gc, see vitest.config.ts');
  for (let round = 0; round < rounds && !isSeen(); round++) {
    gc();
    await settle();
  }
}
