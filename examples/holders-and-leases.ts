/** Slots that hang on somebody: on a server that may crash, on a signal, or on a lease that is renewed. */
import { exit, fromGenServer, ready, startConcurrencyLimiter, startServer } from 'slotkeeper';
import { SimulatedClock, settle } from 'slotkeeper/testing';

const clock = new SimulatedClock();
await using limiter = await startConcurrencyLimiter({ limits: { maxParallelRuns: 2 }, clock });

/** What became of a slot, told by its signal. */
const tell = (name: string, signal: AbortSignal): void =>
  signal.addEventListener('abort', () => console.log(`${name}: ${signal.reason.code}`));

// A server does the work. When it is down, in whatever way, so is its slot.
const worker = await startServer(fromGenServer<{ state: null }>({ init: () => ready(null) }));
const job = await limiter.acquireRunSlot('session', 'job', { holder: worker });
tell('job', job.signal);

// A lease is for holders that nothing tells of: another program, another machine.
const agent = await limiter.acquireRunSlot('session', 'agent', { leaseMs: 30_000 });
tell('agent', agent.signal);

// A request of a user waits for room, as long as the user is there.
const user = new AbortController();
const asked = { holder: user.signal, waitTimeoutMs: 60_000 };
const request = limiter.acquireRunSlot('session', 'request', asked);
await settle();

exit(worker, new Error('as if it had crashed'));
console.log(`${(await request).runId}: granted`);

await clock.advance(20_000);
await limiter.renewRunSlot('agent', agent.token); // it is still at work: another 30 seconds
await clock.advance(29_000);
console.log(limiter.getStatus().activeRuns, 'held');

await clock.advance(2_000); // and now it is silent
const late = await limiter.renewRunSlot('agent', agent.token).catch((fault) => fault.code);
console.log(late);

user.abort();
await settle();
console.log(limiter.getStatus().activeRuns, 'held');

/* Prints:
job: holder_down
request: granted
2 held
agent: expired
stale_token
0 held
*/
