/** Testing what takes an hour, without waiting: a cache whose entries go stale, on a simulated clock. */
import {
  call,
  cast,
  fromGenServer,
  noReply,
  ready,
  reply,
  sendAfter,
  startServer,
  stopServer,
} from 'slotkeeper';
import { SimulatedClock } from 'slotkeeper/testing';

interface Cache {
  state: Map<string, string>;
  calls: { get(request: { readonly key: string }): string | undefined };
  casts: { put(request: { readonly key: string; readonly value: string }): void };
  infos: { expire(message: { readonly key: string }): void };
}

const AN_HOUR = 3_600_000;

const cache = fromGenServer<Cache>({
  init: () => ready(new Map()),
  handleCall: { get: ({ key }, entries) => reply(entries.get(key), entries) },
  handleCast: {
    put: ({ key, value }, entries, { self }) => {
      sendAfter(self, { type: 'expire', key }, AN_HOUR);
      return noReply(entries.set(key, value));
    },
  },
  handleInfo: {
    expire: ({ key }, entries) => {
      entries.delete(key);
      return noReply(entries);
    },
  },
});

const clock = new SimulatedClock();
const ref = await startServer(cache, { clock });
cast(ref, { type: 'put', key: 'tea', value: 'hot' });
await clock.advance(AN_HOUR - 1);
console.log(await call(ref, { type: 'get', key: 'tea' }));
await clock.advance(1);
console.log(await call(ref, { type: 'get', key: 'tea' }));
await stopServer(ref);
console.log(`${clock.pendingTimers} timers left`);

/* Prints:
hot
undefined
0 timers left
*/
