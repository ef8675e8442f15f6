/** The limiter's guide as one program: each of its blocks of code stands here, in its order. */
import { onEvent, RefusalError, SlotLostError, startConcurrencyLimiter } from 'slotkeeper';

await using limiter = await startConcurrencyLimiter({
  limits: { maxParallelSessions: 10, maxParallelRuns: 3, maxRunsPerKind: { exec: 1 } },
});

// A slot that is held across calls, and given back by who holds it.
const session = await limiter.acquireSessionSlot('s1', { owner: 'alice' });
const run = await limiter.acquireRunSlot('s1', 'r1', { owner: 'alice', kind: 'exec' });
console.log(run.sessionId, run.runId, run.token > session.token);

// Asking again for what is held gives the slot that is held, also when everything is full.
const again = await limiter.acquireRunSlot('s1', 'r1', { owner: 'alice' });
console.log(again.token === run.token);

// A refusal says which limit was met, and how much of it is in use.
try {
  await limiter.acquireRunSlot('s1', 'r2', { kind: 'exec' });
} catch (error) {
  if (!(error instanceof RefusalError)) throw error;
  console.log(error.code, error.scope, error.limit, error.active, error.retryable);
}

// Without waiting for a promise: a slot, or the refusal as a value.
const answer = limiter.tryAcquireRunSlot('s1', 'r3');
if (answer instanceof RefusalError) console.log(answer.message);
else console.log(await answer.release());

// A slot for the time of a function; it has begun when `withRunSlot` returns.
const size = limiter.withRunSlot('s1', async ({ signal }) => {
  signal.throwIfAborted();
  return limiter.getStatus().activeRuns;
});
console.log(await size);

// A slot that is given back at the end of its block.
{
  await using slot = await limiter.acquireRunSlot('s1', 'r4');
  console.log(slot.runId);
}

// Whoever waits is granted in the turn that makes room.
const waiting = limiter.acquireRunSlot('s2', 'r5', { kind: 'exec', waitTimeoutMs: 30_000 });
await limiter.setLimits({ maxRunsPerKind: { exec: 2 } });
console.log((await waiting).runId);

// Events tell what has happened.
const stopListening = onEvent('run_slot_ended', ({ runId, reason }) => console.log(runId, reason));

// To end a session is to end its runs. Who holds one is told by its signal.
run.signal.addEventListener('abort', () => {
  const { reason } = run.signal;
  console.log(reason instanceof SlotLostError && reason.code);
});
console.log(await session.release());
stopListening();

const { activeSessions, activeRuns, sessionlessRuns } = limiter.getStatus();
console.log({ activeSessions, activeRuns, sessionlessRuns });

/* Prints:
s1 r1 true
true
max_runs_per_kind_exceeded kind 1 1 true
{ sessions: 0, runs: 1, waiters: 0 }
2
r4
r5
cascade
r1 cascade
{ sessions: 1, runs: 1, waiters: 0 }
{ activeSessions: 0, activeRuns: 1, sessionlessRuns: 1 }
*/
