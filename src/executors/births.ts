/**
 * Whether a process that has just ended can have left anybody behind, told without looking at all that live.
 *
 * The kernel gives pids in order, so whoever it has started, or they, has a number between its own and the last
 * that was given. If all those are children of ours, each with a tree of its own, it has started nobody. That is
 * the case of most small programs, and costs one read instead of hundreds. Any doubt counts as a yes: a number
 * that is not ours, one that has begun again from the bottom, a process that has lived long enough for that.
 */
import { readFileSync } from 'node:fs';

/** Shorter than any machine takes to give all its numbers away. */
const SURE_FOR_MS = 50;

export class Births {
  /** Children of this process by pid, with the times of their births, oldest first. */
  private readonly own = new Map<number, number>();
  private readonly lastPid: () => number;

  /** `lastPid`: the number that was given last; 0 where that is not known. */
  constructor(lastPid: () => number = lastOfKernel) {
    this.lastPid = lastPid;
  }

  /** It was started by this process. `now`: monotonic milliseconds. */
  add(pid: number, now: number): void {
    for (const [other, bornAt] of this.own) {
      if (now - bornAt <= SURE_FOR_MS) break;
      this.own.delete(other);
    }
    this.own.delete(pid);
    this.own.set(pid, now);
  }

  /** Whether somebody may live that was started by this child, which has ended. */
  mayHaveStarted(pid: number, now: number): boolean {
    const bornAt = this.own.get(pid);
    if (bornAt === undefined || now - bornAt > SURE_FOR_MS) return true;
    const last = this.lastPid();
    if (last < pid || last - pid > this.own.size) return true;
    for (let other = pid + 1; other <= last; other += 1) if (!this.own.has(other)) return true;
    return false;
  }
}

/** The last field of `/proc/loadavg`, in the namespace of this process. */
function lastOfKernel(): number {
  try {
    return Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ').at(-1));
  } catch {
    return 0; // not Linux
  }
}
