/**
 * A command of a host that cannot be had: it is not begun, and never will be; or it was begun, and is watched.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AttemptFolder } from '../../src/executors/attempt-folder.ts';
import { completeCommand } from '../../src/executors/command-order.ts';
import type { WorkEnd } from '../../src/executors/executor.ts';
import { HostLink } from '../../src/executors/host-link.ts';
import { HostedWork } from '../../src/executors/hosted-work.ts';
import { TAG } from '../../src/executors/process-table.ts';
import { freshFolder } from '../support/journal-places.ts';

const { TMPDIR } = process.env;
let child: ChildProcess | undefined;

/** No host may listen anywhere: the folder for its socket is none. */
beforeEach(() => {
  process.env.TMPDIR = freshFolder();
  writeFileSync(join(process.env.TMPDIR, `slotkeeper-${process.getuid?.()}`), '');
});

afterEach(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  child?.kill('SIGKILL');
});

function attempt() {
  const spoolDir = join(freshFolder(), 'a'.repeat(100));
  mkdirSync(spoolDir);
  const folder = new AttemptFolder(spoolDir, '1.1');
  const command = completeCommand({ cmd: ['true'] });
  const tag = randomUUID();
  folder.create({ command, tag });
  const seen: WorkEnd[] = [];
  const begin = () =>
    new Promise<WorkEnd>((resolve) => {
      const gone = (end: WorkEnd) => {
        seen.push(end);
        resolve(end);
      };
      const place = { sessionId: 's', runId: 'r', token: 1, deadlineAt: undefined, gone };
      new HostedWork(folder, command, place, new HostLink(spoolDir)).begin();
    });
  return { folder, tag, begin, seen };
}

describe('a command whose host cannot be had', () => {
  test('being failed, and never begun by anybody who has heard of it', async () => {
    const { folder, begin } = attempt();
    expect(await begin()).toMatchObject({
      state: 'failed',
      error: { code: 'command_not_started' },
    });
    expect(folder.marked).toBe('void');
  });

  test('being watched until it is gone, if somebody has begun it', async () => {
    const { folder, begin, tag, seen } = attempt();
    folder.mark('started');
    const script = 'echo up; while :; do sleep 0.05; done';
    child = spawn('sh', ['-c', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, [TAG]: tag },
    });
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    const gone = begin();
    const exit = once(child, 'exit');
    setImmediate(() => child?.kill('SIGKILL'));
    await exit;
    expect(seen).toEqual([]);
    expect(await gone).toEqual({ state: 'interrupted' });
  });
});
