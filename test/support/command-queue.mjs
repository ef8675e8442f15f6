/**
 * A keeper that is to be killed while commands wait for the one slot that there is: at the journal of its argument
 * it starts the first of the runs that stand behind it, queues the others, says so, and lives on.
 */
import { startSlotkeeper } from 'slotkeeper';

const [, , path, runs, terms = '{}'] = process.argv;

const keeper = await startSlotkeeper({ journal: { path }, limits: { maxParallelRuns: 1 } });
const session = await keeper.openSession({ sessionId: 's1', owner: 'alice', ...JSON.parse(terms) });
const [first, ...others] = JSON.parse(runs);
const run = await session.run(first.command, first.options);
for await (const _ of run.output({ follow: true })) break;
const waiting = { waitTimeoutMs: Infinity };
for (const { command, options } of others) await session.run(command, { ...waiting, ...options });
const queuedAts = others.map(({ options }) => keeper.getRun(options.runId).queuedAt);
console.log(JSON.stringify(queuedAts));
setInterval(() => {}, 1_000);
