/**
 * A process that exits while its keeper without a journal runs the commands of its argument: when each of
 * them has printed something, it does what its second argument says.
 */
import { startSlotkeeper } from 'slotkeeper';

const [, , commands, how] = process.argv;

const keeper = await startSlotkeeper();
const session = await keeper.openSession();
for (const command of JSON.parse(commands)) {
  const run = await session.run(command);
  for await (const { text } of run.output({ follow: true })) if (text.includes('up')) break;
}
if (how === 'throw') {
  setImmediate(() => {
    throw new Error('thrown by the test');
  });
} else if (how === 'kill') process.kill(process.pid, 'SIGKILL');
else process.exit(0);
