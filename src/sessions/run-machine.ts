/**
 * The life of a run, as a statechart.
 *
 * - **queued**: it was accepted and waits for its slot. It leaves by the grant; by a refusal (its wait was
 *   too long, its session was closed, it was withdrawn); or by a stop, which needs nothing to be undone.
 * - **starting**: it has its slot, and its work is begun. The deadline counts from here on.
 * - **running**, **paused**: its work goes on, or rests. A pause keeps the slot, and does not hold the
 *   deadline.
 * - **stopping**: its work has ended or is to end. The slot is given back when the work is gone, and not
 *   before; while that lasts, nothing but the loss of the slot leads out. A second stop is ignored: the
 *   first reason stays.
 * - **succeeded**, **failed**, **cancelled**, **timed_out**, **interrupted**: it is over, and its slot is
 *   free. Which of them it is was decided by the end of the work or by the first stop.
 *
 * The machine decides what may happen when; what is done stands in `run-core.ts`, which outlives it.
 */
import { type ActorRefFrom, type AnyActorRef, createActor, setup } from 'xstate';
import type { RunState } from './outcome.ts';
import type { RunCore } from './run-core.ts';

/** What happens to a run. */
export type RunEvent =
  | { readonly type: 'granted' }
  | { readonly type: 'refused' }
  | { readonly type: 'work_started' }
  | { readonly type: 'work_gone' }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'stop' }
  | { readonly type: 'slot_given_back' }
  | { readonly type: 'slot_lost' };

/** Where it ends that was ended, as was decided. */
const STOPPED = [
  { guard: 'wasCancelled', target: 'cancelled' },
  { guard: 'wasTimedOut', target: 'timed_out' },
  { target: 'interrupted' },
] as const;
/** Where it ends, once its work may have ended by itself. */
const END = [
  { guard: 'hasSucceeded', target: 'succeeded' },
  { guard: 'hasFailed', target: 'failed' },
  ...STOPPED,
] as const;
/** What may happen while there is work. */
const AT_WORK = { stop: 'stopping', work_gone: 'stopping', slot_lost: STOPPED } as const;
const OVER = { type: 'final', entry: 'end' } as const;

export const runMachine = setup({
  types: {
    context: {} as { readonly core: RunCore },
    input: {} as RunCore,
    events: {} as RunEvent,
  },
  guards: {
    hasSlot: ({ context }) => context.core.hasSlot,
    hasSucceeded: ({ context }) => context.core.endState === 'succeeded',
    hasFailed: ({ context }) => context.core.endState === 'failed',
    wasCancelled: ({ context }) => context.core.endState === 'cancelled',
    wasTimedOut: ({ context }) => context.core.endState === 'timed_out',
  },
  actions: {
    withdraw: ({ context }) => context.core.withdraw(),
    startWork: ({ context }) => context.core.startWork(),
    pauseWork: ({ context }) => context.core.pauseWork(),
    resumeWork: ({ context }) => context.core.resumeWork(),
    stopWork: ({ context }) => context.core.stopWork(),
    giveSlotBack: ({ context }) => context.core.giveSlotBack(),
    end: ({ context }) => context.core.end(),
  },
}).createMachine({
  id: 'run',
  context: ({ input }) => ({ core: input }),
  initial: 'queued',
  states: {
    queued: {
      always: { guard: 'hasSlot', target: 'starting' },
      on: {
        granted: 'starting',
        refused: STOPPED,
        stop: STOPPED.map((end) => ({ ...end, actions: 'withdraw' as const })),
      },
    },
    starting: {
      entry: 'startWork',
      on: { work_started: 'running', stop: 'stopping', work_gone: 'stopping', slot_lost: STOPPED },
    },
    running: {
      on: { ...AT_WORK, pause: 'paused' },
    },
    paused: {
      entry: 'pauseWork',
      on: { ...AT_WORK, resume: { target: 'running', actions: 'resumeWork' } },
    },
    stopping: {
      entry: 'stopWork',
      on: { work_gone: { actions: 'giveSlotBack' }, slot_given_back: END, slot_lost: END },
    },
    succeeded: OVER,
    failed: OVER,
    cancelled: OVER,
    timed_out: OVER,
    interrupted: OVER,
  },
});

export type RunActor = ActorRefFrom<typeof runMachine>;

/**
 * Starts the actor of a run as a child of its session's. All of them have one id: the end of a child is an
 * event that is named for its id, and a machine remembers every name of an event that it was ever sent.
 */
export function startRunActor(core: RunCore, parent: AnyActorRef): RunActor {
  const actor = createActor(runMachine, { parent, id: 'run', input: core });
  actor.start();
  return actor;
}

/** Where the actor stands. A run that is paused runs, and has its slot. */
export function runStateOf(actor: RunActor): RunState {
  const { value } = actor.getSnapshot();
  return value === 'paused' ? 'running' : value;
}

export function isPausedIn(actor: RunActor): boolean {
  return actor.getSnapshot().value === 'paused';
}
