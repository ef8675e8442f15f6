/** Slots in turns: who has asked for much delays a quiet session by one slot, not by all of it. */
import { startConcurrencyLimiter } from 'slotkeeper';
import { settle } from 'slotkeeper/testing';

/** In which order three sessions of two owners get the only slot, when it is free. */
async function orderOf(fairness: 'arrival' | 'session' | 'owner'): Promise<string> {
  await using limiter = await startConcurrencyLimiter({ fairness, limits: { maxParallelRuns: 1 } });
  const held = await limiter.acquireRunSlot('somebody', 'before');
  const granted: string[] = [];
  const ask = (session: string, owner: string): Promise<void> => {
    const work = async (): Promise<void> => {
      granted.push(session);
    };
    return limiter.withRunSlot(session, work, { owner, waitTimeoutMs: Infinity });
  };
  const runs = [
    ask('noisy', 'alice'),
    ask('noisy', 'alice'),
    ask('noisy', 'alice'),
    ask('second', 'alice'), // of the same owner
    ask('quiet', 'bob'),
  ];
  await settle(); // all of them wait now
  await held.release();
  await Promise.all(runs);
  return granted.join(', ');
}

for (const fairness of ['arrival', 'session', 'owner'] as const) {
  console.log(`${fairness}: ${await orderOf(fairness)}`);
}

/* Prints:
arrival: noisy, noisy, noisy, second, quiet
session: noisy, second, quiet, noisy, noisy
owner: noisy, quiet, noisy, noisy, second
*/
