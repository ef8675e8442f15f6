/**
 * `slotkeeper config`, as people run it.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { fileWith } from '../support/config-files.ts';

const MAIN = join(import.meta.dirname, '../../dist/src/cli/main.js');

async function config(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const run = promisify(execFile)(process.execPath, [MAIN, 'config', ...args], {
    env: { PATH: process.env.PATH, ...env },
  });
  const failed = (error: { code: number; stdout: string; stderr: string }) => error;
  const { stdout, stderr, code } = await run.then((ended) => ({ ...ended, code: 0 }), failed);
  return { stdout, stderr, code };
}

test('printing every value with its origin, one under the other', async () => {
  const file = fileWith('{"fairness": "owner"}');
  const { stdout, code } = await config(['--config', file, '--max-runs', '7'], {
    MAX_CONCURRENT_AGENTS: '0',
  });
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^listen\.host {2,}127\.0\.0\.1 {2,}default$/);
  expect(lines).toContainEqual(expect.stringMatching(/^fairness +owner +file .*slotkeeper\.json$/));
  expect(lines).toContainEqual(
    expect.stringMatching(/^limits\.maxParallelRuns +7 +flag --max-runs$/),
  );
  expect(lines).toContainEqual(expect.stringMatching(/^DOCKER_CPU_LIMIT +1 +default, reserved$/));
  expect(lines.at(-1)).toBe(
    'note: MAX_CONCURRENT_AGENTS=0: limits.maxRunsPerKind.agent is unlimited',
  );
});

test('printing it as JSON, without the hashes of keys', async () => {
  const hash = `sha256:${'ab'.repeat(32)}`;
  const keys = [{ id: 'ci', hash, owner: 'alice', scopes: ['exec'] }];
  const file = fileWith(JSON.stringify({ keys, queueTimeoutMs: 'infinity' }));
  const { stdout } = await config(['--config', file, '--json']);
  expect(stdout).not.toContain('abab');
  expect(JSON.parse(stdout)).toMatchObject({
    values: {
      queueTimeoutMs: { value: 'infinity', origin: `file ${file}` },
      keys: { value: [{ id: 'ci', hash: 'sha256:…', owner: 'alice', scopes: ['exec'] }] },
    },
    notes: [],
  });
});

test('telling all faults, and ending as who is badly configured', async () => {
  const { stdout, stderr, code } = await config(['--max-runs', '0', '--config', '/no/such.json']);
  expect(code).toBe(78);
  expect(stdout).toBe('');
  expect(stderr).toContain('has 2 faults:\n  file /no/such.json: expected a file that can be read');
  expect(stderr).toMatch(/\[invalid_config\]\n$/);
});

test('ending as who was asked wrongly when a flag is none', async () => {
  expect((await config(['--max-run', '1'])).code).toBe(2);
});
