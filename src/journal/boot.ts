/**
 * A boot of a journal: which process opened it, when, on which run of the machine.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What a commit has survived once it has returned: the end of the process, or the loss of power. */
export type Durability = 'process' | 'power';

export interface Boot {
  readonly bootId: string;
  readonly pid: number;
  /** UTC epoch milliseconds. */
  readonly openedAt: number;
  /** The kernel's own boot id; `null` where there is none to read. */
  readonly machineBootId: string | null;
  readonly durability: Durability;
}

export function newBoot(durability: Durability, openedAt: number): Boot {
  const machineBootId = readMachineBootId();
  return { bootId: randomUUID(), pid: process.pid, openedAt, machineBootId, durability };
}

/** Whether the machine has run ever since: then power was not lost. */
export function isSameMachineBoot({ machineBootId }: Boot): boolean {
  return machineBootId !== null && machineBootId === readMachineBootId();
}

function readMachineBootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null; // not Linux
  }
}
