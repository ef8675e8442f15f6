/**
 * A process that starts a limiter on the journal of its argument and says `keeps`, or the code of the
 * fault that it met. It lives until it is killed.
 */
import { startConcurrencyLimiter } from 'slotkeeper';

const [, , path] = process.argv;

try {
  await startConcurrencyLimiter({ journal: { path } });
  console.log('keeps');
  setInterval(() => {}, 60_000);
} catch ({ code }) {
  console.log(code);
}
