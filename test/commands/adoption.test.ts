/**
 * A command that outlives its keeper: its output, its exit and its slot are the next keeper's.
 *
 * On the built package, with real processes: `npm test` builds first.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type CommandOrder, type Run, startSlotkeeper } from 'slotkeeper';
import { afterEach, describe, expect, test } from 'vitest';
import { freshPlace } from '../support/journal-places.ts';

const PROGRAM = join(import.meta.dirname, '..', 'support', 'command-keeper.mjs');
const living = new Set<ChildProcess>();

afterEach(() => {
  for (const child of living) child.kill('SIGKILL');
});

/** A keeper in a process of its own, whose command has begun to print. */
async function keeperWith(path: string, command: CommandOrder): Promise<ChildProcess> {
  const argv = [PROGRAM, path, JSON.stringify(command)];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  living.add(child);
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  living.delete(child);
  child.kill('SIGKILL');
  await once(child, 'close');
}

async function printed(run: Run): Promise<string> {
  let text = '';
  for await (const record of run.output()) text += record.text;
  return text;
}

describe('a keeper that is killed while a command runs', () => {
  test('leaving output, exit code and slot to the next one', async () => {
    const path = freshPlace();
    // It goes on when it is told to, so it runs still when the next keeper comes.
    const go = `${path}.go`;
    const script = `echo begun; while [ ! -e ${go} ]; do sleep 0.05; done; echo done; exit 7`;
    await kill(await keeperWith(path, { cmd: ['sh', '-c', script] }));
    await using keeper = await startSlotkeeper({ journal: { path } });
    const run = keeper.getRun('r1') as Run;
    expect(run).toMatchObject({ sessionId: 's1', state: 'running' });
    expect(keeper.getSession('s1')?.state).toBe('active');
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 1, activeSessions: 1 });
    spawn('touch', [go]);
    const outcome = await run.outcome;
    expect(outcome).toMatchObject({ state: 'failed', value: { exitCode: 7, signal: null } });
    expect(await printed(run)).toBe('begun\ndone\n');
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 0, stuckRuns: 0 });
  });
});
