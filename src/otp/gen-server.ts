/**
 * GenServer as XState actor logic.
 *
 * A server is a state, a mailbox and callbacks. It takes one message at a time, so its state needs no
 * lock; a callback may be async, and messages wait while it runs. `fromGenServer` gives logic that
 * XState's `createActor`, `spawn` and `invoke` accept and that our supervisors start.
 *
 * A callback that throws, or answers with something that no builder made, is a crash. Under plain
 * XState that is the actor's error and nothing more; under a supervisor the server is restarted.
 */

import type { ActorLogic, ActorSystem, ActorSystemInfo, EventObject } from 'xstate';
import { SlotkeeperError } from '../fault.ts';
import { type Behaviour, behaviourOf } from './behaviour.ts';
import type { GenServerDefinition } from './callbacks.ts';
import { Server } from './server.ts';
import { type ServerSnapshot, serverIn } from './server-snapshot.ts';
import type { InputOf, ServerTypes } from './server-types.ts';

/** Actor logic that runs a server. `behaviour` is for the engine. */
export interface GenServerLogic<T extends ServerTypes>
  extends ActorLogic<ServerSnapshot<T>, EventObject, InputOf<T>, ActorSystem<ActorSystemInfo>> {
  readonly behaviour: Behaviour;
}

/**
 * Makes actor logic of a server's callbacks.
 *
 *     const counter = fromGenServer<Counter>({
 *       init: (start) => ready({ count: start }),
 *       handleCall: {
 *         read: (_request, state) => reply(state.count, state),
 *       },
 *     });
 *
 * Throws `invalid_option` when a setting is not what it can be.
 */
export function fromGenServer<T extends ServerTypes>(
  definition: GenServerDefinition<T>,
): GenServerLogic<T> {
  return logicOf<T>(behaviourOf(definition, 'worker'));
}

/** The same for supervisors, which differ in how their own supervisor stops them. */
export function fromSupervisorDefinition<T extends ServerTypes>(
  definition: GenServerDefinition<T>,
): GenServerLogic<T> {
  return logicOf<T>(behaviourOf(definition, 'supervisor'));
}

/** The behaviour of logic that is a server, `undefined` for any other XState logic. */
export function behaviourIn(logic: object): Behaviour | undefined {
  return (logic as Partial<GenServerLogic<ServerTypes>> | undefined)?.behaviour;
}

function logicOf<T extends ServerTypes>(behaviour: Behaviour): GenServerLogic<T> {
  return {
    behaviour,
    getInitialSnapshot: (scope, input) =>
      new Server(behaviour, scope, input).snapshot() as ServerSnapshot<T>,
    start: (snapshot) => serverIn(snapshot).begin(),
    transition: (snapshot, event) => serverIn(snapshot).transition(event) as ServerSnapshot<T>,
    getPersistedSnapshot: (snapshot) => snapshot.toJSON(),
    restoreSnapshot: () => {
      throw notRestorable();
    },
  };
}

/** A server's state is more than its JSON, and its callers are gone. */
function notRestorable(): SlotkeeperError<'not_restorable'> {
  return new SlotkeeperError(
    'not_restorable',
    'A server is not restored from a snapshot: start it with its input',
  );
}
