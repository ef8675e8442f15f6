/**
 * The demonstration that `npm start` runs: a tree of supervised servers, one of which crashes and
 * serves again, while its neighbour never notices.
 */
import {
  call,
  cast,
  fromGenServer,
  localRegistry,
  noReply,
  ready,
  reply,
  startTree,
  supervisor,
} from 'slotkeeper';

interface Tally {
  input: string;
  state: { readonly word: string; count: number };
  calls: { count(): number };
  casts: { add(request: { readonly word: string }): void };
}

/** Counts how often it meets its word. An empty word is a fault that it does not foresee. */
const tally = fromGenServer<Tally>({
  init: (word) => ready({ word, count: 0 }),
  handleCall: {
    count: (_request, state) => reply(state.count, state),
  },
  handleCast: {
    add: ({ word }, state) => {
      if (word === '') throw new Error('an empty word');
      return noReply({ ...state, count: state.count + Number(word === state.word) });
    },
  },
});

const tallies = supervisor({
  strategy: 'one_for_one', // each counts on its own
  children: [
    { id: 'apples', name: 'apples', logic: tally, input: 'apple' },
    { id: 'pears', name: 'pears', logic: tally, input: 'pear' },
  ],
});

const logger = {
  debug: () => {},
  info: () => {},
  warn: (_fields: object, message: string) => console.log(`  supervisor: ${message}`),
  error: (_fields: object, message: string) => console.log(`  server:     ${message}`),
};

const tree = await startTree([{ id: 'tallies', logic: tallies }], { logger });
const apples = localRegistry.ref<Tally>('apples');
const pears = localRegistry.ref<Tally>('pears');

const show = async (when: string): Promise<void> => {
  const counts = [
    await call(apples, { type: 'count' }),
    await call(pears, { type: 'count' }),
  ] as const;
  console.log(`${when}: ${counts[0]} apples, ${counts[1]} pears`);
};

await show('At the start');
for (const word of ['apple', 'pear', 'apple']) {
  cast(apples, { type: 'add', word });
  cast(pears, { type: 'add', word });
}
await show('After three words');

console.log('Now apples gets a word that it cannot take:');
cast(apples, { type: 'add', word: '' });
await show('Restarted with a fresh state, beside a neighbour that kept its own');

cast(apples, { type: 'add', word: 'apple' });
await show('And serving again');

await tree.stop();
console.log('Stopped; nothing is left running.');

/* Prints:
At the start: 0 apples, 0 pears
After three words: 2 apples, 1 pears
Now apples gets a word that it cannot take:
  server:     apples has crashed in handleCast: an empty word
  supervisor: apples has ended (Error: an empty word) and is restarted
Restarted with a fresh state, beside a neighbour that kept its own: 0 apples, 1 pears
And serving again: 1 apples, 1 pears
Stopped; nothing is left running.
*/
