/**
 * Acts of worker threads, one after the other: each has been answered before the next begins.
 */

import type { Terms } from './ask.ts';
import { runTerms, sessionTerms } from './asking.ts';

import { GIVEN_BACK, isHeldBy } from './ledger.ts';
import type { Stage } from './stage.ts';
import type { Thread } from './thread.ts';

const MOST_THREADS = 3;

/** A thread begins and takes what it gets. */
export async function hireThread(stage: Stage): Promise<void> {
  const { crew, chance } = stage;
  if (crew.threads.length >= MOST_THREADS) return;
  await takeSlots(stage, await crew.hire(chance));
}

export async function orderThread(stage: Stage): Promise<void> {
  const { crew, chance } = stage;
  const thread = chance.oneOf(crew.threads);
  if (!thread) return;
  const order = chance.pick([takeSlots, giveSlotsBack, giveUpWaits, giveUpWaits, askInVain]);
  await order(stage, thread);
}

/** A thread ends, in whatever way. */
export async function loseThread(stage: Stage): Promise<void> {
  const { crew, chance, tally } = stage;
  const thread = chance.oneOf(crew.threads);
  if (!thread) return;
  tally.count('holders that went down', thread.mortal.name);
  await crew.lose(thread);
}

async function takeSlots(stage: Stage, thread: Thread): Promise<void> {
  for (let left = stage.chance.between(2, 16); left > 0; left -= 1) {
    thread.acquire(knownInTime(runTerms(stage)));
  }
  if (stage.chance.happens(0.5)) thread.acquire(knownInTime(sessionTerms(stage)));
  await thread.sync();
  thread.read();
}

/** What it has is not lost when it asks for it again and gives up. */
async function askInVain({ chance, ledger, tally }: Stage, thread: Thread): Promise<void> {
  const held = ledger.living.filter((hold) => isHeldBy(hold, thread.mortal));
  for (const { ask } of chance.some(held, 3)) {
    thread.askInVain(ask.terms);
    tally.count('waits', 'asked for in vain in a thread');
  }
  await thread.sync();
  thread.read();
}

/** Simulated time may pass before a thread tells what it was granted, so who waits has no lease. */
function knownInTime(terms: Terms): Terms {
  return terms.leaseMs === undefined ? { ...terms, waitMs: Infinity } : { ...terms, waitMs: 0 };
}

async function giveSlotsBack({ chance, ledger }: Stage, thread: Thread): Promise<void> {
  const held = ledger.living.filter((hold) => isHeldBy(hold, thread.mortal));
  for (const hold of chance.some(held, 4)) {
    ledger.end(hold, GIVEN_BACK);
    thread.release(hold.token);
  }
  await thread.sync();
  thread.read();
}

async function giveUpWaits(stage: Stage, thread: Thread): Promise<void> {
  const { chance, tally } = stage;
  if (thread.asks.size === 0) await takeSlots(stage, thread);
  for (const ask of chance.some([...thread.asks.values()], 3)) {
    thread.abort(ask);
    tally.count('waits', 'aborted in a thread');
  }
  await thread.sync();
  thread.read();
}
