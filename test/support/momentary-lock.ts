/**
 * A thread that has a lock on a SQLite file, and gives it back a moment after it is told to: while this
 * thread, which stands still when it asks SQLite, wants the file.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** So long that who asks meanwhile meets the lock, and so short that he can wait for its end. */
const MOMENT_MS = 20;

const SOURCE = `
  const { parentPort, workerData } = require('node:worker_threads');
  const Database = require('better-sqlite3');
  const { path, statements, cell } = workerData;
  const database = new Database(path);
  for (const statement of statements) database.exec(statement);
  parentPort.postMessage('locked');
  Atomics.wait(cell, 0, 0);
  Atomics.wait(cell, 0, 1, ${MOMENT_MS});
  database.close();
`;

/** `statements`: what locks it. Gives what is called when the lock shall end in a moment. */
export async function lockFor(path: string, statements: readonly string[]): Promise<() => void> {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(SOURCE, { eval: true, workerData: { path, statements, cell } });
  await once(worker, 'message');
  return () => {
    Atomics.store(cell, 0, 1);
    Atomics.notify(cell, 0);
  };
}
