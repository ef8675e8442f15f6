/**
 * A keeper that is to be killed when it has taken up the command of the one before it: at the journal of its
 * argument it waits until that prints, says so, and lives on.
 */
import { startSlotkeeper } from 'slotkeeper';

const keeper = await startSlotkeeper({ journal: { path: process.argv[2] } });
for await (const { text } of keeper.getRun('r1').output({ follow: true })) {
  console.log(JSON.stringify(text));
  break;
}
setInterval(() => {}, 1_000);
