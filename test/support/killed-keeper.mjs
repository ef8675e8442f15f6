/**
 * A keeper that is to be killed: it has a journal at the path that is its argument, takes durable sessions
 * and runs in many turns, gives some back, says `ready`, and lives on.
 */
import { startConcurrencyLimiter } from 'slotkeeper';

const TURNS = 40;

const limits = { maxParallelSessions: Infinity, maxParallelRuns: Infinity };
const limiter = await startConcurrencyLimiter({ limits, journal: { path: process.argv[2] } });
for (let turn = 0; turn < TURNS; turn += 1) {
  const ids = Array.from({ length: 5 }, (_, index) => `${turn}-${index}`);
  await Promise.all(
    ids.map((id) => limiter.acquireSessionSlot(id, { durable: true, labels: { id } })),
  );
  await Promise.all(ids.map((id) => limiter.acquireRunSlot(id, `run-${id}`)));
  await limiter.releaseSessionSlot(`${turn}-1`);
}
console.log('ready');
setInterval(() => {}, 1_000);
