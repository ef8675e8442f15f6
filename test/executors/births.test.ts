/**
 * Whether a child that has ended may have left somebody behind, by the numbers that the kernel gives.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Births } from '../../src/executors/births.ts';

/** Children with these numbers, born one after the other; the kernel has given `last` last. */
function bornAt(pids: readonly number[], last: number): Births {
  const births = new Births(() => last);
  for (const pid of pids) births.add(pid, 0);
  return births;
}

describe('a child', () => {
  test('having started nobody when it was born last', () => {
    expect(bornAt([10], 10).mayHaveStarted(10, 1)).toBe(false);
  });

  test('having started nobody when only children were born after it', () => {
    expect(bornAt([10, 11, 12], 12).mayHaveStarted(10, 1)).toBe(false);
  });

  test.each([
    ['somebody was born after it', [10], 11],
    ['somebody was born between children', [10, 12], 12],
    ['the numbers have begun again', [10], 9],
    ['many were born after it', [10], 1_000_000],
    ['nobody says who was born last', [10], 0],
    ['it is not known', [11], 11],
  ])('being looked for when %s', (_, pids, last) => {
    expect(bornAt(pids, last).mayHaveStarted(10, 1)).toBe(true);
  });

  test('being looked for when it has lived so long that all numbers may have been given', () => {
    expect(bornAt([10], 10).mayHaveStarted(10, 50)).toBe(false);
    expect(bornAt([10], 10).mayHaveStarted(10, 51)).toBe(true);
  });

  test('being looked for when it has forked, as the kernel counts', async () => {
    const births = new Births();
    const child = spawn('sh', ['-c', '(sleep 0.001 &) ; exit 0'], { stdio: 'ignore' });
    births.add(child.pid ?? 0, 0);
    await once(child, 'close');
    expect(births.mayHaveStarted(child.pid ?? 0, 1)).toBe(true);
  });
});
