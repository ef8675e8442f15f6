/**
 * A command whose host has died: it lives on, its output is lost from then on, and nobody will know how it
 * ended. It is watched until it is gone, or killed.
 */
import { ProcessTree } from './process-tree.ts';

const LOOK_EVERY_MS = 100;

export class Orphan {
  private readonly tree: ProcessTree;
  private readonly killGraceMs: number;
  private readonly gone: () => void;
  private readonly timer: NodeJS.Timeout;
  private killAt = Number.POSITIVE_INFINITY;

  constructor(
    { leader, tag, killGraceMs }: { leader: number | undefined; tag: string; killGraceMs: number },
    gone: () => void,
  ) {
    this.tree = new ProcessTree(leader, tag);
    this.killGraceMs = killGraceMs;
    this.gone = gone;
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    setImmediate(() => this.look());
  }

  /** SIGTERM, and SIGKILL after the grace time. */
  stop(): void {
    if (this.killAt !== Number.POSITIVE_INFINITY) return;
    this.killAt = Date.now() + this.killGraceMs;
    this.tree.signal('SIGTERM');
    this.tree.signal('SIGCONT');
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
    if (Date.now() >= this.killAt) this.tree.signal('SIGKILL');
    // What was read a while ago counts for who lives, not for that nobody does.
    if (this.tree.members().length > 0 || this.tree.members(true).length > 0) return;
    clearInterval(this.timer);
    this.gone();
  }
}
