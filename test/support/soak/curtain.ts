/**
 * The end of a soak: everybody goes in his own way, the last are there when the keeper stops, and then
 * it is counted what is left.
 */
import { connectLimiter } from 'slotkeeper';
import { settle } from 'slotkeeper/testing';
import { endAllWork } from './ending.ts';
import { bury } from './laws.ts';
import type { Resources } from './resources.ts';
import { comeToRest } from './script.ts';
import type { Stage } from './stage.ts';
import type { Counts } from './tally.ts';
import type { Thread } from './thread.ts';
import { resume } from './trouble.ts';

/** Rounds in which whoever waits is granted and gives back; all have gone long before. */
const MOST_ROUNDS = 100;
/** Longer than any lease, and than any wait that has an end. */
const LONG_MS = 60_000;

/** Everybody goes, but for the keeper. */
export async function empty(stage: Stage): Promise<void> {
  const { crew, holders, ledger, clock } = stage;
  if (stage.isDraining) resume(stage);
  for (const thread of crew.threads) {
    await crew.lose(thread);
    await comeToRest(stage, `the end of ${thread.name}`);
  }
  for (const mortal of holders.living) await ledger.kill(mortal);
  await comeToRest(stage, 'the end of the holders');
  await clock.advance(LONG_MS);
  await comeToRest(stage, 'the end of leases and waits');
  for (let round = 1; round < MOST_ROUNDS && ledger.open.size + ledger.holds.size > 0; round += 1) {
    endAllWork(stage);
    await comeToRest(stage, `the end of all work, round ${round}`);
  }
  await clock.advance(LONG_MS);
}

/** The keeper stops while some hold, somebody waits, and two clients have ports: one in a thread, one here. */
export async function stop(stage: Stage): Promise<void> {
  const { ledger, auditor, keeper, holders, crew } = stage;
  const thread = await inviteGuests(stage);
  await comeToRest(stage, 'the last guests');
  for (const hold of ledger.living) hold.ends.add('stopped');
  for (const ask of ledger.open) ask.reasons.add('stopped');
  await keeper.stop();
  await holders.stop();
  await crew.sync();
  await ledger.kill(thread.mortal);
  await settle();
  bury(stage);
  stage.complain('the stop');
  auditor.close();
}

async function inviteGuests(stage: Stage): Promise<Thread> {
  const { limiter, crew, chance } = stage;
  const guest = { type: 'run', sessionId: 'the last' } as const;
  await limiter.setLimits({ maxParallelRuns: 2 });
  connectLimiter(limiter.openPort());
  const thread = await crew.hire(chance);
  thread.acquire(guest);
  await thread.sync();
  stage.acquire({ type: 'session', sessionId: 'the last' });
  stage.acquire({ ...guest, runId: 'the last but one' });
  stage.acquire({ ...guest, runId: 'the last', waitMs: Infinity });
  return thread;
}

/** What is left, by its sorts: all of it is to be nothing. */
export function leftovers(stage: Stage, resources: Resources): Counts {
  const { limiter, clock, signals, promises, ledger, auditor } = stage;
  const { activeSessions, activeRuns, waitingSessions, waitingRuns } = limiter.getStatus();
  return {
    slots: activeSessions + activeRuns,
    waits: waitingSessions + waitingRuns,
    rows: [...limiter.list()].length,
    slotsByTheEvents: auditor.held.size,
    slotsByTheirHolders: ledger.holds.size,
    asks: ledger.open.size,
    promises: promises.handedOut - promises.settled,
    timers: clock.allTimers,
    listeners: signals.listeners,
    resources: resources.names.length,
  };
}
