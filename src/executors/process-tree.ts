/**
 * A command with all that it has started: its process group, its descendants by parent, and whoever carries
 * its tag in the environment. What has left all three is not found.
 *
 * Each of it gets SIGTERM once: a program may take a second one for impatience.
 */
import { performance } from 'node:perf_hooks';
import {
  hasProcesses,
  identify,
  isAlive,
  type ProcessEntry,
  type ProcessIdentity,
  ProcessTable,
} from './process-table.ts';

/** One for all trees of this process: a look is shared. */
const table = new ProcessTable();

/** Who gets one of these starts nobody any more, so to look again until nobody is new comes to an end. */
const LAST_SIGNALS: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGSTOP'];
/** Its members may hand on to others faster than they are found; then it is looked again later. */
const MOST_ROUNDS = 10;

export class ProcessTree {
  /** `undefined` also once nobody is left of it: its number may come again, and be a stranger's. */
  private leader: number | undefined;
  private readonly tag: string;
  /** Its group, if its leader was gone before it was looked at. */
  private readonly lost: number | undefined;

  /** The leader of a group of its own, if it is known, and the tag that all below it inherit. */
  constructor(leader: number | undefined, tag: string, lost?: number) {
    this.leader = leader;
    this.tag = tag;
    this.lost = lost;
  }

  /** Of a leader that may be gone: his pid, and with it the number of his group, may be a stranger's now. */
  static of(leader: ProcessIdentity | undefined, tag: string): ProcessTree {
    if (leader && isAlive(leader)) return new ProcessTree(leader.pid, tag);
    return new ProcessTree(undefined, tag, leader?.pid);
  }

  /** Who of it lives; all are read anew when `isSure`, else at most a second ago. */
  members(isSure = false): number[] {
    this.dropLeader();
    const { leader } = this;
    if (!hasProcesses()) return leader !== undefined ? [-leader] : [];
    return this.entries(isSure).map(({ pid }) => pid);
  }

  /** Sends a signal to all of it that lives. How many there were. */
  signal(signal: NodeJS.Signals): number {
    this.dropLeader();
    const { leader } = this;
    const first = hasProcesses() ? this.entries(true) : [];
    // The group first, at once: those who fork meanwhile are in it.
    if (leader !== undefined) send(-leader, signal);
    return this.signalEach(first, signal);
  }

  /** Also those that they have started meanwhile, where the signal leaves nobody who can start more. */
  private signalEach(first: readonly ProcessEntry[], signal: NodeJS.Signals): number {
    const met = new Set<number>();
    let fresh = first;
    for (let round = 0; fresh.length > 0 && round < MOST_ROUNDS; round += 1) {
      for (const { pid, group } of fresh) {
        met.add(pid);
        if (signal !== 'SIGTERM' || group !== this.leader) send(pid, signal);
      }
      if (!LAST_SIGNALS.includes(signal)) break;
      fresh = this.entries(false).filter(({ pid }) => !met.has(pid));
    }
    return met.size;
  }

  /** Who was there a moment ago, and is not now, may have left somebody: then it is looked again. */
  private entries(isSure: boolean): ProcessEntry[] {
    let found: ProcessEntry[] = [];
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const now = performance.now();
      const all = isSure && round === 0 ? table.lookAnew(now) : table.look(now);
      found = membersOf(all, this.groupIn(all), this.tag);
      const there = found.filter(isThere);
      if (there.length > 0 || found.length === 0) return there;
      table.forget(found);
    }
    return found; // whoever of them is gone, it goes on
  }

  /** A group whose leader is gone is its own as long as somebody in it carries the tag. */
  private groupIn(entries: readonly ProcessEntry[]): number | undefined {
    const { leader, lost, tag } = this;
    const isOwn = entries.some((entry) => entry.tag === tag && entry.group === lost);
    return leader ?? (isOwn ? lost : undefined);
  }

  private dropLeader(): void {
    const { leader } = this;
    if (leader !== undefined && !lives(-leader) && !lives(leader)) this.leader = undefined;
  }
}

function membersOf(
  entries: readonly ProcessEntry[],
  leader: number | undefined,
  tag: string,
): ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of entries) {
    const siblings = children.get(entry.parent);
    if (siblings) siblings.push(entry);
    else children.set(entry.parent, [entry]);
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
