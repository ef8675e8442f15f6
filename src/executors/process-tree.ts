/**
 * A command with all that it has started: its process group, its descendants by parent, and whoever carries
 * its tag in the environment. What has left all three is not found.
 */
import { performance } from 'node:perf_hooks';
import { hasProcesses, identify, type ProcessEntry, ProcessTable } from './process-table.ts';

/** One for all trees of this process: a look is shared. */
const table = new ProcessTable();

export class ProcessTree {
  private readonly leader: number | undefined;
  private readonly tag: string;

  /** The leader of a group of its own, if it is known, and the tag that all below it inherit. */
  constructor(leader: number | undefined, tag: string) {
    this.leader = leader;
    this.tag = tag;
  }

  /** Who of it lives; all are read anew when `isSure`, else at most a second ago. */
  members(isSure = false): number[] {
    const { leader } = this;
    if (!hasProcesses()) return leader !== undefined && lives(-leader) ? [-leader] : [];
    const now = performance.now();
    const entries = isSure ? table.lookAnew(now) : table.look(now);
    return membersOf(entries, leader, this.tag)
      .filter(isThere)
      .map(({ pid }) => pid);
  }

  /** Sends a signal to all of it that lives. How many there were. */
  signal(signal: NodeJS.Signals): number {
    const members = this.members(true);
    // The group first, at once: those who fork meanwhile are in it.
    if (this.leader !== undefined) send(-this.leader, signal);
    for (const pid of members) send(pid, signal);
    return members.length;
  }
}

function membersOf(
  entries: readonly ProcessEntry[],
  leader: number | undefined,
  tag: string,
): ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of entries) {
    children.set(entry.parent, [...(children.get(entry.parent) ?? []), entry]);
  }
  const isOfIt = (entry: ProcessEntry) =>
    entry.pid === leader || entry.group === leader || entry.tag === tag;
  const found = new Set(entries.filter(isOfIt));
  for (const { pid } of found) for (const child of children.get(pid) ?? []) found.add(child);
  return [...found];
}

/** What was read a while ago may have ended, and its pid have come again. */
function isThere({ pid, startTicks }: ProcessEntry): boolean {
  return identify(pid)?.startTicks === startTicks;
}

/** A negative pid is a group. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
