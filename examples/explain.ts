/** Three in the morning, and a report does not run: who is in its way, since when, and how long it may take. */
import { type RunSlot, startConcurrencyLimiter } from 'slotkeeper';
import { SimulatedClock } from 'slotkeeper/testing';

const MINUTE = 60_000;
const clock = new SimulatedClock(Date.UTC(2024, 0, 1, 1, 30)); // the same night each time
await using limiter = await startConcurrencyLimiter({
  clock,
  limits: { maxParallelRuns: 10, maxRunsPerKind: { agent: 2 } },
});
const start = (runId: string, owner: string): Promise<RunSlot> =>
  limiter.acquireRunSlot('night', runId, { kind: 'agent', owner, waitTimeoutMs: Infinity });

// How long runs were held earlier that night: the estimate is made of it.
for (const minutes of [4, 5, 5, 6, 6, 40]) {
  const earlier = await start('earlier', 'alice');
  await clock.advance(minutes * MINUTE);
  await earlier.release();
}
await start('crawl', 'bob');
await clock.advance(15 * MINUTE);
const index = await start('index', 'alice');
const backup = start('backup', 'alice');
const report = start('report', 'carol');
await clock.advance(9 * MINUTE);

const why = limiter.explain({ runId: 'report' });
if (why.state !== 'waiting') throw new Error(`the report is ${why.state}`);
console.log(why.text);

// The same is there as plain JSON: which limit is full, and who has held it for the longest time.
const [full] = why.blockedBy;
const [oldest] = full?.holders ?? [];
console.log(JSON.stringify({ limit: full?.limit, key: full?.key, oldest }, null, 2));

// Bob says that his crawl hangs. Its slot goes to the backup, the next one to the report.
await limiter.evict('crawl', 'it hangs');
console.log((await backup).runId, 'goes on');
await index.release();
console.log((await report).runId, 'goes on');

/* Prints:
Run report of session night (owner carol, kind agent) has waited for 9 min with priority 0.
maxRunsPerKind of agent is full: 2 of 2 held, by
  Run crawl of session night (owner bob) for 24 min, since 2024-01-01T02:36:00.000Z
  Run index of session night (owner alice) for 9 min, since 2024-01-01T02:51:00.000Z
1 waiter ahead.
It takes about 21 min, nine times of ten at most 31 min (from 6 runs).
{
  "limit": "maxRunsPerKind",
  "key": "agent",
  "oldest": {
    "runId": "crawl",
    "sessionId": "night",
    "owner": "bob",
    "sinceAt": 1704076560000,
    "heldMs": 1440000
  }
}
backup goes on
report goes on
*/
