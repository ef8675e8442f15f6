/**
 * A keeper whose files may not grow beyond what `ulimit -f` allows: its writes fail with a real I/O error.
 * Its argument is the path of its journal. Prints as JSON what was seen.
 */
import { execFileSync } from 'node:child_process';
import { startConcurrencyLimiter } from 'slotkeeper';
import { recordEvents } from 'slotkeeper/testing';

process.stdin.resume(); // it lives until it is killed
const path = process.argv[2];
const limits = { maxParallelRuns: Infinity, maxParallelSessions: Infinity };
const recorder = recordEvents(['storage_degraded', 'storage_recovered']);
const limiter = await startConcurrencyLimiter({ limits, journal: { path } });
const held = [];
let refusal;
let refused = 0;

/** Takes sessions until the file is as long as it may be. */
while (!refusal) {
  const ids = Array.from({ length: 20 }, (_, index) => `${held.length + index}`);
  const asked = ids.map((id) => limiter.acquireSessionSlot(id, { durable: true }));
  for (const { value, reason } of await Promise.allSettled(asked)) {
    if (value) held.push(value.sessionId);
    else refused += 1;
    refusal ??= reason;
  }
}
const released = await limiter.releaseSessionSlot(held.shift());
const { storage } = limiter.getStatus();

/** The limit is lifted; the limiter finds out by itself. */
execFileSync('prlimit', ['--pid', `${process.pid}`, '--fsize=unlimited']);
for await (const { type } of limiter.events()) if (type === 'storage_recovered') break;
await limiter.acquireSessionSlot('last', { durable: true });
held.push('last');
const events = recorder.events.map(({ type, reason }) => ({ type, reason }));
console.log(JSON.stringify({ refusal, refused, released, storage, events, held }));
