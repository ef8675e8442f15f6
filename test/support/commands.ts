/**
 * Real programs, and what is seen of them from outside.
 *
 * Each program of a test carries a mark in its environment, which all that it starts inherit, so that its
 * whole tree is found in `/proc`, whoever leads it. What lives still when its test is over is killed.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach } from 'vitest';
import type { CommandEnd } from '../../src/executors/command-process.ts';
import type { OutputOptions, Run } from '../../src/index.ts';

const MARK = 'TEST_TREE';
const marks = new Set<string>();

afterEach(() => {
  for (const mark of marks) for (const pid of pidsMarked(mark)) killIfThere(pid);
  marks.clear();
});

/** The mark of one tree, for `env`, and who of it lives. */
export interface Marked {
  readonly env: Readonly<Record<string, string>>;
  alive(): number[];
}

export function marked(): Marked {
  const mark = randomUUID();
  marks.add(mark);
  return { env: { [MARK]: mark }, alive: () => pidsMarked(mark) };
}

/** The state of a process as the kernel tells it, `Z` for a zombie; `undefined` when it is not there. */
export function stateOf(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}

export function lives(pid: number): boolean {
  return ![undefined, 'Z', 'X'].includes(stateOf(pid));
}

/**
 * Resolves when it is so. The kernel tells nobody what becomes of a process that is not his child, so it is
 * looked at again and again; the time of the test is its bound.
 */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}

/** All that a run has printed, or will. */
export async function printed(
  run: Run,
  options: OutputOptions = { follow: true },
): Promise<string> {
  let text = '';
  for await (const record of run.output(options)) text += record.text;
  return text;
}

/** Resolves with what a run has printed so far, when it has printed this. */
export async function hasPrinted(run: Run, awaited: string): Promise<string> {
  let text = '';
  for await (const record of run.output({ follow: true })) {
    text += record.text;
    if (text.includes(awaited)) return text;
  }
  throw new Error(`It ended, and has printed only: ${text}`);
}

/** What is told of an end, without its times and its output. */
export function endOf({ exitCode, signal, fault, killed }: CommandEnd) {
  return { exitCode, signal, fault, killed };
}

export const EXITED = { exitCode: 0, signal: null, fault: null, killed: 0 };

function pidsMarked(mark: string): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  const isMarked = (pid: number) => readIfThere(`/proc/${pid}/environ`)?.includes(mark) ?? false;
  return pids.filter((pid) => isMarked(pid) && lives(pid));
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
