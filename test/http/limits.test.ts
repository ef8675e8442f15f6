/**
 * Limits that were changed while a daemon ran, over its restarts: they stand above the file until they are set back.
 *
 * On the built package, with real processes: `npm test` builds first.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { fileWith } from '../support/config-files.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { freshPlace } from '../support/journal-places.ts';
import { plainDaemon } from '../support/plain-daemon.ts';

const MAIN = join(import.meta.dirname, '../../dist/src/cli/main.js');
const run = promisify(execFile);

/** A daemon whose file says so many runs. */
function startWith(path: string, maxParallelRuns: number): Promise<DaemonProcess> {
  const config = { listen: { port: 0 }, journal: { path }, limits: { maxParallelRuns } };
  return DaemonProcess.start(['--config', fileWith(JSON.stringify(config))]);
}

async function statusOf(journal: string, ...flags: string[]): Promise<string> {
  const args = [MAIN, 'status', '--journal', journal, ...flags];
  return (await run(process.execPath, args)).stdout;
}

describe('limits', () => {
  test('being shown as they are configured where nobody has changed them', async () => {
    await using daemon = await plainDaemon();
    const answer = await fetch(`${daemon.url}/v1/limits`);
    const { limits, configured } = JSON.parse(await answer.text());
    expect(limits).toEqual(configured);
    expect(Object.keys(limits.maxRunsPerKind)).toEqual(['agent', 'tool']);
  });

  test('of jobs being neither shown nor changed, for the daemon counts none', async () => {
    await using daemon = await plainDaemon();
    const change = { method: 'PATCH', body: '{"maxJobsPerOwner":1}' };
    const headers = { 'content-type': 'application/json' };
    const refused = await fetch(`${daemon.url}/v1/limits`, { ...change, headers });
    expect(refused.status).toBe(422);
    for (const path of ['/v1/limits', '/openapi.json']) {
      const answer = await fetch(`${daemon.url}${path}`);
      expect(await answer.text()).not.toContain('maxJobsPerOwner');
    }
  });
});

test('limits standing above the file with who has changed them and when, until they are set back', async () => {
  const path = freshPlace();
  const first = await startWith(path, 5);
  const unchanged = { limits: { maxParallelRuns: 5 }, changedAt: null, changedBy: null };
  expect((await first.ask('GET', '/v1/limits')).body).toMatchObject(unchanged);
  const before = Date.now();
  const changed = await first.ask('PATCH', '/v1/limits', { maxParallelRuns: 7 });
  const { changedAt } = changed.body;
  expect(changed.body).toMatchObject({ limits: { maxParallelRuns: 7 }, changedBy: 'local' });
  expect(changedAt).toBeGreaterThanOrEqual(before);
  await first.kill();
  expect(await statusOf(path)).toMatch(
    /^limits .*\{"maxParallelRuns":7\}, changed .* ago by local$/m,
  );
  const { limitsChange } = JSON.parse(await statusOf(path, '--json'));
  expect(limitsChange).toEqual({ at: changedAt, by: 'local' });

  const second = await startWith(path, 6);
  const { body } = await second.ask('GET', '/v1/limits');
  expect(body).toMatchObject({
    limits: { maxParallelRuns: 7 },
    configured: { maxParallelRuns: 6 },
    changedAt,
    changedBy: 'local',
  });
  const back = await second.ask('DELETE', '/v1/limits');
  expect(back.body).toMatchObject({ limits: { maxParallelRuns: 6 }, changedBy: 'local' });
  await second.kill();

  const third = await startWith(path, 8);
  expect((await third.ask('GET', '/v1/limits')).body).toMatchObject({
    limits: { maxParallelRuns: 8 },
    changedAt: back.body.changedAt,
  });
  expect(await statusOf(path)).toMatch(
    /^limits {4}as the keeper is started, changed .* ago by local$/m,
  );
});
