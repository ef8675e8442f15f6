/**
 * What a limiter does to the process it lives in: it keeps it alive for a wait that has a deadline, and
 * for nothing else. The programs run on the built package; `npm test` builds first.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

/** Runs a program that has a limiter of one run, which is held. What it prints, once it has ended. */
async function printed(program: string): Promise<string> {
  const source = `import { startConcurrencyLimiter, startSlotkeeper } from 'slotkeeper';
    const limiter = await startConcurrencyLimiter({ limits: { maxParallelRuns: 1 } });
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    ${program}`;
  const options = { cwd: ROOT, timeout: 20_000 };
  const { stdout, stderr } = await run(
    process.execPath,
    ['--input-type=module', '-e', source],
    options,
  );
  return stdout + stderr;
}

describe('the process', () => {
  test('ending by itself although a limiter was not stopped, and hearing nothing of it', async () => {
    expect(await printed('')).toBe('');
  });

  test('ending by itself although a keeper was not stopped', async () => {
    expect(await printed('await startSlotkeeper();')).toBe('');
  });

  test('being kept alive until the deadline of who waits', async () => {
    const program = `const error = await limiter
      .acquireRunSlot('s1', 'r2', { waitTimeoutMs: 20 })
      .catch((error) => error);
      console.log(error.code);`;
    expect(await printed(program)).toBe('wait_timeout\n');
  });

  test('not being kept alive by the deadline of who was granted', async () => {
    const program = `limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: 3_600_000 })
      .then(() => console.log('granted'));
      await slot.release();`;
    expect(await printed(program)).toBe('granted\n');
  });

  test('hearing of listeners that throw, and nothing else: the limiter goes on', async () => {
    const program = `import { onEvent } from 'slotkeeper';
      process.on('uncaughtException', ({ message }) => console.log(message));
      onEvent('run_slot_ended', () => { throw new Error('an event'); });
      slot.signal.addEventListener('abort', () => { throw new Error('a signal'); });
      await limiter.releaseRunSlot('r1');
      await new Promise((resolve) => setImmediate(resolve));
      const { activeRuns, restarts } = limiter.getStatus();
      console.log(activeRuns, restarts);`;
    expect(await printed(program)).toBe('a signal\nan event\n0 0\n');
  });

  test('having no listeners of signals that a library has no business with', async () => {
    const program = `console.log(['SIGTERM', 'SIGINT', 'uncaughtException', 'unhandledRejection']
      .map((event) => process.listenerCount(event)).join());`;
    expect(await printed(program)).toBe('0,0,0,0\n');
  });
});
