/**
 * Pages of an origin that may ask: what a browser needs to be told so that they may read the answers.
 */

import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';

const PAGE = 'https://slots.example';
let daemon: DaemonProcess;

beforeAll(async () => {
  const hash = `sha256:${'0'.repeat(64)}`;
  const keys = [{ id: 'one', hash, owner: 'alice', scopes: [] }];
  const config = { listen: { port: 0 }, journal: { path: null }, keys, allowedOrigins: [PAGE] };
  const file = join(freshFolder(), 'slotkeeper.json');
  writeFileSync(file, JSON.stringify(config));
  daemon = await DaemonProcess.start(['--config', file]);
});

/** `fetch` sends no Origin of our choice. */
function asked(method: string, path: string, headers: Readonly<Record<string, string>>) {
  return new Promise<{ status: number; headers: Readonly<Record<string, unknown>> }>((resolve) => {
    const sent = request(`${daemon.url}${path}`, { method, headers }, (answer) => {
      answer.resume();
      answer.once('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers }),
      );
    });
    sent.end();
  });
}

describe('a page that may ask', () => {
  test('asking first what it may ask, without a key', async () => {
    const wish = { 'access-control-request-method': 'PATCH' };
    const { status, headers } = await asked('OPTIONS', '/v1/limits', { origin: PAGE, ...wish });
    expect(status).toBe(204);
    expect(headers['access-control-allow-origin']).toBe(PAGE);
    expect(headers['access-control-allow-methods']).toContain('PATCH');
    expect(headers['access-control-allow-headers']).toContain('authorization');
  });

  test.each([
    ['/healthz', 200],
    ['/v1/status', 401],
    ['/nowhere', 404],
  ])('reading the answer of %s', async (path, expected) => {
    const { status, headers } = await asked('GET', path, { origin: PAGE });
    expect(status).toBe(expected);
    expect(headers['access-control-allow-origin']).toBe(PAGE);
    expect(headers['access-control-expose-headers']).toContain('retry-after');
    expect(headers.vary).toContain('Origin');
  });
});

describe('any other page', () => {
  test.each(['OPTIONS', 'GET'])('being refused with %s', async (method) => {
    const wish = { 'access-control-request-method': 'GET' };
    const { status, headers } = await asked(method, '/healthz', { origin: 'https://a', ...wish });
    expect(status).toBe(403);
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });
});
