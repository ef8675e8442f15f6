/**
 * What the next grant costs when many stand apart: one slot goes from waiter to waiter, with few groups
 * that wait (sessions or owners) and with very many. As many wait in each case, and no group runs out.
 */
import { setImmediate } from 'node:timers/promises';
import { type Fairness, type RunSlot, startConcurrencyLimiter } from 'slotkeeper';
import { type Contender, expectCount, timeEach } from './harness.ts';
import { printTable } from './table.ts';

const FEWEST = 10;
const GROUPS = [FEWEST, 1_000, 100_000];
const GRANTS = 20_000;
const WAITERS = 100_000 + GRANTS;

export async function benchGroups(fairness: Fairness): Promise<void> {
  const queues = await Promise.all(GROUPS.map((groups) => openQueue(fairness, groups)));
  const times = await timeEach(queues);
  for (const queue of queues) await queue.close();
  const of = (groups: number): number => times.get(nameOf(groups)) ?? Number.NaN;
  printTable(
    `Hand-over to the next of ${WAITERS} waiters, fairness: ${fairness}`,
    GROUPS.map((groups) => {
      const row = { what: nameOf(groups), value: of(groups), unit: 'µs' };
      if (groups === FEWEST) return row;
      return { ...row, ratio: of(groups) / of(FEWEST), against: `${FEWEST} groups` };
    }),
  );
}

const nameOf = (groups: number): string => `${groups} groups wait`;

/** A limiter of one slot, for which the groups ask in turn; so they are granted as they have asked. */
async function openQueue(
  fairness: Fairness,
  groups: number,
): Promise<Contender & { close(): Promise<void> }> {
  const limiter = await startConcurrencyLimiter({
    fairness,
    limits: { maxParallelRuns: 1, maxWaiters: WAITERS },
  });
  let held = await limiter.acquireRunSlot('first', 'first');
  let asked = 0;
  const waits: Promise<RunSlot>[] = [];
  const ask = (): Promise<RunSlot> => {
    const group = `group-${asked % groups}`;
    const [session, owner] = fairness === 'owner' ? ['bench', group] : [group, 'bench'];
    asked += 1;
    return limiter.acquireRunSlot(session, `run-${asked}`, { owner, waitTimeoutMs: Infinity });
  };
  return {
    name: nameOf(groups),
    count: GRANTS,
    prepare: async () => {
      while (waits.length < WAITERS) waits.push(ask());
      while (limiter.getStatus().waitingRuns < WAITERS) await setImmediate();
    },
    run: async (count) => {
      let released = 0;
      for (const next of waits.splice(0, count)) {
        released += (await held.release()).runs;
        held = await next;
      }
      expectCount(nameOf(groups), released, count);
    },
    close: async () => {
      const refused = Promise.allSettled(waits);
      await limiter.stop();
      await refused;
    },
  };
}
