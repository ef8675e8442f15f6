/** The example of the README: a supervised server, a crash, and the same handle serving again. */
import { call, fromGenServer, localRegistry, ready, reply, startTree } from 'slotkeeper';

interface Counter {
  input: number;
  state: number;
  calls: { add(request: { readonly by: number }): number };
}

const counter = fromGenServer<Counter>({
  init: (start) => ready(start),
  handleCall: {
    add: ({ by }, count) => {
      if (by < 0) throw new RangeError('only up');
      return reply(count + by, count + by);
    },
  },
});

await using tree = await startTree([{ id: 'counter', name: 'counter', logic: counter, input: 10 }]);
const ref = localRegistry.ref<Counter>('counter');
console.log(await call(ref, { type: 'add', by: 5 }));
console.log(await call(ref, { type: 'add', by: -1 }).catch((fault) => fault.code));
console.log(await call(ref, { type: 'add', by: 1 }), tree.supervisor.name ?? 'still the same tree');

/* Prints:
15
server_down
11 still the same tree
*/
