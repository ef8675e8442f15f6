/** Any XState logic is a child: here a machine that fails once, and a promise that is done once. */
import { type ChildSpec, info, onEvent, startTree, whichChildren } from 'slotkeeper';
import { createMachine, fromPromise } from 'xstate';

const door = createMachine({
  id: 'door',
  initial: 'closed',
  states: {
    closed: { entry: () => console.log('door: closed'), on: { open: 'opened' } },
    opened: {
      entry: () => console.log('door: opened'),
      on: {
        kick: {
          actions: () => {
            throw new Error('the hinge broke');
          },
        },
      },
    },
  },
});

const greeting = fromPromise(async () => console.log('greeting: said once'));

const restarted = new Promise<void>((resolve) => {
  onEvent('child_restarted', ({ child, reason }) => {
    console.log(`supervisor: ${child} restarted, because ${String(reason)}`);
    resolve();
  });
});

const children: ChildSpec[] = [
  { id: 'greeting', logic: greeting, restart: 'transient' }, // done is done, failed is tried again
  { id: 'door', logic: door },
];
const tree = await startTree(children);
const [, second] = await whichChildren(tree.supervisor);
if (second) {
  info(second.ref, { type: 'open' });
  info(second.ref, { type: 'kick' });
}
await restarted;
console.log((await whichChildren(tree.supervisor)).map(({ id, status }) => `${id} ${status}`));
await tree.stop();

/* Prints:
greeting: said once
door: closed
door: opened
door: closed
supervisor: door restarted, because Error: the hinge broke
[ 'greeting stopped', 'door running' ]
*/
