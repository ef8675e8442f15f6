/**
 * The life of a session, as a statechart.
 *
 * - **opening**: it was accepted and waits for its slot. It leaves by the grant, by a refusal, or by being
 *   closed.
 * - **active**: it holds its slot, and takes runs. Its clocks go: it is closed when it was idle too long or
 *   is too old.
 * - **closing**: it takes no runs any more. Those it has are withdrawn or stopped, and when the last one is
 *   gone its slot is given back. A second reason to close is ignored: the first one stays.
 * - **closed**: nothing of it is left.
 *
 * The machine decides what may happen when; what is done stands in `session-core.ts`, which outlives it:
 * when the machine crashes, the session is closed by what is done there.
 */
import { type ActorRef, type AnyMachineSnapshot, setup } from 'xstate';
import type { SessionCore } from './session-core.ts';

/** What happens to a session. */
export type SessionEvent =
  | { readonly type: 'granted' }
  | { readonly type: 'refused' }
  | { readonly type: 'close' }
  | { readonly type: 'emptied' }
  /** The actor of a run has crashed. */
  | { readonly type: `xstate.error.actor.${string}` };

/** Where a session stands. */
export type SessionState = 'opening' | 'active' | 'closing' | 'closed';

export const sessionMachine = setup({
  types: {
    context: {} as { readonly core: SessionCore },
    input: {} as SessionCore,
    events: {} as SessionEvent,
  },
  guards: {
    hasSlot: ({ context }) => context.core.hasSlot,
    isToClose: ({ context }) => context.core.isClosing,
  },
  actions: {
    attach: ({ context, self }) => context.core.attach(self),
    opened: ({ context }) => context.core.opened(),
    empty: ({ context }) => context.core.empty(),
    end: ({ context }) => context.core.end(),
    // A run whose actor has crashed is ended by its core.
    ignore: () => {},
  },
}).createMachine({
  id: 'session',
  context: ({ input }) => ({ core: input }),
  initial: 'opening',
  on: { 'xstate.error.actor.*': { actions: 'ignore' } },
  states: {
    opening: {
      entry: 'attach',
      always: [
        { guard: 'isToClose', target: 'closing' },
        { guard: 'hasSlot', target: 'active' },
      ],
      on: { granted: 'active', refused: 'closed', close: 'closing' },
    },
    active: { entry: 'opened', on: { close: 'closing' } },
    closing: { entry: 'empty', on: { emptied: 'closed' } },
    closed: { type: 'final', entry: 'end' },
  },
});

/** Told apart by what it understands; what it shows is read through `sessionStateOf`. */
export type SessionActor = ActorRef<AnyMachineSnapshot, SessionEvent>;

/** Where the actor stands. */
export function sessionStateOf(actor: SessionActor): SessionState {
  return actor.getSnapshot().value as SessionState; // its states are those of the machine
}
