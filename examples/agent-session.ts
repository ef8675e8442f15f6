/**
 * An agent loop in a session: one run at a time, each with a deadline, and an end that leaves nothing
 * behind.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { onEvent, type RunContext, startSlotkeeper } from 'slotkeeper';

const keeper = await startSlotkeeper({ limits: { maxParallelRuns: 8, maxRunsPerSession: 1 } });
const session = await keeper.openSession({ sessionId: 'agent-7', owner: 'alice' });

/** Thinks in steps. Between two of them it can be paused, and it looks whether it is to end. */
async function agent(task: string, { signal, whenResumed }: RunContext): Promise<string> {
  for (const step of ['reads', 'plans', 'writes']) {
    await whenResumed();
    console.log(`${task}: ${step}`);
    await sleep(task === 'hard task' ? 60_000 : 1, undefined, { signal });
  }
  return `${task} is done`;
}

const options = { deadlineMs: 30_000, waitTimeoutMs: Infinity, pausable: true };
const easy = await session.run((context) => agent('easy task', context), options);
const hard = await session.run((context) => agent('hard task', context), options);
const started = new Promise((resolve) => onEvent('run_started', resolve));
console.log(easy.state, hard.state); // one run per session: the second waits

console.log(await easy.result());
await started;
hard.pause();
console.log(hard.state, hard.isPaused);
hard.resume();
console.log((await hard.cancel('alice has changed her mind')).state);
console.log(hard.history.map(({ operation }) => operation));

const { steps } = await session.close({ dryRun: true });
for (const { action } of steps) console.log('would', action);
const { reason, isComplete } = await session.close();
console.log(session.state, reason, isComplete);
await keeper.stop();

/* Prints:
easy task: reads
running queued
easy task: plans
easy task: writes
hard task: reads
easy task is done
running true
cancelled
[ 'pause', 'resume', 'cancel' ]
would stop_run
would release_session
closed released true
*/
