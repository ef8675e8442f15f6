/**
 * A keeper that is to be killed while it has many commands, as often as one likes, and goes on where the last
 * one was: at the journal of its argument it sees to it that every command of its list is run. Which have begun
 * stands in the ledger, in which they write themselves; how they have ended it writes there.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { startSlotkeeper } from 'slotkeeper';

const [, , path, ledger, commands, limit] = process.argv;

const keeper = await startSlotkeeper({
  journal: { path },
  limits: { maxParallelRuns: Number(limit) },
});
const session = await keeper.openSession({ sessionId: 's1', durable: true });
console.log('up');
await Promise.all(JSON.parse(commands).map((command, at) => see(command, `r${at}`)));
await keeper.stop();

/** One that this keeper has taken up, or that nobody has begun. */
async function see(command, runId) {
  const known = keeper.getRun(runId);
  if (!known && hasBegun(runId)) return;
  const run = known ?? (await session.run(command, { runId, waitTimeoutMs: Infinity }));
  const outcome = await run.outcome;
  const said = outcome.value?.exitCode ?? outcome.error?.message;
  appendFileSync(ledger, `outcome ${runId} ${outcome.state} ${said}\n`);
}

function hasBegun(runId) {
  const lines = existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n') : [];
  return lines.includes(`begun ${runId}`);
}
