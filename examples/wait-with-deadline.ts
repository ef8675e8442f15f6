/** Waiting for a slot: for how long, who goes first, how to give up, and what a refusal says. */
import { setImmediate } from 'node:timers/promises';
import { RefusalError, type RunSlot, startConcurrencyLimiter } from 'slotkeeper';

await using limiter = await startConcurrencyLimiter({
  limits: { maxParallelRuns: 1, maxWaiters: 3 },
});
const held = await limiter.acquireRunSlot('session', 'long');

/** What the caller does with each way in which a wait can end. */
function outcomeOf(asked: Promise<RunSlot>): Promise<string> {
  return asked.then(
    (slot) => `${slot.runId}: granted`,
    (error: Error) => {
      if (!(error instanceof RefusalError)) return `gave up: ${error.message}`;
      const { code, limit, active, retryable } = error;
      return `${code}: ${active} of ${limit}, ${retryable ? 'try later' : 'do not try again'}`;
    },
  );
}

const giveUp = new AbortController();
const hasty = limiter.acquireRunSlot('session', 'hasty', { waitTimeoutMs: 500 });
const patient = limiter.acquireRunSlot('session', 'patient', { waitTimeoutMs: 60_000 });
const fickle = limiter.acquireRunSlot('session', 'fickle', {
  waitTimeoutMs: Infinity, // no deadline: the signal alone ends it
  signal: giveUp.signal,
});

// Three wait, and no more may.
console.log(await outcomeOf(limiter.acquireRunSlot('session', 'late', { waitTimeoutMs: 1_000 })));

console.log(await outcomeOf(hasty));

giveUp.abort(new Error('the user has closed the page'));
console.log(await outcomeOf(fickle));

// A higher priority goes first, although it came later.
const urgent = limiter.acquireRunSlot('session', 'urgent', { waitTimeoutMs: 60_000, priority: 1 });
// On a busy loop it is queued later, and what is given back is served before what is asked for.
while (limiter.explain({ runId: 'urgent' }).state !== 'waiting') await setImmediate();
await held.release();
console.log(await outcomeOf(urgent));

// A wait that was withdrawn by its id is not to be tried again.
await limiter.releaseRunSlot('patient');
console.log(await outcomeOf(patient).then((outcome) => outcome.split(':')[0]));

/* Prints:
queue_full: 3 of 3, try later
wait_timeout: 1 of 1, try later
gave up: the user has closed the page
urgent: granted
withdrawn
*/
