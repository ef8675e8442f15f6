/**
 * What OTP says of a tree of supervisors, as a small synchronous program: no actors, no promises.
 *
 * It is told what happens and keeps which children run, the order in which callbacks are called
 * (`events`), and how every call ends (`settlements`). It knows nothing of the code under test; the
 * rules are those of the OTP manual: restart types, strategies, intensity, order, escalation.
 */

export interface WorkerPlan {
  readonly kind: 'worker';
  readonly restart: 'permanent' | 'transient' | 'temporary';
  readonly shutdown: number | 'brutal_kill' | 'infinity';
  /** Zero is a synchronous `init`. */
  readonly initMs: number;
  /** Zero is a synchronous `terminate`. */
  readonly terminateMs: number;
  /** Which starts fail, which are ignored; the first start is 1. */
  readonly failingStarts: readonly number[];
  readonly ignoredStarts: readonly number[];
}

export interface SupervisorPlan {
  readonly kind: 'supervisor';
  readonly restart: 'permanent' | 'transient' | 'temporary';
  readonly shutdown: 'brutal_kill' | 'infinity';
  readonly strategy: 'one_for_one' | 'one_for_all' | 'rest_for_one';
  readonly restarts: number;
  readonly withinMs: number;
  /** Of storms alone; the model knows neither. */
  readonly isDynamic: boolean;
  readonly backoffMs: number;
  readonly children: readonly Plan[];
}

export type Plan = WorkerPlan | SupervisorPlan;

export interface Node {
  readonly id: string;
  readonly plan: Plan;
  readonly parent: Node | undefined;
  isRunning: boolean;
  isSuspended: boolean;
  children: Node[];
  restartTimes: number[];
  /** Messages that wait while it is suspended. */
  mail: Message[];
}

export type Message =
  | { readonly type: 'ping'; readonly call: number; readonly dueAt: number }
  | { readonly type: 'crash' | 'stop' };

type Start = 'started' | 'failed' | 'ignored';
type End = 'orderly' | 'abnormal';

export class SupervisionModel {
  readonly root: Node;
  readonly events: string[] = [];
  readonly settlements = new Map<number, string>();
  private readonly starts = new Map<string, number>();
  private now = 0;

  constructor(plan: SupervisorPlan) {
    this.root = nodeOf('root', plan, undefined);
  }

  // ── What is seen ────────────────────────────────────────────────────────────────────────────────

  /** All that run, parents first. */
  running(): Node[] {
    return runningBelow(this.root);
  }

  workers(): Node[] {
    return this.running().filter(({ plan }) => plan.kind === 'worker');
  }

  supervisors(): Node[] {
    return this.running().filter(({ plan }) => plan.kind === 'supervisor');
  }

  // ── What happens ────────────────────────────────────────────────────────────────────────────────

  startRoot(): boolean {
    return this.start(this.root) === 'started';
  }

  stopRoot(): void {
    this.stopAll(this.root);
    this.end(this.root);
  }

  /** Time passes; calls that wait longer than they may have timed out. */
  advance(ms: number): void {
    this.now += ms;
    for (const worker of this.workers()) {
      for (const message of worker.mail) this.expire(message);
      worker.mail = worker.mail.filter((message) => !this.isOver(message));
    }
  }

  ping(id: string, call: number, timeoutMs: number): void {
    const node = this.running().find((one) => one.id === id);
    if (!node) this.settlements.set(call, 'noproc');
    else if (node.plan.kind === 'supervisor') this.settlements.set(call, 'unexpected_request');
    else this.deliver(node, { type: 'ping', call, dueAt: this.now + timeoutMs });
  }

  deliver(worker: Node, message: Message): void {
    if (worker.isSuspended) worker.mail.push(message);
    else this.serve(worker, message);
  }

  suspend(worker: Node): void {
    worker.isSuspended = true;
  }

  resume(worker: Node): void {
    worker.isSuspended = false;
    for (let message = worker.mail.shift(); message; message = worker.mail.shift()) {
      this.serve(worker, message);
    }
  }

  kill(node: Node): void {
    this.fell(node);
    this.childEnded(node, 'abnormal');
  }

  /** An exit signal `shutdown` from outside. */
  shutDown(supervisor: Node): void {
    this.stopAll(supervisor);
    this.end(supervisor);
    this.childEnded(supervisor, 'orderly');
  }

  startChild(supervisor: Node, id: string, plan: Plan): string {
    const present = childOf(supervisor, id);
    if (present) return present.isRunning ? 'already_started' : 'already_present';
    const child = nodeOf(id, plan, supervisor);
    supervisor.children.push(child);
    const start = this.start(child);
    if (start === 'failed' || (start === 'ignored' && plan.restart === 'temporary')) remove(child);
    return start === 'failed' ? 'start_failed' : 'ok';
  }

  terminateChild(supervisor: Node, id: string): string {
    const child = childOf(supervisor, id);
    if (!child) return 'not_found';
    this.stop(child);
    if (child.plan.restart === 'temporary') remove(child);
    return 'ok';
  }

  restartChild(supervisor: Node, id: string): string {
    const child = childOf(supervisor, id);
    if (!child) return 'not_found';
    if (child.isRunning) return 'running';
    return this.start(child) === 'failed' ? 'start_failed' : 'ok';
  }

  deleteChild(supervisor: Node, id: string): string {
    const child = childOf(supervisor, id);
    if (!child) return 'not_found';
    if (child.isRunning) return 'running';
    remove(child);
    return 'ok';
  }

  // ── Starts ──────────────────────────────────────────────────────────────────────────────────────

  private start(node: Node): Start {
    const start =
      node.plan.kind === 'worker'
        ? this.startWorker(node.id, node.plan)
        : this.startList(node, node.plan);
    node.isRunning = start === 'started';
    return start;
  }

  private startWorker(id: string, plan: WorkerPlan): Start {
    const start = (this.starts.get(id) ?? 0) + 1;
    this.starts.set(id, start);
    this.events.push(`init ${id}`);
    if (plan.failingStarts.includes(start)) return 'failed';
    if (plan.ignoredStarts.includes(start)) return 'ignored';
    this.events.push(`ready ${id}`);
    return 'started';
  }

  private startList(node: Node, plan: SupervisorPlan): Start {
    node.restartTimes = [];
    node.children = [];
    for (const [index, childPlan] of plan.children.entries()) {
      const result = this.startChild(node, `${node.id}.${index}`, childPlan);
      if (result === 'ok') continue;
      this.stopAll(node);
      return 'failed';
    }
    return 'started';
  }

  // ── Ends ────────────────────────────────────────────────────────────────────────────────────────

  private serve(worker: Node, message: Message): void {
    if (message.type === 'ping') {
      this.settlements.set(message.call, 'pong');
    } else {
      const end = message.type === 'crash' ? 'abnormal' : 'orderly';
      this.terminate(worker, end === 'orderly' ? Infinity : shutdownMs(worker.plan));
      this.end(worker);
      this.childEnded(worker, end);
    }
  }

  /** The supervisor stops a child, in the way that its spec says. */
  private stop(node: Node): void {
    if (!node.isRunning) return;
    if (node.plan.shutdown === 'brutal_kill') this.fell(node);
    else if (node.plan.kind === 'worker') this.terminate(node, shutdownMs(node.plan));
    else this.stopAll(node);
    this.end(node);
  }

  private stopAll(supervisor: Node): void {
    for (const child of [...supervisor.children].reverse()) this.stop(child);
    supervisor.children = [];
  }

  private terminate(worker: Node, withinMs: number): void {
    const terminateMs = worker.plan.kind === 'worker' ? worker.plan.terminateMs : 0;
    this.events.push(`terminate ${worker.id}`);
    if (terminateMs === 0 || terminateMs < withinMs) this.events.push(`terminated ${worker.id}`);
  }

  /** It and all below it are gone at once; no `terminate` is called. */
  private fell(node: Node): void {
    for (const child of node.children) this.fell(child);
    node.children = [];
    this.end(node);
  }

  private end(node: Node): void {
    node.isRunning = node.isSuspended = false;
    for (const message of node.mail) {
      if (message.type === 'ping') this.settlements.set(message.call, 'server_down');
    }
    node.mail = [];
  }

  // ── Restarts ────────────────────────────────────────────────────────────────────────────────────

  private childEnded(child: Node, end: End): void {
    const { parent, plan } = child;
    if (!parent) return;
    if (plan.restart === 'temporary') remove(child);
    else if (plan.restart === 'permanent' || end === 'abnormal') this.restart(parent, child);
  }

  private restart(supervisor: Node, child: Node): void {
    if (this.isWithinIntensity(supervisor)) this.restartGroup(supervisor, child);
    else this.shutDown(supervisor);
  }

  /** Who fails to start is tried again, with those that go with it, as one more restart. */
  private restartGroup(supervisor: Node, child: Node): void {
    for (const sibling of groupOf(supervisor, child).reverse()) {
      this.stop(sibling);
      if (sibling !== child && sibling.plan.restart === 'temporary') remove(sibling);
    }
    const failed = groupOf(supervisor, child).find((one) => this.start(one) === 'failed');
    if (failed) this.restart(supervisor, failed);
  }

  private isWithinIntensity(supervisor: Node): boolean {
    const plan = supervisor.plan as SupervisorPlan;
    const since = this.now - plan.withinMs;
    supervisor.restartTimes = supervisor.restartTimes.filter((time) => time >= since);
    supervisor.restartTimes.push(this.now);
    return supervisor.restartTimes.length <= plan.restarts;
  }

  private isOver(message: Message): boolean {
    return message.type === 'ping' && message.dueAt <= this.now;
  }

  private expire(message: Message): void {
    if (message.type === 'ping' && this.isOver(message)) {
      this.settlements.set(message.call, 'call_timeout');
    }
  }
}

/** Milliseconds that `terminate` may take when it is the supervisor that waits. */
export function shutdownMs({ shutdown }: Plan): number {
  if (shutdown === 'infinity') return Infinity;
  return shutdown === 'brutal_kill' ? 0 : shutdown;
}

function nodeOf(id: string, plan: Plan, parent: Node | undefined): Node {
  return {
    id,
    plan,
    parent,
    isRunning: false,
    isSuspended: false,
    children: [],
    restartTimes: [],
    mail: [],
  };
}

function runningBelow(node: Node): Node[] {
  return node.isRunning ? [node, ...node.children.flatMap(runningBelow)] : [];
}

function childOf(supervisor: Node, id: string): Node | undefined {
  return supervisor.children.find((child) => child.id === id);
}

function remove(child: Node): void {
  if (child.parent) child.parent.children = child.parent.children.filter((one) => one !== child);
}

function groupOf(supervisor: Node, child: Node): Node[] {
  const { children } = supervisor;
  switch ((supervisor.plan as SupervisorPlan).strategy) {
    case 'one_for_one':
      return [child];
    case 'one_for_all':
      return [...children];
    case 'rest_for_one':
      return children.slice(children.indexOf(child));
  }
}
