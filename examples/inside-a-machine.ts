/** A server as an actor of XState: invoked by a machine, seen by its inspector. */
import { fromGenServer, noReply, ready, stop } from 'slotkeeper';
import { createActor, sendTo, setup } from 'xstate';

interface Meter {
  input: { readonly limit: number };
  state: { readonly used: number; readonly limit: number };
  infos: { use(message: { readonly amount: number }): void };
}

const meter = fromGenServer<Meter>({
  init: ({ limit }) => ready({ used: 0, limit }),
  handleInfo: {
    use: ({ amount }, { used, limit }) => {
      const state = { used: used + amount, limit };
      return state.used >= limit ? stop('normal', state) : noReply(state);
    },
  },
});

const machine = setup({ actors: { meter } }).createMachine({
  initial: 'metering',
  states: {
    metering: {
      invoke: { src: 'meter', id: 'meter', input: { limit: 10 }, onDone: 'full' },
      on: { use: { actions: sendTo('meter', ({ event }) => event) } },
    },
    full: { type: 'final' },
  },
});

const actor = createActor(machine, {
  inspect: (event) => {
    if (event.type !== '@xstate.snapshot' || event.event.type !== 'info') return;
    const { status, context } = event.snapshot as typeof event.snapshot & {
      context: Meter['state'];
    };
    console.log(`meter: ${status}, ${context.used} used`);
  },
});
const full = new Promise<void>((resolve) => {
  actor.subscribe({ complete: resolve });
});
actor.start();
actor.send({ type: 'use', amount: 4 });
actor.send({ type: 'use', amount: 7 });
await full;
console.log(`machine: ${String(actor.getSnapshot().value)}`);

/* Prints:
meter: active, 4 used
meter: done, 11 used
machine: full
*/
