/**
 * The processes of the machine, as `/proc` shows them: who they are, whose children, and which of them carry
 * a tag of ours in their environment.
 *
 * A process is told apart by its pid, the tick of its start and the kernel's boot: pids come again. One that
 * is a zombie is dead. A look costs a millisecond for some fifty processes, so it is shared: all are read
 * anew at most once a second, and in between only those that have come since, or that said nothing of
 * themselves yet. Who is born while it is looked is looked for too, so that one who has handed on to his child
 * and ended is not missed with it; one that lives for a fraction of a millisecond may be.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** A process that pids of another time, or of another boot, are not taken for. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the boot of the machine to its start; 0 where that cannot be read. */
  readonly startTicks: number;
  /** Of the kernel; `null` where there is none to read. */
  readonly bootId: string | null;
}

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly startTicks: number;
  readonly isDead: boolean;
  /** What stands in its environment under `TAG`. */
  readonly tag: string | undefined;
  /** It has no environment: perhaps it becomes another program just now, and will have one. */
  readonly isBare: boolean;
}

/** The environment variable by which a process that has left its group and its parent is found. */
export const TAG = 'SLOTKEEPER_RUN_TAG';

const LOOK_ANEW_MS = 1_000;
/** Where new ones come without end, the looking has one. */
const MOST_ROUNDS = 10;
/** To become another program takes less than these. */
const BARE_ROUNDS = 2;
const FIELD = { state: 0, parent: 1, group: 2, flags: 6, threads: 17, startTicks: 19 } as const;
/** `PF_KTHREAD`: a thread of the kernel, which never has an environment. */
const KERNEL_THREAD = 0x00200000;

export class ProcessTable {
  private entries = new Map<number, ProcessEntry>();
  private readAt = Number.NEGATIVE_INFINITY;

  /** All that live now. */
  look(now: number): readonly ProcessEntry[] {
    const isOld = now - this.readAt >= LOOK_ANEW_MS;
    if (isOld) this.readAt = now;
    const known = isOld ? new Map<number, ProcessEntry>() : this.entries;
    this.entries = new Map();
    const met = new Set<number>();
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const fresh = allPids().filter((pid) => !met.has(pid));
      if (fresh.length === 0) break;
      for (const pid of fresh) {
        const isSettled = this.meet(pid, known.get(pid));
        if (isSettled || round >= BARE_ROUNDS) met.add(pid);
      }
    }
    return [...this.entries.values()].filter(({ isDead }) => !isDead);
  }

  /** All that live now, each of them read. */
  lookAnew(now: number): readonly ProcessEntry[] {
    this.readAt = Number.NEGATIVE_INFINITY;
    return this.look(now);
  }

  /** They are not what they were: they are read again when they are seen again. */
  forget(entries: readonly ProcessEntry[]): void {
    for (const { pid } of entries) this.entries.delete(pid);
  }

  /** False if it is to be read again soon. */
  private meet(pid: number, known: ProcessEntry | undefined): boolean {
    const entry = known && !known.isBare ? known : readEntry(pid);
    if (entry) this.entries.set(pid, entry);
    else this.entries.delete(pid);
    return !entry?.isBare;
  }
}

let isProcThere: boolean | undefined;

/** Whether `/proc` is there to be looked at. */
export function hasProcesses(): boolean {
  isProcThere ??= readStat('self') !== undefined;
  return isProcThere;
}

/** Who a pid is now; `undefined` when nobody lives there. */
export function identify(pid: number): ProcessIdentity | undefined {
  const fields = readStat(String(pid));
  if (!fields || isDeadState(fields[FIELD.state])) return undefined;
  return { pid, startTicks: Number(fields[FIELD.startTicks]), bootId: kernelBoot() };
}

/** Whether it is this very process that lives there still. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== kernelBoot()) return false;
  return identify(identity.pid)?.startTicks === identity.startTicks;
}

/** What a process shows besides who it is. */
export interface ProcessProgram {
  readonly parent: number;
  readonly threads: number;
  readonly argv: readonly string[];
}

/** What lives there just now; `undefined` when nobody does. */
export function programOf(pid: number): ProcessProgram | undefined {
  const fields = readStat(String(pid));
  const text = readIfThere(`/proc/${pid}/cmdline`);
  if (!fields || text === undefined) return undefined;
  const [parent, threads] = [Number(fields[FIELD.parent]), Number(fields[FIELD.threads])];
  return { parent, threads, argv: text.split('\0').slice(0, -1) };
}

let boot: string | null | undefined;

/** What tells one boot of the machine from the next. */
export function kernelBoot(): string | null {
  boot ??= readBoot();
  return boot;
}

function readBoot(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return null; // not Linux
  }
}

/** Of all that are there. */
export function allPids(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return []; // not Linux
  }
}

function readEntry(pid: number): ProcessEntry | undefined {
  const fields = readStat(String(pid));
  if (!fields) return undefined;
  const environment = readEnvironment(pid);
  const isOfKernel = (Number(fields[FIELD.flags]) & KERNEL_THREAD) !== 0;
  return {
    pid,
    parent: Number(fields[FIELD.parent]),
    group: Number(fields[FIELD.group]),
    startTicks: Number(fields[FIELD.startTicks]),
    isDead: isDeadState(fields[FIELD.state]),
    tag: tagIn(environment),
    isBare: environment === '' && !isOfKernel,
  };
}

/** The fields after the name, which may itself hold blanks and brackets. */
function readStat(pid: string): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined; // it has ended meanwhile, or there is no /proc
  }
}

/** Somebody else's environment cannot be read, and so is not ours. */
function readEnvironment(pid: number): string | undefined {
  return readIfThere(`/proc/${pid}/environ`);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function tagIn(environment: string | undefined): string | undefined {
  const start = `${TAG}=`;
  const line = environment?.split('\0').find((each) => each.startsWith(start));
  return line?.slice(start.length);
}

/** A zombie, or one that is just being taken away. */
function isDeadState(state: string | undefined): boolean {
  return state === 'Z' || state === 'X';
}
