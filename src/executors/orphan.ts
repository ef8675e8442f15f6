/**
 * A command whose host has died: it lives on, its output is lost from then on, and nobody will know how it
 * ended. It is watched until it is gone, or killed.
 *
 * What is known of it are its tag and, if the host has lived long enough to write it down, its leader. A leader that
 * lives is watched with its group. Of one that is dead the group is looked at only while somebody in it carries the
 * tag: a group cannot be told from a stranger's that has got its number later, a tag can. So whoever has left his
 * leader and his tag, and has no fellow who carries it, is not found; such a one is promised to nobody.
 *
 * The host may have died in the midst of starting it, between `fork` and `exec`. The child lives on then, and becomes
 * the command: killing its parent does not stop it. Until it has, it carries no tag, for it has the environment and the
 * command line of its host. So where no leader is known, nobody is found gone before some time has passed in which
 * it was looked again, and not while there is a process with the command line of this spool's host that is not its
 * host: however long it takes to open the folder in which it is to run, it is there.
 */
import { performance } from 'node:perf_hooks';
import type { ProcessIdentity } from './process-table.ts';
import { ProcessTree } from './process-tree.ts';

const LOOK_EVERY_MS = 100;
/** What a child takes at most to become its program, unless it waits for a disk. */
const BORN_WITHIN_MS = 500;

/** Whom to look for. */
export interface OrphanOptions {
  /** As the host has written it down; `undefined` if it has not come to that. */
  readonly leader: ProcessIdentity | undefined;
  readonly tag: string;
  readonly killGraceMs: number;
  /** Whether there is a child of the dead host that has not become its program yet. */
  readonly hasUnborn: () => boolean;
  /** Nobody of it is left. */
  readonly gone: () => void;
}

export class Orphan {
  private readonly tree: ProcessTree;
  private readonly options: OrphanOptions;
  private readonly timer: NodeJS.Timeout;
  private readonly since = performance.now();
  /** On a clock that nobody sets. */
  private killAt = Number.POSITIVE_INFINITY;
  /** Whether there was somebody who got the SIGTERM. */
  private isAsked = false;

  constructor(options: OrphanOptions) {
    const { leader, tag } = options;
    this.options = options;
    this.tree = ProcessTree.of(leader, tag);
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    setImmediate(() => this.look());
  }

  /** SIGTERM, and SIGKILL after the grace time. */
  stop(): void {
    if (this.killAt !== Number.POSITIVE_INFINITY) return;
    this.killAt = performance.now() + this.options.killGraceMs;
    this.askToEnd();
  }

  /** At once. */
  kill(): void {
    this.killAt = 0;
    this.look();
  }

  pause(): void {
    this.tree.signal('SIGSTOP');
  }

  resume(): void {
    this.tree.signal('SIGCONT');
  }

  private look(): void {
    if (performance.now() >= this.killAt) this.tree.signal('SIGKILL');
    if (this.isAnybodyThere()) this.askWhoCameLate();
    else {
      clearInterval(this.timer);
      this.options.gone();
    }
  }

  /** What was read a while ago counts for who lives, not for that nobody does. */
  private isAnybodyThere(): boolean {
    if (this.tree.members().length > 0) return true;
    // First: whoever becomes its program between the two looks is seen by one of them.
    const mayBeUnborn = this.mayBeUnborn();
    return this.tree.members(true).length > 0 || mayBeUnborn;
  }

  private mayBeUnborn(): boolean {
    const { leader, hasUnborn } = this.options;
    if (leader) return false;
    return performance.now() - this.since < BORN_WITHIN_MS || hasUnborn();
  }

  /** It was not there yet when it was to end. */
  private askWhoCameLate(): void {
    if (this.killAt !== Number.POSITIVE_INFINITY && !this.isAsked) this.askToEnd();
  }

  private askToEnd(): void {
    this.isAsked = this.tree.signal('SIGTERM') > 0;
    this.tree.signal('SIGCONT');
  }
}
