/**
 * `slotkeeper keys new`, and the daemon that knows the key then.
 */
import { expect, test } from 'vitest';
import type { NewKey } from '../../src/config/index.ts';
import { slotkeeper } from '../support/cli-process.ts';
import { fileWith } from '../support/config-files.ts';
import { DaemonProcess } from '../support/daemon-process.ts';

const WHO = ['--id', 'ci', '--owner', 'alice'];

async function made(...args: readonly string[]): Promise<NewKey> {
  const { stdout, code } = await slotkeeper(['keys', 'new', ...WHO, ...args, '--json']);
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

test('letting the printed key in where its entry stands, and no other', async () => {
  const { secret, entry } = await made('--scope', 'exec', '--scope', 'admin');
  expect(entry).toMatchObject({ id: 'ci', owner: 'alice', scopes: ['exec', 'admin'] });
  const config = { listen: { port: 0 }, journal: { path: null }, keys: [entry] };
  const daemon = await DaemonProcess.start(['--config', fileWith(JSON.stringify(config))]);
  const as = (key: string) =>
    daemon.ask('POST', '/v1/sessions', {}, { headers: { authorization: `Bearer ${key}` } });
  expect(await as(secret)).toMatchObject({ status: 201, body: { owner: 'alice' } });
  const other = await made();
  for (const key of [other.secret, entry.hash, `${secret}x`, secret.slice(0, -1)]) {
    expect((await as(key)).status).toBe(401);
  }
  const headers = { authorization: `Bearer ${secret}` };
  const changed = await daemon.ask('PATCH', '/v1/limits', { maxWaiters: 7 }, { headers });
  expect(changed.status).toBe(200);
});

test('printing the key once, and of its entry no more than the hash', async () => {
  const { stdout, stderr, code } = await slotkeeper(['keys', 'new', ...WHO]);
  expect([code, stderr]).toEqual([0, '']);
  const [secret = ''] = /slotkeeper_[\w-]{43}/.exec(stdout) ?? [];
  expect(stdout.split(secret)).toHaveLength(2);
  const entry = JSON.parse(stdout.slice(stdout.indexOf('{')));
  expect(entry).toEqual({ id: 'ci', hash: entry.hash, owner: 'alice', scopes: [] });
  expect(entry.hash).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test('making another key each time', async () => {
  const [one, other] = [await made(), await made()];
  expect(one.secret).not.toBe(other.secret);
  expect(one.entry.hash).not.toBe(other.entry.hash);
});

test.each([
  ['no owner', ['--id', 'ci']],
  ['an owner without a name', ['--id', 'ci', '--owner', '']],
  ['an id with a control character', ['--id', 'c\ni', '--owner', 'alice']],
  ['a scope that there is not', [...WHO, '--scope', 'root']],
])('refusing %s', async (_what, args) => {
  const { stdout, stderr, code } = await slotkeeper(['keys', 'new', ...args]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).not.toContain('slotkeeper_');
});
