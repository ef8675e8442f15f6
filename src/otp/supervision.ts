/**
 * The engine of supervisors: their children, in start order, and what happens when one ends.
 *
 * A child's end is a decision table: whether it is restarted (`restart` of its spec and the reason),
 * whether that is one restart too many (intensity), which siblings go with it (strategy), and whether
 * the supervisor is done (`autoShutdown`). All of it runs inside the supervisor's own server, one
 * message after the other, so news that comes meanwhile waits and is recognised as late.
 */
import { SlotkeeperError } from '../fault.ts';
import type { Address } from './address.ts';
import { childRestarted } from './channels.ts';
import { Child, type Guardian } from './child.ts';
import { type CompleteChildSpec, checkSignificant, type Restart } from './child-spec.ts';
import { crashReason, describeReason, type ExitReason, isAbnormal } from './exit-reason.ts';
import { Envelope } from './message.ts';
import type { AnyRef } from './ref.ts';
import { backoffMs, type RestartBackoff } from './restart-backoff.ts';
import { RestartHistory, type RestartIntensity } from './restart-intensity.ts';
import type { Server } from './server.ts';
import { ServerRef } from './server-ref.ts';

/** Who else is restarted with a child: nobody; all; those that were started after it. */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';

/** When the end of significant children ends the supervisor. */
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant';

export interface SupervisionPolicy {
  readonly strategy: Strategy;
  readonly restartIntensity: RestartIntensity;
  readonly restartBackoff: RestartBackoff | undefined;
  readonly autoShutdown: AutoShutdown;
  readonly maxChildren: number;
  /** A dynamic supervisor forgets a child with its end, and stops all of them side by side. */
  readonly isDynamic: boolean;
}

/** A child has ended by itself. */
export interface ChildEnded {
  readonly child: Child;
  readonly incarnation: number;
  readonly reason: ExitReason;
}

/** The wait before a restart is over, for these children as they were when it began. */
export interface RestartDue {
  readonly child: Child;
  readonly reason: ExitReason;
  readonly group: ReadonlyMap<Child, number>;
}

/** What the supervisor does next: goes on, or ends with a reason. */
export type Verdict = 'go_on' | ExitReason;

export class Supervision implements Guardian {
  readonly server: Server;
  readonly policy: SupervisionPolicy;
  private readonly children = new Map<string, Child>();
  private readonly byAddress = new Map<Address, Child>();
  private readonly history: RestartHistory;
  private started = 0;

  constructor(server: Server, policy: SupervisionPolicy) {
    this.server = server;
    this.policy = policy;
    this.history = new RestartHistory(policy.restartIntensity);
    server.offspring = this;
  }

  // ── What the supervisor is asked ────────────────────────────────────────────────────────────────

  list(): Child[] {
    return [...this.children.values()];
  }

  /** The child of this id, or the one behind this ref. */
  find(sought: string | AnyRef): Child {
    const child = typeof sought === 'string' ? this.children.get(sought) : this.findByRef(sought);
    if (!child) throw notFound(this.server.label, sought);
    return child;
  }

  /** An id for a child whose spec gives none. */
  nextId(): string {
    do this.started += 1;
    while (this.children.has(`child-${this.started}`));
    return `child-${this.started}`;
  }

  /** Adds a child and starts it. A child that cannot be started leaves no spec behind. */
  async add(spec: CompleteChildSpec): Promise<Child> {
    const present = this.children.get(spec.id);
    if (present) throw alreadyPresent(this.server.label, present);
    if (this.children.size >= this.policy.maxChildren)
      throw tooMany(this.server.label, this.policy);
    checkSignificant(spec, this.policy.autoShutdown);
    const child = new Child(spec, this);
    this.children.set(spec.id, child);
    this.byAddress.set(child.address, child);
    try {
      await this.start(child);
    } catch (error) {
      this.remove(child);
      throw error;
    }
    return child;
  }

  /** Stops a child. Its spec stays, unless it is temporary or the supervisor is dynamic. */
  async terminate(child: Child): Promise<void> {
    await child.stop();
    this.letGo(child);
  }

  /** Starts a child that was stopped. */
  async restartStopped(child: Child): Promise<void> {
    expectStopped(this.server.label, child);
    try {
      await this.start(child);
    } catch (error) {
      child.close();
      throw error;
    }
  }

  delete(child: Child): void {
    expectStopped(this.server.label, child);
    this.remove(child);
  }

  /** Stops all: in reverse order, one after the other; a dynamic supervisor's side by side. */
  async stopAll(): Promise<void> {
    const children = this.list().reverse();
    if (this.policy.isDynamic) await Promise.all(children.map((child) => child.stop()));
    else for (const child of children) await child.stop();
    for (const child of children) child.close();
  }

  /** The supervisor was killed: nothing outlives it. */
  kill(): void {
    for (const child of this.list().reverse()) child.kill();
  }

  // ── When a child ends ───────────────────────────────────────────────────────────────────────────

  /** Told by the child at its end; the news waits in the supervisor's mailbox. */
  childEnded(child: Child, reason: ExitReason): void {
    this.notify('child_ended', { child, incarnation: child.incarnation, reason });
  }

  /** Decides about a child that has ended. */
  async onEnd({ child, incarnation, reason }: ChildEnded): Promise<Verdict> {
    if (!this.isOurs(child)) return 'go_on';
    if (child.incarnation !== incarnation) return 'go_on';
    if (isRestarted(child.spec.restart, reason)) return this.restart(child, reason);
    if (isAbnormal(reason)) this.reportLoss(child, reason);
    this.letGo(child);
    return this.endsWith(child) ? 'shutdown' : 'go_on';
  }

  /** Starts those of the group that still wait: meanwhile each may have been stopped or started. */
  async onDue({ child, reason, group }: RestartDue): Promise<Verdict> {
    if (!(group instanceof Map)) return 'go_on'; // a forgery
    const waiting = [...group].filter(
      ([member, incarnation]) =>
        this.isOurs(member) && member.status === 'restarting' && member.incarnation === incarnation,
    );
    return this.startAll(
      waiting.map(([member]) => member),
      child,
      reason,
    );
  }

  /** Anybody can send a message that looks like news. */
  private isOurs(child: unknown): boolean {
    return child instanceof Child && this.children.get(child.spec.id) === child;
  }

  private async restart(child: Child, reason: ExitReason): Promise<Verdict> {
    if (!this.history.add(this.server.clock.monotonicNow())) return this.giveUp(child, reason);
    this.report(child, reason);
    const group = this.group(child);
    await this.stopSiblings(child, group);
    child.status = 'restarting';
    const delayMs = backoffMs(this.policy.restartBackoff, this.history.count);
    if (delayMs === 0) return this.startAll(this.group(child), child, reason);
    this.planRestart(child, reason, delayMs);
    return 'go_on';
  }

  private planRestart(child: Child, reason: ExitReason, delayMs: number): void {
    const group = new Map(this.group(child).map((member) => [member, member.incarnation]));
    const due: RestartDue = { child, reason, group };
    this.server.place.startTimer(() => this.notify('restart_due', due), delayMs).unref();
  }

  /** The siblings that go with a child are stopped, last first; temporary ones for good. */
  private async stopSiblings(child: Child, group: readonly Child[]): Promise<void> {
    for (const sibling of [...group].reverse()) {
      if (sibling === child) continue;
      await sibling.stop();
      if (sibling.spec.restart === 'temporary') this.remove(sibling);
      else sibling.status = 'restarting';
    }
  }

  /** Starts these, in order. Who fails is tried again, as one more restart. */
  private async startAll(
    children: readonly Child[],
    ended: Child,
    reason: ExitReason,
  ): Promise<Verdict> {
    for (const child of children) {
      try {
        await this.start(child);
      } catch (error) {
        return this.tryAgain(child, crashReason(error));
      }
    }
    if (childRestarted.hasSubscribers && children.length > 0) this.publishRestart(ended, reason);
    return 'go_on';
  }

  private tryAgain(child: Child, reason: ExitReason): Verdict {
    child.status = 'restarting';
    this.childEnded(child, reason);
    return 'go_on';
  }

  private async start(child: Child): Promise<void> {
    try {
      await child.start();
    } catch (error) {
      if ((error as SlotkeeperError).code !== 'start_ignored') throw error;
      this.letGo(child);
    }
  }

  /** The child and those whom the strategy restarts with it, in start order. */
  private group(child: Child): Child[] {
    switch (this.policy.strategy) {
      case 'one_for_one':
        return [child];
      case 'one_for_all':
        return this.list();
      case 'rest_for_one':
        return this.from(child);
    }
  }

  private from(child: Child): Child[] {
    const children = this.list();
    return children.slice(children.indexOf(child));
  }

  private giveUp(child: Child, reason: ExitReason): Verdict {
    const fault = intensityExceeded(this.server.label, child, this.policy.restartIntensity, reason);
    this.server.place.log('error', { child: child.spec.id, reason }, fault.message);
    child.close();
    return { shutdown: fault };
  }

  /** The child has ended for good, as far as the supervisor can say. */
  private letGo(child: Child): void {
    if (this.policy.isDynamic || child.spec.restart === 'temporary') this.remove(child);
    else child.close();
  }

  private remove(child: Child): void {
    child.close();
    this.children.delete(child.spec.id);
    this.byAddress.delete(child.address);
  }

  private findByRef(ref: AnyRef): Child | undefined {
    if (ref instanceof ServerRef) return this.byAddress.get(ref.address() as Address);
    return this.list().find((child) => child.ref.actor === ref);
  }

  /** Whether the end of this child is the end of the supervisor. */
  private endsWith(child: Child): boolean {
    if (!child.spec.significant) return false;
    if (this.policy.autoShutdown === 'any_significant') return true;
    return !this.list().some((other) => other.spec.significant && other.status !== 'stopped');
  }

  private notify(type: 'child_ended' | 'restart_due', news: ChildEnded | RestartDue): void {
    if (this.server.phase === 'exited') return;
    this.server.accept(new Envelope('info', { type, ...news }, 'urgent'));
  }

  private report(child: Child, reason: ExitReason): void {
    const fields = { child: child.spec.id, reason, restarts: this.history.count };
    const text = `${child.spec.id} has ended (${describeReason(reason)}) and is restarted`;
    this.server.place.log('warn', fields, text);
  }

  private reportLoss(child: Child, reason: ExitReason): void {
    const text = `${child.spec.id} has ended (${describeReason(reason)}) and is not restarted`;
    this.server.place.log('error', { child: child.spec.id, reason }, text);
  }

  private publishRestart(child: Child, reason: ExitReason): void {
    const restarts = this.history.count;
    childRestarted.publish({
      supervisor: this.server.label,
      child: child.spec.id,
      reason,
      restarts,
    });
  }
}

/** OTP's table: which end of which child is followed by a restart. */
function isRestarted(restart: Restart, reason: ExitReason): boolean {
  switch (restart) {
    case 'permanent':
      return true;
    case 'transient':
      return isAbnormal(reason);
    case 'temporary':
      return false;
  }
}

function expectStopped(supervisor: string, child: Child): void {
  if (child.status === 'stopped') return;
  const { id } = child.spec;
  throw new SlotkeeperError(
    child.status,
    `Child ${id} of ${supervisor} is ${child.status}: terminate it first`,
    {
      supervisor,
      id,
    },
  );
}

function notFound(supervisor: string, sought: unknown): SlotkeeperError<'not_found'> {
  const id = typeof sought === 'string' ? JSON.stringify(sought) : String(sought);
  return new SlotkeeperError('not_found', `${supervisor} has no child ${id}`, {
    supervisor,
    id,
  });
}

function alreadyPresent(supervisor: string, child: Child): SlotkeeperError {
  const { id } = child.spec;
  const code = child.status === 'stopped' ? 'already_present' : 'already_started';
  const hint = child.status === 'stopped' ? 'restart or delete it' : 'use it';
  return new SlotkeeperError(code, `${supervisor} has a child ${id} already: ${hint}`, {
    supervisor,
    id,
    ref: child.ref,
  });
}

function tooMany(supervisor: string, policy: SupervisionPolicy): SlotkeeperError<'max_children'> {
  const { maxChildren } = policy;
  return new SlotkeeperError(
    'max_children',
    `${supervisor} may have ${maxChildren} children, and has`,
    {
      supervisor,
      maxChildren,
    },
  );
}

function intensityExceeded(
  supervisor: string,
  child: Child,
  { restarts, withinMs }: RestartIntensity,
  reason: ExitReason,
): SlotkeeperError<'restart_intensity_exceeded'> {
  const { id } = child.spec;
  return new SlotkeeperError(
    'restart_intensity_exceeded',
    `${supervisor} gives up: more than ${restarts} restarts within ${withinMs} ms, the last of ${id} (${describeReason(reason)})`,
    { supervisor, child: id, restarts, withinMs },
    reason,
  );
}
