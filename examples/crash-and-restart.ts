/** A crash of the limiter's actor with a holder and a waiter there: both go on, nobody is told. */
import { setImmediate } from 'node:timers/promises';
import { exit, onEvent, startConcurrencyLimiter } from 'slotkeeper';

await using limiter = await startConcurrencyLimiter({ limits: { maxParallelRuns: 1 } });

const held = await limiter.acquireRunSlot('session', 'holder');
const waiting = limiter.acquireRunSlot('session', 'waiter', { waitTimeoutMs: 60_000 });

const restarted = new Promise<void>((resolve) => {
  const stopListening = onEvent('limiter_restarted', ({ restarts, heldRuns, resumedCalls }) => {
    stopListening();
    console.log(`restart ${restarts}: ${heldRuns} held, ${resumedCalls} resumed`);
    resolve();
  });
});
await setImmediate(); // it has been quiet for a while
exit(limiter.ref, new Error('as if a callback had thrown'));
console.log(limiter.getStatus().state);

// This is asked while nobody serves; it is answered by the next incarnation.
const refused = limiter
  .acquireRunSlot('session', 'newcomer')
  .catch((error: Error) => error.message);
await restarted;
console.log(await refused);

// The handle of before is still the handle of the slot, and its release grants the waiter.
console.log(held.signal.aborted, await held.release());
const granted = await waiting;
console.log(granted.runId, granted.token > held.token);

const { state, activeRuns, waitingRuns, restarts } = limiter.getStatus();
console.log({ state, activeRuns, waitingRuns, restarts });

/* Prints:
recovering
restart 1: 1 held, 1 resumed
Maximum parallel runs limit (1) exceeded. Currently active: 1
false { sessions: 0, runs: 1, waiters: 0 }
waiter true
{ state: 'accepting', activeRuns: 1, waitingRuns: 0, restarts: 1 }
*/
