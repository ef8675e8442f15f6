/** A session that outlives its process: here the keeper ends, there the next one finds it again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onEvent, startSlotkeeper } from 'slotkeeper';

const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-'));
const journal = { path: join(folder, 'slotkeeper.db') };

const before = await startSlotkeeper({ journal });
await before.limiter.acquireSessionSlot('s1', { owner: 'alice', durable: true });
await before.limiter.acquireRunSlot('s1', 'r1', { owner: 'alice' });
await before.limiter.setLimits({ maxParallelRuns: 3 });
// A keeper whose process was killed leaves the same behind as one that was stopped.
await before.stop();

onEvent('journal_recovered', ({ sessions, runs }) =>
  console.log(`${sessions} session, ${runs} runs`),
);
const after = await startSlotkeeper({ journal, limits: { maxParallelRuns: 50 } });
console.log(after.getStatus().activeSessions, after.limiter.getLimits().maxParallelRuns);

// Whoever asks for an id that is held gets a handle on it.
const session = await after.limiter.acquireSessionSlot('s1', { owner: 'alice' });
console.log(await session.release());
await after.stop();
rmSync(folder, { recursive: true });

/* Prints:
1 session, 0 runs
1 3
{ sessions: 1, runs: 0, waiters: 0 }
*/
