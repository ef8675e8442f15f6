/**
 * A keeper that is to be killed when it has taken up the command of the one before it: at the journal of its
 * argument it waits until that prints, says so, and lives on.
 */
import { startSlotkeeper } from 'slotkeeper';

const [, , path, run = 'r1', options = '{}'] = process.argv;

const keeper = await startSlotkeeper({ journal: { path }, ...JSON.parse(options) });
for await (const { text } of keeper.getRun(run).output({ follow: true })) {
  console.log(JSON.stringify(text));
  break;
}
setInterval(() => {}, 1_000);
