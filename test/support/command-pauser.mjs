/**
 * A keeper that is to be killed while its command is paused: at the journal of its argument it starts the
 * command that stands behind it, pauses it when that is at work, says so, and lives on.
 */
import { startSlotkeeper } from 'slotkeeper';

const [, , path, command] = process.argv;

const keeper = await startSlotkeeper({ journal: { path } });
const session = await keeper.openSession({ sessionId: 's1' });
const run = await session.run(JSON.parse(command), { runId: 'r1' });
for await (const _ of run.output({ follow: true })) break;
run.pause();
console.log('paused');
setInterval(() => {}, 1_000);
