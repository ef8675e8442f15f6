/**
 * Keys and what they open: owners apart, scopes, and the log that never has one.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { requestKey } from '../../src/http/request-key.ts';
import { DaemonProcess, type Reply } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';

const KEYS = {
  alice: ['exec'],
  bob: [],
  root: ['admin'],
} as const;
type Who = keyof typeof KEYS;

let daemon: DaemonProcess;

beforeAll(async () => {
  const keys = Object.entries(KEYS).map(([owner, scopes]) => {
    const hash = createHash('sha256').update(`key-of-${owner}`).digest('hex');
    return { id: `of-${owner}`, hash: `sha256:${hash}`, owner, scopes };
  });
  const config = { listen: { port: 0 }, journal: { path: null }, exec: { enabled: true }, keys };
  const file = join(freshFolder(), 'slotkeeper.json');
  writeFileSync(file, JSON.stringify(config));
  daemon = await DaemonProcess.start(['--config', file]);
});

function as(who: Who, method: string, path: string, body?: unknown): Promise<Reply> {
  return daemon.ask(method, path, body, { headers: { authorization: `Bearer key-of-${who}` } });
}

describe('without a right key', () => {
  test.each([
    ['none', {}],
    ['another one', { authorization: 'Bearer key-of-eve' }],
    ['another scheme', { authorization: 'Basic key-of-alice' }],
    ['nothing behind it', { authorization: 'Bearer' }],
  ])('being turned away with %s', async (_which, headers) => {
    const reply = await daemon.ask('GET', '/v1/sessions', undefined, { headers });
    expect(reply).toMatchObject({ status: 401, body: { code: 'key_required' } });
    expect(reply.headers.get('www-authenticate')).toBe('Bearer');
  });

  test('being told whether it is well, and what it can', async () => {
    for (const path of ['/healthz', '/readyz', '/openapi.json']) {
      expect((await daemon.ask('GET', path)).status).toBe(200);
    }
  });
});

describe('with a key', () => {
  test('seeing what is of its owner, and nothing else', async () => {
    const opened = await as('alice', 'POST', '/v1/sessions', { sessionId: 'of-alice' });
    expect(opened).toMatchObject({ status: 201, body: { owner: 'alice', isDurable: false } });
    const exec = await as('alice', 'POST', '/v1/sessions/of-alice/exec', { cmd: ['echo', 'hi'] });
    expect(exec).toMatchObject({ status: 200, body: { stdout: 'hi\n' } });
    const run = `/v1/runs/${exec.body.runId}`;
    for (const path of ['/v1/sessions/of-alice', run, '/v1/explain?sessionId=of-alice']) {
      expect((await as('bob', 'GET', path)).status).toBe(404);
      expect((await as('root', 'GET', path)).status).toBe(200);
    }
    expect((await as('bob', 'DELETE', '/v1/sessions/of-alice')).status).toBe(404);
    expect((await as('bob', 'DELETE', run)).status).toBe(404);
    expect((await as('bob', 'GET', '/v1/sessions')).body.sessions).toEqual([]);
    expect((await as('root', 'GET', '/v1/sessions')).body.sessions).toHaveLength(1);
    expect(await as('bob', 'POST', '/v1/sessions', { sessionId: 'of-alice' })).toMatchObject({
      status: 409,
      body: { code: 'session_id_conflict' },
    });
  });

  test('not being given what another owner has put where a request under a key would', async () => {
    const { id: sessionId } = requestKey('k', ['bob', 'POST', '/v1/sessions'], {});
    await as('alice', 'POST', '/v1/sessions', { sessionId });
    const headers = { authorization: 'Bearer key-of-bob', 'idempotency-key': 'k' };
    expect(await daemon.ask('POST', '/v1/sessions', {}, { headers })).toMatchObject({
      status: 409,
      body: { code: 'session_id_conflict' },
    });
    await as('alice', 'DELETE', `/v1/sessions/${sessionId}`);
  });

  test('doing what its scopes say', async () => {
    await as('bob', 'POST', '/v1/sessions', { sessionId: 'of-bob' });
    expect(await as('bob', 'POST', '/v1/sessions/of-bob/exec', { cmd: ['true'] })).toMatchObject({
      status: 403,
      body: { code: 'scope_required', scope: 'exec' },
    });
    expect(await as('alice', 'PATCH', '/v1/limits', {})).toMatchObject({
      status: 403,
      body: { scope: 'admin' },
    });
    expect((await as('root', 'PATCH', '/v1/limits', { maxWaiters: 7 })).status).toBe(200);
    const told = await daemon.logged(({ msg }) => msg === 'limits were changed');
    expect(told).toMatchObject({ owner: 'root', keyId: 'of-root', changes: { maxWaiters: 7 } });
    const changedBy = async (who: Who) => (await as(who, 'GET', '/v1/limits')).body.changedBy;
    expect([await changedBy('root'), await changedBy('bob')]).toEqual(['root', null]);
  });

  test('leaving no key in the log, wherever it was sent', async () => {
    const key = 'key-of-alice';
    const body = { sessionId: '', key };
    const headers = { authorization: `Basic ${key}` };
    const statuses = [
      await as('alice', 'GET', '/v1/status'),
      await as('alice', 'POST', '/v1/sessions', body),
      await as('alice', 'GET', `/nowhere/${key}?key=${key}`),
      await as('alice', 'GET', `/v1/sessions/${key}%ff`),
      await daemon.ask('GET', `/v1/sessions?key=${key}`, undefined, { headers }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([200, 422, 404, 400, 401]);
    await daemon.logged(({ status, at }) => status === 401 && at === '/v1/sessions');
    await daemon.logged(({ status, at }) => status === 400 && at === 'none');
    expect(daemon.log).toContainEqual(expect.objectContaining({ status: 404, at: 'none' }));
    expect(JSON.stringify(daemon.log)).not.toContain('key-of-');
  });
});
