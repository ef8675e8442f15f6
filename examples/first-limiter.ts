/** The example of the README: slots that are held across calls, a refusal, a wait, a cascade. */
import { startSlotkeeper } from 'slotkeeper';

await using keeper = await startSlotkeeper({ limits: { maxParallelRuns: 2 } });
const { limiter } = keeper;

await limiter.acquireSessionSlot('session', { owner: 'alice' });
const build = await limiter.acquireRunSlot('session', 'build'); // held until it is released
const lint = await limiter.acquireRunSlot('session', 'lint');

const refusal = limiter.tryAcquireRunSlot('session', 'deploy'); // a slot, or why there is none
console.log(refusal instanceof Error && refusal.message);

const deployed = limiter.withRunSlot('session', async () => 'deployed', { waitTimeoutMs: 1_000 });
console.log(limiter.getStatus().activeRuns, 'held');
await build.release();
console.log(await deployed);

lint.signal.addEventListener('abort', () => console.log(lint.signal.reason.message));
console.log(await limiter.releaseSessionSlot('session'), keeper.getStatus().activeRuns);

/* Prints:
Maximum parallel runs limit (2) exceeded. Currently active: 2
2 held
deployed
The slot lint is lost: the slot's session was released
{ sessions: 1, runs: 1, waiters: 0 } 0
*/
