/**
 * Another process that goes to a journal. Its first argument is the path, the second what it does: `start`
 * a limiter on it and stop; `visit` it as any SQLite program does, reading and closing. Prints `done`, or
 * the code of the fault.
 */
import { startConcurrencyLimiter } from 'slotkeeper';

const [path, act] = process.argv.slice(2);

async function start() {
  const limiter = await startConcurrencyLimiter({ journal: { path } });
  await limiter.stop();
}

async function visit() {
  const { default: Database } = await import('better-sqlite3');
  const database = new Database(path);
  database.prepare('SELECT count(*) FROM facts').get();
  database.close();
}

try {
  await (act === 'start' ? start() : visit());
  console.log('done');
} catch ({ code, message }) {
  console.log(code ?? message);
}
