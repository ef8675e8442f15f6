/**
 * Random histories of supervision trees: what may be in one, and a real tree to play it on.
 *
 * A step names its target by a number (`pick`), which is taken modulo those that are there, so that a
 * history stays a history when fast-check makes it smaller.
 */
import fc from 'fast-check';
import {
  type ChildSpec,
  call,
  cast,
  deleteChild,
  dynamicSupervisor,
  type ExitReason,
  exit,
  fromGenServer,
  type GenServerLogic,
  ignore,
  onEvent,
  Registry,
  ready,
  reply,
  restartChild,
  type ServerStarted,
  type ServerTerminated,
  type SlotkeeperError,
  type SupervisorRef,
  type SupervisorTypes,
  startChild,
  startServer,
  stop,
  stopServer,
  supervisor,
  sys,
  terminateChild,
  whichChildren,
} from '../../src/index.ts';
import { SimulatedClock } from '../../src/testing.ts';
import {
  type Node,
  type Plan,
  type SupervisionModel,
  type SupervisorPlan,
  shutdownMs,
  type WorkerPlan,
} from './supervision-model.ts';

// ── What may happen ───────────────────────────────────────────────────────────────────────────────

export type Deed =
  | 'ping'
  | 'crash'
  | 'stop'
  | 'kill'
  | 'suspend'
  | 'resume'
  | 'kill_supervisor'
  | 'shut_down_supervisor'
  | 'ping_child'
  | 'start_child'
  | 'terminate_child'
  | 'restart_child'
  | 'delete_child';

export interface Step {
  readonly do: Deed;
  readonly pick: number;
  readonly child: number;
  readonly plan: Plan;
}

/** A step whose target is known. */
export interface Act {
  readonly do: Deed;
  readonly id: string;
  readonly supervisor: string;
  readonly plan: Plan;
}

/** Between two steps: more than all delays of one step together, so that windows are never in doubt. */
export const STEP_MS = 10_000;
/** Two steps and a half, for calls to whoever is suspended. */
export const PING_TIMEOUT_MS = 25_000;
/** No window ends near a multiple of a step. */
const WINDOWS_MS = [5_000, 15_000, 95_000];

const restart = fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const);
const strategy = fc.constantFrom(
  'one_for_one' as const,
  'one_for_all' as const,
  'rest_for_one' as const,
);

/** One in `odds` workers has such a start; the rest start as they should. */
function someStarts(min: number, odds: number): fc.Arbitrary<number[]> {
  const starts = fc.uniqueArray(fc.integer({ min, max: min + 3 }), { minLength: 1, maxLength: 2 });
  return fc.oneof(
    { arbitrary: fc.constant<number[]>([]), weight: odds - 1 },
    { arbitrary: starts, weight: 1 },
  );
}

/** What sorts of supervisors there are. */
interface Sorts {
  readonly isDynamic: readonly boolean[];
  readonly backoffMs: readonly number[];
}

const PLAIN: Sorts = { isDynamic: [false], backoffMs: [0] };

function workerPlan(firstFailure: number): fc.Arbitrary<WorkerPlan> {
  return fc.record({
    kind: fc.constant('worker' as const),
    restart,
    shutdown: fc.constantFrom(10, 2, 'brutal_kill' as const, 'infinity' as const),
    initMs: fc.constantFrom(0, 2),
    terminateMs: fc.constantFrom(0, 1, 5),
    failingStarts: someStarts(firstFailure, 4),
    ignoredStarts: someStarts(1, 6),
  });
}

function supervisorPlan(
  storeys: number,
  firstFailure: number,
  sorts: Sorts = PLAIN,
): fc.Arbitrary<SupervisorPlan> {
  return fc.record({
    kind: fc.constant('supervisor' as const),
    restart,
    shutdown: fc.constantFrom('infinity' as const, 'brutal_kill' as const),
    strategy,
    restarts: fc.integer({ min: 0, max: 5 }),
    withinMs: fc.constantFrom(...WINDOWS_MS),
    isDynamic: fc.constantFrom(...sorts.isDynamic),
    backoffMs: fc.constantFrom(...sorts.backoffMs),
    children: fc.array(planOf(storeys, firstFailure, sorts), { minLength: 1, maxLength: 4 }),
  });
}

function planOf(storeys: number, firstFailure: number, sorts: Sorts = PLAIN): fc.Arbitrary<Plan> {
  if (storeys <= 1) return workerPlan(firstFailure);
  return fc.oneof(
    { arbitrary: workerPlan(firstFailure), weight: 3 },
    { arbitrary: supervisorPlan(storeys - 1, firstFailure, sorts), weight: 2 },
  );
}

/** Trees of up to three storeys of supervisors, all of whose first starts succeed. */
export const sound: fc.Arbitrary<SupervisorPlan> = supervisorPlan(3, 2).map(patient);
/** Trees of which one in four workers may fail from the first start. */
export const shaky: fc.Arbitrary<SupervisorPlan> = supervisorPlan(3, 1).map(patient);
/** Trees with dynamic supervisors among the others. */
export const dynamic: fc.Arbitrary<SupervisorPlan> = supervisorPlan(3, 2, {
  isDynamic: [false, false, true],
  backoffMs: [0],
}).map(patient);
/** Trees whose supervisors wait before they restart. */
export const hesitant: fc.Arbitrary<SupervisorPlan> = supervisorPlan(3, 2, {
  isDynamic: [false],
  backoffMs: [0, 3, 100],
}).map(patient);

/** A root that takes more before it gives up, so that histories are not over early. */
function patient(root: SupervisorPlan): SupervisorPlan {
  return { ...root, restarts: root.restarts * 4, isDynamic: false };
}

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { arbitrary: fc.constantFrom('ping', 'crash', 'stop', 'kill', 'suspend', 'resume'), weight: 6 },
  { arbitrary: fc.constantFrom('kill_supervisor', 'shut_down_supervisor'), weight: 1 },
  {
    arbitrary: fc.constantFrom(
      'ping_child',
      'start_child',
      'terminate_child',
      'restart_child',
      'delete_child',
    ),
    weight: 4,
  },
) as fc.Arbitrary<Deed>;

const step: fc.Arbitrary<Step> = fc.record({
  do: deed,
  pick: fc.nat({ max: 12 }),
  child: fc.nat({ max: 3 }),
  plan: planOf(2, 1),
});

export const steps: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 25, size: 'max' });
/** Steps with the time that passes after each: often none, so that they meet in one turn. */
export const gusts: fc.Arbitrary<[Step, number][]> = fc.array(
  fc.tuple(step, fc.constantFrom(0, 0, 0, 1, 2, 6, 1_000)),
  { maxLength: 40, size: 'max' },
);
export const ending: fc.Arbitrary<'stop' | 'kill'> = fc.constantFrom('stop', 'kill');

/** Whom a step means among those that run now; nobody when there is nobody of its sort. */
export function resolve(step: Step, workers: string[], supervisors: string[]): Act | undefined {
  const { do: deed, pick, child, plan } = step;
  const chosen = (ids: string[]): string | undefined => ids[pick % ids.length];
  if (deed.endsWith('_child')) {
    const supervisor = chosen(supervisors);
    return supervisor ? { do: deed, id: `${supervisor}.${child}`, supervisor, plan } : undefined;
  }
  const id = deed.endsWith('_supervisor')
    ? chosen(supervisors.filter((one) => one !== 'root'))
    : chosen(workers);
  return id === undefined ? undefined : { do: deed, id, supervisor: '', plan };
}

/** Plays an act on the model. Says what the real tree must answer. */
export function playOnModel(model: SupervisionModel, act: Act, number: number): string {
  const target = nodeOf(model, act.id);
  const parent = nodeOf(model, act.supervisor);
  switch (act.do) {
    case 'ping':
    case 'ping_child':
      model.ping(act.id, number, PING_TIMEOUT_MS);
      return 'ok';
    case 'crash':
    case 'stop':
      if (target) model.deliver(target, { type: act.do });
      return 'ok';
    case 'kill':
    case 'kill_supervisor':
      if (target) model.kill(target);
      return 'ok';
    case 'shut_down_supervisor':
      if (target) model.shutDown(target);
      return 'ok';
    case 'suspend':
      if (target) model.suspend(target);
      return 'ok';
    case 'resume':
      if (target) model.resume(target);
      return 'ok';
    default:
      return parent ? playChildOp(model, act, parent) : 'noproc';
  }
}

function playChildOp(model: SupervisionModel, act: Act, supervisor: Node): string {
  if (act.do === 'start_child') return model.startChild(supervisor, act.id, act.plan);
  if (act.do === 'terminate_child') return model.terminateChild(supervisor, act.id);
  if (act.do === 'restart_child') return model.restartChild(supervisor, act.id);
  return model.deleteChild(supervisor, act.id);
}

function nodeOf(model: SupervisionModel, id: string): Node | undefined {
  return model.running().find((node) => node.id === id);
}

// ── A real tree ───────────────────────────────────────────────────────────────────────────────────

interface Worker {
  input: { readonly id: string; readonly plan: WorkerPlan; readonly tree: RealTree };
  state: Worker['input'];
  calls: { ping(): string };
  casts: { crash(): void; stop(): void };
}

const worker = fromGenServer<Worker>({
  init: (input) => {
    const { plan, tree } = input;
    const start = tree.noteStart(input.id);
    if (plan.initMs === 0) return firstOutcome(start, input);
    return tree.sleep(plan.initMs).then(() => firstOutcome(start, input));
  },
  handleCall: { ping: (_request, state) => reply('pong', state) },
  handleCast: {
    crash: () => {
      throw new Error('crash');
    },
    stop: (_request, state) => stop('normal', state),
  },
  terminate: (reason, state) => state.tree.terminate(state.id, state.plan, reason),
});

function firstOutcome(start: number, input: Worker['input']) {
  const { id, plan, tree } = input;
  if (plan.failingStarts.includes(start)) throw new Error(`start ${start} fails`);
  if (plan.ignoredStarts.includes(start)) return ignore();
  tree.note(`ready ${id}`);
  return ready(input);
}

/** A tree of actors on a clock and a registry of its own, which notes what happens in it. */
export class RealTree {
  readonly clock = new SimulatedClock();
  readonly registry = new Registry();
  /** Callbacks, in the order in which they were called. */
  readonly events: string[] = [];
  /** How calls have ended. */
  readonly settlements = new Map<number, string>();
  /** Servers that run now, as the events tell it. */
  readonly living = new Set<string>();
  /** What must never be: a server that outlives its supervisor, two incarnations at once. */
  readonly faults: string[] = [];
  unsettledCalls = 0;
  private readonly plan: SupervisorPlan;
  private readonly workers = new Set<string>();
  private readonly starts = new Map<string, number>();
  private readonly ears: (() => void)[];

  constructor(plan: SupervisorPlan) {
    this.plan = plan;
    this.ears = [
      onEvent('server_started', (event) => this.started(event)),
      onEvent('server_terminated', (event) => this.ended(event)),
    ];
  }

  /** Listens to events no more. */
  close(): void {
    for (const stopListening of this.ears) stopListening();
  }

  // ── What is done to it ──────────────────────────────────────────────────────────────────────────

  start(): Promise<string> {
    const { clock, registry } = this;
    return codeOf(
      startServer(this.listLogic('root', this.plan), { name: 'root', clock, registry }),
    );
  }

  end(ending: 'stop' | 'kill'): Promise<string> {
    const root = this.supervisorRef('root');
    if (!root.actor) return Promise.resolve('ok');
    if (ending === 'stop') return codeOf(stopServer(root));
    exit(root, 'kill');
    return Promise.resolve('ok');
  }

  /** Does it, and says how it ends: `ok`, or the code of the rejection. */
  perform(act: Act, number: number): Promise<string> {
    const target = this.registry.ref<Worker>(act.id);
    switch (act.do) {
      case 'ping':
      case 'ping_child':
        return this.ping(act.id, number);
      case 'crash':
      case 'stop':
        return codeOf(async () => cast(target, { type: act.do as 'crash' | 'stop' }));
      case 'kill':
      case 'kill_supervisor':
        return codeOf(async () => exit(target, 'kill'));
      case 'shut_down_supervisor':
        return codeOf(async () => void stopServer(target, 'shutdown').catch(() => {}));
      case 'suspend':
        return codeOf(sys.suspend(target));
      case 'resume':
        return codeOf(sys.resume(target));
      default:
        return this.performOnChild(act);
    }
  }

  private performOnChild(act: Act): Promise<string> {
    const ref = this.supervisorRef(act.supervisor);
    if (act.do === 'start_child') return codeOf(startChild(ref, this.spec(act.id, act.plan)));
    if (act.do === 'terminate_child') return codeOf(terminateChild(ref, act.id));
    if (act.do === 'restart_child') return codeOf(restartChild(ref, act.id));
    return codeOf(deleteChild(ref, act.id));
  }

  private ping(id: string, number: number): Promise<string> {
    const ref = this.registry.ref<Worker>(id);
    this.unsettledCalls += 1;
    codeOf(call(ref, { type: 'ping' }, { timeoutMs: PING_TIMEOUT_MS })).then((code) => {
      this.unsettledCalls -= 1;
      this.settlements.set(number, code === 'ok' ? 'pong' : code);
    });
    return Promise.resolve('ok');
  }

  // ── What is seen ────────────────────────────────────────────────────────────────────────────────

  supervisorRef(id: string): SupervisorRef {
    return this.registry.ref<SupervisorTypes>(id);
  }

  /** Names of workers and of all others that are there now. */
  names(): { workers: string[]; supervisors: string[] } {
    const names = this.registry.names();
    return {
      workers: names.filter((name) => this.workers.has(name)),
      supervisors: names.filter((name) => !this.workers.has(name)),
    };
  }

  /** The children of a supervisor as it lists them: `id status`. */
  async children(id: string): Promise<string[]> {
    const children = await whichChildren(this.supervisorRef(id));
    return children.map((child) => `${child.id} ${child.status}`);
  }

  // ── What its workers tell ───────────────────────────────────────────────────────────────────────

  note(event: string): void {
    this.events.push(event);
  }

  noteStart(id: string): number {
    const start = (this.starts.get(id) ?? 0) + 1;
    this.starts.set(id, start);
    this.workers.add(id);
    this.note(`init ${id}`);
    return start;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimeout(resolve, ms));
  }

  /** Notes its end only if it ends within its time: after that it reaches nobody. */
  terminate(id: string, plan: WorkerPlan, reason: ExitReason): Promise<void> | undefined {
    this.note(`terminate ${id}`);
    const withinMs = reason === 'normal' ? Infinity : shutdownMs(plan);
    if (plan.terminateMs === 0) this.note(`terminated ${id}`);
    if (plan.terminateMs === 0) return undefined;
    return this.sleep(plan.terminateMs).then(() => {
      if (plan.terminateMs < withinMs) this.note(`terminated ${id}`);
    });
  }

  private started({ server }: ServerStarted): void {
    if (this.living.has(server)) this.faults.push(`${server} runs twice`);
    const supervisor = server.slice(0, Math.max(0, server.lastIndexOf('.')));
    if (supervisor && !this.registry.whereis(supervisor))
      this.faults.push(`${server} is an orphan`);
    this.living.add(server);
  }

  private ended({ server }: ServerTerminated): void {
    this.living.delete(server);
    this.workers.delete(server);
    for (const other of this.living) {
      if (other.startsWith(`${server}.`)) this.faults.push(`${other} outlives ${server}`);
    }
  }

  // ── How it is made ──────────────────────────────────────────────────────────────────────────────

  private spec(id: string, plan: Plan): ChildSpec {
    const { restart, shutdown } = plan;
    const common = { id, name: id, restart, shutdown };
    if (plan.kind === 'supervisor') return { ...common, logic: this.supervisorLogic(id, plan) };
    return { ...common, logic: worker, input: { id, plan, tree: this } };
  }

  private supervisorLogic(id: string, plan: SupervisorPlan): ChildSpec['logic'] {
    return plan.isDynamic
      ? dynamicSupervisor({ ...restartOptions(plan), maxChildren: 3 })
      : this.listLogic(id, plan);
  }

  private listLogic(id: string, plan: SupervisorPlan): GenServerLogic<SupervisorTypes> {
    const children = plan.children.map((child, index) => this.spec(`${id}.${index}`, child));
    return supervisor({ ...restartOptions(plan), strategy: plan.strategy, children });
  }
}

function restartOptions({ restarts, withinMs, backoffMs }: SupervisorPlan) {
  return {
    restartIntensity: { restarts, withinMs },
    restartBackoff: { initialMs: backoffMs, jitter: 0 },
  };
}

async function codeOf(work: Promise<unknown> | (() => Promise<unknown>)): Promise<string> {
  try {
    await (typeof work === 'function' ? work() : work);
    return 'ok';
  } catch (error) {
    return (error as SlotkeeperError).code;
  }
}
