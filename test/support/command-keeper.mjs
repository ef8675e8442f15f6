/**
 * A keeper that is to be killed while a command runs: at the journal of its argument it starts the command
 * that stands behind it, says when that is at work, and lives on.
 */
import { startSlotkeeper } from 'slotkeeper';

const [, , path, command, options = '{}', terms = '{}', more = '{}'] = process.argv;

const keeper = await startSlotkeeper({ journal: { path }, ...JSON.parse(more) });
const session = await keeper.openSession({ sessionId: 's1', owner: 'alice', ...JSON.parse(terms) });
const run = await session.run(JSON.parse(command), { runId: 'r1', ...JSON.parse(options) });
for await (const { text } of run.output({ follow: true })) {
  console.log(JSON.stringify(text));
  break;
}
setInterval(() => {}, 1_000);
