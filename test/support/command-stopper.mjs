/**
 * A keeper that is to be killed while it stops a command: at the journal of its argument it starts the command
 * that stands behind it, cancels it when that is at work, says so, and lives on.
 */
import { startSlotkeeper } from 'slotkeeper';

const [, , path, command] = process.argv;

const keeper = await startSlotkeeper({ journal: { path } });
const session = await keeper.openSession({ sessionId: 's1' });
const run = await session.run(JSON.parse(command), { runId: 'r1' });
for await (const _ of run.output({ follow: true })) break;
run.cancel('not needed');
console.log('cancelled');
setInterval(() => {}, 1_000);
