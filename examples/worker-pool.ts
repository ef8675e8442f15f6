/** Workers that come and go under a dynamic supervisor, and someone who is told of each end. */
import {
  cast,
  describeReason,
  dynamicSupervisor,
  fromGenServer,
  monitor,
  ready,
  type ServerRef,
  startChild,
  startServer,
  stop,
  stopServer,
} from 'slotkeeper';

interface Worker {
  input: string;
  state: string;
  casts: { work(request: { readonly fails: boolean }): void };
}

const worker = fromGenServer<Worker>({
  init: (name) => ready(name),
  handleCast: {
    work: ({ fails }, name) => {
      if (fails) throw new Error(`${name} slipped`);
      return stop('normal', name);
    },
  },
});

const pool = await startServer(dynamicSupervisor({ maxChildren: 2 }));
const hire = (name: string): Promise<ServerRef<Worker>> =>
  startChild(pool, { logic: worker, input: name, restart: 'temporary' });
const ended = (name: string, ref: ServerRef<Worker>): Promise<void> =>
  new Promise((resolve) => {
    monitor(ref, ({ reason }) => {
      console.log(`${name}: ${describeReason(reason)}`);
      resolve();
    });
  });

const ann = await hire('ann');
const bob = await hire('bob');
await hire('cid').catch((fault) => console.log(`cid: ${fault.code}`));

const bothEnded = Promise.all([ended('ann', ann), ended('bob', bob)]);
cast(ann, { type: 'work', fails: false });
cast(bob, { type: 'work', fails: true });
await bothEnded;
await hire('cid');
console.log('cid: hired, now that there is room');
await stopServer(pool, 'shutdown');

/* Prints:
cid: max_children
ann: normal
bob: Error: bob slipped
cid: hired, now that there is room
*/
