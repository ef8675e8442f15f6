/** A service that is told to end: nobody new, what runs may finish, and who does not is named. */
import { startConcurrencyLimiter } from 'slotkeeper';

await using limiter = await startConcurrencyLimiter({ limits: { maxParallelRuns: 2 } });
const quick = await limiter.acquireRunSlot('session', 'quick', { owner: 'alice' });
await limiter.acquireRunSlot('session', 'endless', { owner: 'bob', kind: 'agent' });

process.once('SIGTERM', async () => {
  const { drained, heldRuns, holders } = await limiter.drain({ timeoutMs: 100 });
  console.log(drained ? 'drained' : `${heldRuns} still held`);
  for (const row of holders) if (row.type === 'run') console.log(`${row.runId} of ${row.owner}`);
  // Its work will never end: its holder sees it by `slot.signal`.
  await limiter.evict('endless', 'the service ends');
  console.log(limiter.getStatus().activeRuns);
});

process.kill(process.pid, 'SIGTERM');
await new Promise((resolve) => setTimeout(resolve, 20));
const late = await limiter.acquireRunSlot('session', 'late').catch((error: Error) => error.message);
console.log(late);
await quick.release();
for await (const event of limiter.events()) if (event.type === 'run_slot_ended') break;

/* Prints:
The limiter takes nobody new
1 still held
endless of bob
0
*/
