/**
 * A keeper that is to be killed: at the journal of its argument it opens durable sessions, one of them
 * with a run at work, closes one, says what it has, and lives on.
 */
import { startSlotkeeper } from 'slotkeeper';

const keeper = await startSlotkeeper({ journal: { path: process.argv[2] } });
const terms = { durable: true, owner: 'alice', idleTimeoutMs: 3_600_000, maxLifetimeMs: 7_200_000 };
const idle = await keeper.openSession({ sessionId: 'idle', labels: { of: 'a test' }, ...terms });
const busy = await keeper.openSession({ sessionId: 'busy', ...terms });
const over = await keeper.openSession({ sessionId: 'over', ...terms });
await keeper.openSession({ sessionId: 'of the process' });
await busy.run(() => new Promise(() => {}));
await (await idle.run(() => 'done')).outcome;
await over.close();
await new Promise((resolve) => setTimeout(resolve, 5));
const { createdAt, token } = idle;
console.log(JSON.stringify({ createdAt, token, now: Date.now() }));
setInterval(() => {}, 1_000);
