/**
 * Supervisors: servers whose work is to keep other actors running.
 *
 * `supervisor({ … })` is a value: a list of children with a strategy and an intensity, each list a
 * file of its own, composed by naming one as a child of another. Children are started in order and
 * stopped in reverse. A supervisor that cannot help any more stops its children and ends itself, which
 * is its own supervisor's business. `dynamicSupervisor` starts with no children and takes them at run
 * time.
 */
import type { AnyActorLogic } from 'xstate';
import { SlotkeeperError } from '../fault.ts';
import type { ChildStatus } from './child.ts';
import {
  type ChildSpec,
  type CompleteChildSpec,
  checkSignificant,
  completeSpec,
  type Restart,
} from './child-spec.ts';
import { crashReason } from './exit-reason.ts';
import { fromSupervisorDefinition, type GenServerLogic } from './gen-server.ts';
import { expectKnown, expectOption, isCount } from './options.ts';
import {
  type CallResult,
  type CastResult,
  noReply,
  ready,
  rejectWith,
  reply,
  stop,
} from './outcome.ts';
import type { AnyRef } from './ref.ts';
import { checkBackoff, type RestartBackoff } from './restart-backoff.ts';
import {
  DEFAULT_RESTART_INTENSITY,
  RestartHistory,
  type RestartIntensity,
} from './restart-intensity.ts';
import { serverInCallback } from './server.ts';
import type { ServerRef } from './server-ref.ts';
import {
  type AutoShutdown,
  type ChildEnded,
  type RestartDue,
  type Strategy,
  Supervision,
  type SupervisionPolicy,
  type Verdict,
} from './supervision.ts';

/** A child as `whichChildren` lists it. */
export interface ChildInfo {
  readonly id: string;
  readonly ref: ServerRef;
  readonly status: ChildStatus;
  readonly type: 'worker' | 'supervisor';
  readonly restart: Restart;
}

/** OTP's four counts: specs; of them running; supervisors and workers, running or not. */
export interface ChildCounts {
  readonly specs: number;
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
}

type DynamicCalls = {
  start_child(request: { readonly spec: ChildSpec }): ServerRef;
  terminate_child(request: { readonly child: string | AnyRef }): void;
  which_children(): ChildInfo[];
  count_children(): ChildCounts;
};

type SupervisorInfos = {
  child_ended(news: ChildEnded): void;
  restart_due(news: RestartDue): void;
};

export interface DynamicSupervisorTypes {
  state: Supervision;
  calls: DynamicCalls;
  infos: SupervisorInfos;
}

export interface SupervisorTypes {
  state: Supervision;
  calls: DynamicCalls & {
    restart_child(request: { readonly id: string }): ServerRef;
    delete_child(request: { readonly id: string }): void;
    get_child_spec(request: { readonly id: string }): CompleteChildSpec;
  };
  infos: SupervisorInfos;
}

const COMMON_OPTIONS = ['restartIntensity', 'restartBackoff'];

interface CommonOptions {
  /** Default 3 restarts in 5,000 ms. */
  readonly restartIntensity?: RestartIntensity;
  /** Default none: a restart follows at once, as in OTP. */
  readonly restartBackoff?: RestartBackoff;
}

export interface SupervisorOptions<Logics extends readonly AnyActorLogic[]> extends CommonOptions {
  /** Default `one_for_one`. */
  readonly strategy?: Strategy;
  /** Default `never`. */
  readonly autoShutdown?: AutoShutdown;
  /** Started in this order, stopped in reverse. */
  readonly children?: { readonly [Index in keyof Logics]: ChildSpec<Logics[Index]> };
}

export interface DynamicSupervisorOptions extends CommonOptions {
  /** Default `Infinity`. One more is refused with `max_children`. */
  readonly maxChildren?: number;
}

/** Logic of a supervisor over a list of children. Throws `invalid_option` for a list that cannot be. */
export function supervisor<const Logics extends readonly AnyActorLogic[]>(
  options: SupervisorOptions<Logics>,
): GenServerLogic<SupervisorTypes> {
  expectKnown(options, [...COMMON_OPTIONS, 'strategy', 'autoShutdown', 'children']);
  const policy = policyOf(
    options,
    options.strategy ?? 'one_for_one',
    options.autoShutdown ?? 'never',
  );
  const specs = completeAll((options.children ?? []) as readonly ChildSpec[], policy);
  return fromSupervisorDefinition<SupervisorTypes>({
    trapExit: true,
    init: () => startAll(newSupervision(policy), specs),
    handleCall: {
      ...dynamicCalls,
      restart_child: ({ id }, state) =>
        answering(state, async () => {
          const child = state.find(id);
          await state.restartStopped(child);
          return child.ref;
        }),
      delete_child: ({ id }, state) => answering(state, async () => state.delete(state.find(id))),
      get_child_spec: ({ id }, state) => answering(state, async () => state.find(id).spec),
    },
    handleInfo: infos,
    terminate: (_reason, state) => state.stopAll(),
    formatStatus: ({ state, ...rest }) => ({ ...rest, state: state && childInfos(state) }),
  });
}

/** Logic of a supervisor whose children come and go at run time, each on its own. */
export function dynamicSupervisor(
  options: DynamicSupervisorOptions = {},
): GenServerLogic<DynamicSupervisorTypes> {
  const { maxChildren = Infinity } = options;
  expectKnown(options, [...COMMON_OPTIONS, 'maxChildren']);
  expectOption('maxChildren', maxChildren, isCount, 'a positive integer or Infinity');
  const policy = { ...policyOf(options, 'one_for_one', 'never'), maxChildren, isDynamic: true };
  return fromSupervisorDefinition<DynamicSupervisorTypes>({
    trapExit: true,
    init: () => ready(newSupervision(policy)),
    handleCall: dynamicCalls,
    handleInfo: infos,
    terminate: (_reason, state) => state.stopAll(),
    formatStatus: ({ state, ...rest }) => ({ ...rest, state: state && childInfos(state) }),
  });
}

/** What both sorts of supervisor are asked. */
const dynamicCalls = {
  start_child: ({ spec }: { spec: ChildSpec }, state: Supervision) =>
    answering(state, async () => (await state.add(completeSpec(spec, state.nextId()))).ref),
  terminate_child: ({ child }: { child: string | AnyRef }, state: Supervision) =>
    answering(state, async () => state.terminate(state.find(child))),
  which_children: (_request: unknown, state: Supervision) => reply(childInfos(state), state),
  count_children: (_request: unknown, state: Supervision) => reply(childCounts(state), state),
};

/** What supervisors tell themselves. XState's own news of children says the same without identity. */
const infos = {
  /** A supervisor traps exits, as OTP's does: only its own supervisor and `kill` end it. */
  exit: (_signal: unknown, state: Supervision) => noReply(state),
  child_ended: (news: ChildEnded, state: Supervision) => obeying(state, state.onEnd(news)),
  restart_due: (news: RestartDue, state: Supervision) => obeying(state, state.onDue(news)),
};

function newSupervision(policy: SupervisionPolicy): Supervision {
  const server = serverInCallback();
  if (!server) throw new TypeError('A supervisor is made in the init of its server');
  return new Supervision(server, policy);
}

/** Starts the list; if one fails, those before it are stopped, last first, and the start has failed. */
async function startAll(state: Supervision, specs: readonly CompleteChildSpec[]) {
  try {
    for (const spec of specs) await state.add(spec);
    return ready(state);
  } catch (error) {
    await state.stopAll();
    return stop({ shutdown: crashReason(error) });
  }
}

/** A request that cannot be met is refused; only a fault of our own is a crash. */
async function answering<Value>(
  state: Supervision,
  answer: () => Promise<Value>,
): Promise<CallResult<Value, Supervision>> {
  try {
    return reply(await answer(), state);
  } catch (error) {
    if (error instanceof SlotkeeperError) return rejectWith(error, state);
    throw error;
  }
}

async function obeying(
  state: Supervision,
  verdict: Promise<Verdict>,
): Promise<CastResult<Supervision>> {
  const reason = await verdict;
  return reason === 'go_on' ? noReply(state) : stop(reason, state);
}

function policyOf(
  options: CommonOptions,
  strategy: Strategy,
  autoShutdown: AutoShutdown,
): SupervisionPolicy {
  const { restartIntensity = DEFAULT_RESTART_INTENSITY, restartBackoff } = options;
  expectOption('strategy', strategy, isStrategy, "'one_for_one', 'one_for_all' or 'rest_for_one'");
  expectOption(
    'autoShutdown',
    autoShutdown,
    isAutoShutdown,
    "'never', 'any_significant' or 'all_significant'",
  );
  checkBackoff(restartBackoff);
  new RestartHistory(restartIntensity);
  return {
    strategy,
    restartIntensity,
    restartBackoff,
    autoShutdown,
    maxChildren: Infinity,
    isDynamic: false,
  };
}

function completeAll(specs: readonly ChildSpec[], policy: SupervisionPolicy): CompleteChildSpec[] {
  const complete = specs.map((spec) => completeSpec(spec));
  const ids = new Set<string>();
  for (const spec of complete) {
    checkSignificant(spec, policy.autoShutdown);
    expectOption('id', spec.id, (id) => !ids.has(id as string), 'unique under its supervisor');
    ids.add(spec.id);
  }
  return complete;
}

function childInfos(state: Supervision): ChildInfo[] {
  return state.list().map(({ spec, ref, status }) => {
    const { id, type, restart } = spec;
    return { id, ref, status, type, restart };
  });
}

function childCounts(state: Supervision): ChildCounts {
  const children = state.list();
  const supervisors = children.filter((child) => child.spec.type === 'supervisor').length;
  return {
    specs: children.length,
    active: children.filter((child) => child.isRunning).length,
    supervisors,
    workers: children.length - supervisors,
  };
}

const isStrategy = (value: unknown): boolean =>
  value === 'one_for_one' || value === 'one_for_all' || value === 'rest_for_one';
const isAutoShutdown = (value: unknown): boolean =>
  value === 'never' || value === 'any_significant' || value === 'all_significant';
