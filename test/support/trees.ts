/**
 * Worlds for tests of supervision: a simulated clock, a registry of their own, and a journal in which
 * every worker writes what happens to it.
 *
 * The journal says who was started and who was ended, so whoever is not in it was left alone.
 */
import type { AnyActorRef } from 'xstate';
import {
  type AnyChildren,
  type ChildInfo,
  type ChildSpec,
  cast,
  type DynamicSupervisorOptions,
  type DynamicSupervisorTypes,
  dynamicSupervisor,
  type ExitReason,
  fromGenServer,
  type GenServerLogic,
  ignore,
  monitor,
  noReply,
  Registry,
  ready,
  reply,
  type ServerRef,
  type SupervisorOptions,
  type SupervisorRef,
  type SupervisorTypes,
  startServer,
  stop,
  supervisor,
} from '../../src/index.ts';
import { SimulatedClock, settle } from '../../src/testing.ts';

export interface WorkerInput {
  readonly id: string;
  readonly journal: string[];
  /** Runs in `init`; 'ignore' decides not to start. */
  readonly onInit?: () => unknown;
  /** Runs in `terminate`, between the lines 'stopping' and 'terminated' if it is given. */
  readonly onTerminate?: () => unknown;
}

export interface Worker {
  input: WorkerInput;
  state: WorkerInput;
  calls: { whoami(): string; wait(): string };
  casts: { crash(): void; finish(request: { readonly reason: ExitReason }): void };
}

/** A server that writes into the journal. */
export const worker = fromGenServer<Worker>({
  init: async (input) => {
    if ((await input.onInit?.()) === 'ignore') return ignore();
    input.journal.push(`${input.id} started`);
    return ready(input);
  },
  handleCall: {
    whoami: (_request, state) => reply(state.id, state),
    wait: () => new Promise(() => {}),
  },
  handleCast: {
    crash: () => {
      throw new Error('crash');
    },
    finish: ({ reason }, state) =>
      reason === 'noproc' ? noReply(state) : stop<WorkerInput>(reason, state),
  },
  terminate: async (reason, { id, journal, onTerminate }) => {
    if (onTerminate) {
      journal.push(`${id} stopping`);
      await onTerminate();
    }
    journal.push(`${id} terminated ${wordFor(reason)}`);
  },
});

type WorkerOptions = Omit<ChildSpec, 'id' | 'logic' | 'input'> &
  Pick<WorkerInput, 'onInit' | 'onTerminate'> & {
    /** What `failingAt` counts; no option of the child. */
    readonly starts?: number;
  };

/** What must be left when all is over. */
export const NOTHING = { names: [], timers: 0, running: [] };

/** One test's world. */
export class World {
  readonly clock = new SimulatedClock();
  readonly registry = new Registry();
  readonly journal: string[] = [];
  private readonly actors: AnyActorRef[] = [];

  /** The spec of a worker that is registered under its id. */
  worker(id: string, options: WorkerOptions = {}): ChildSpec<typeof worker> {
    const { onInit, onTerminate, starts: _counted, ...spec } = options;
    const input: WorkerInput = {
      id,
      journal: this.journal,
      ...(onInit && { onInit }),
      ...(onTerminate && { onTerminate }),
    };
    return { name: id, ...spec, id, logic: worker, input };
  }

  /** Starts a supervisor named 'top'. What its start wrote into the journal is taken out. */
  async supervise(
    children: AnyChildren,
    options: Omit<SupervisorOptions<[]>, 'children'> = {},
  ): Promise<SupervisorRef> {
    const top = await this.start(supervisor({ ...options, children }));
    this.news();
    return top;
  }

  superviseDynamically(
    options: DynamicSupervisorOptions = {},
  ): Promise<ServerRef<DynamicSupervisorTypes>> {
    return this.start(dynamicSupervisor(options));
  }

  start<T extends SupervisorTypes | DynamicSupervisorTypes>(
    logic: GenServerLogic<T>,
    name = 'top',
  ): Promise<ServerRef<T>> {
    const { clock, registry } = this;
    // Supervisors have no input, which the compiler cannot see of a T that is not known yet.
    return startServer(logic as unknown as GenServerLogic<SupervisorTypes>, {
      name,
      clock,
      registry,
      inspect: ({ type, actorRef }) => {
        if (type === '@xstate.actor') this.actors.push(actorRef as AnyActorRef);
      },
    }) as unknown as Promise<ServerRef<T>>;
  }

  /** Starts a worker that nobody supervises. */
  async startWorker(id: string): Promise<ServerRef<Worker>> {
    const { clock, registry, journal } = this;
    const ref = await startServer(worker, { name: id, clock, registry, input: { id, journal } });
    this.news();
    return ref;
  }

  /** The worker of this name, over all its restarts. */
  ref(name: string): ServerRef<Worker> {
    return this.registry.ref<Worker>(name);
  }

  /** Makes workers crash in the same tick, and waits for all that follows at once. */
  async crash(...names: string[]): Promise<void> {
    for (const name of names) cast(this.ref(name), { type: 'crash' });
    await settle();
  }

  /** Makes a worker end by itself with `reason`, and waits for all that follows at once. */
  async finish(name: string, reason: ExitReason): Promise<void> {
    cast(this.ref(name), { type: 'finish', reason });
    await settle();
  }

  /** The journal since it was read last. */
  news(): string[] {
    return this.journal.splice(0);
  }

  /** What still runs, is registered, or would keep the process alive. */
  left(): { names: string[]; timers: number; running: string[] } {
    const running = this.actors.filter((actor) => actor.getSnapshot().status === 'active');
    return {
      names: this.registry.names(),
      timers: this.clock.pendingTimers,
      running: running.map((actor) => actor.id),
    };
  }
}

/** Resolves with the reason when the incarnation that runs now has ended. */
export function endOf(ref: ServerRef): Promise<ExitReason> {
  return new Promise((resolve) => {
    monitor(ref, (down) => resolve(down.reason));
  });
}

/** A promise and the function that resolves it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** An `onInit` that fails at the given starts, counted from 1, and counts all of them. */
export function failingAt(...starts: number[]): { onInit(): void; starts: number } {
  const attempts = {
    starts: 0,
    onInit: () => {
      attempts.starts += 1;
      if (starts.includes(attempts.starts)) throw new Error(`start ${attempts.starts} fails`);
    },
  };
  return attempts;
}

/** Ids and states of children, as one line each. */
export function statuses(children: readonly ChildInfo[]): string[] {
  return children.map(({ id, status }) => `${id} ${status}`);
}

function wordFor(reason: ExitReason): string {
  if (typeof reason === 'string') return reason;
  return reason instanceof Error ? reason.message : 'shutdown';
}
