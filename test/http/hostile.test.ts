/**
 * What nobody means well by: random requests to every route, and what is no request. The daemon answers with
 * what it names, and is as well afterwards as before.
 */

import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { DaemonProcess, type Reply } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';

let daemon: DaemonProcess;
let routes: { method: string; path: string }[];

beforeAll(async () => {
  const folder = freshFolder();
  const file = join(folder, 'slotkeeper.json');
  // Nothing that is sent is run.
  const config = { listen: { port: 0 }, journal: { path: join(folder, 'journal.db') } };
  writeFileSync(file, JSON.stringify(config));
  daemon = await DaemonProcess.start(['--config', file]);
  const { body } = await daemon.ask('GET', '/openapi.json');
  routes = Object.entries(body.paths ?? {})
    .filter(([path]) => path !== '/v1/events') // which does not end
    .flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => ({ method, path })),
    );
});

function expectNamed({ status, body }: Reply): void {
  if (status < 400) return;
  expect(status < 500 || status === 503 || status === 504).toBe(true);
  expect(typeof body.code).toBe('string');
  expect(JSON.stringify(body)).not.toMatch(/node_modules|\.[jt]s:\d+|at async/);
}

describe('random requests', () => {
  const name = fc.oneof(fc.constantFrom('a', 'b', '..', '%00', 'é'), fc.string({ maxLength: 300 }));
  const value = fc.jsonValue({ maxDepth: 3 });
  const member = fc.constantFrom(
    'sessionId',
    'cmd',
    'labels',
    'config',
    'group',
    'maxRunsPerKind',
    'maxWaiters',
    '__proto__',
  );
  const body = fc.oneof(value, fc.dictionary(member, value));
  const query = fc.dictionary(fc.constantFrom('runId', 'sessionId', 'dryRun', 'closed', 'x'), name);

  test('being answered with what the daemon names', async () => {
    const index = fc.nat();
    await fc.assert(
      fc.asyncProperty(index, name, query, body, async (which, id, asked, sent) => {
        const { method = 'get', path = '/' } = routes[which % routes.length] ?? {};
        const url = path.replace('{id}', encodeURIComponent(id.toWellFormed()) || 'a');
        const wellFormed = Object.entries(asked).map(([one, other]) => [one, other.toWellFormed()]);
        const search = new URLSearchParams(Object.fromEntries(wellFormed));
        const hasBody = method === 'post' || method === 'patch';
        expectNamed(
          await daemon.ask(method.toUpperCase(), `${url}?${search}`, hasBody ? sent : undefined),
        );
      }),
      { numRuns: 2_000 },
    );
    expect(daemon.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
    expect((await daemon.ask('GET', '/readyz')).status).toBe(200);
  });
});

describe('what is no request', () => {
  /** All that is answered to these bytes. */
  async function answerTo(bytes: string): Promise<string> {
    const { port, hostname } = new URL(daemon.url);
    const socket = connect(Number(port), hostname);
    socket.write(bytes);
    return text(socket);
  }

  test.each([
    ['nonsense', 'nonsense\r\n\r\n', '400'],
    ['no Host', 'GET /v1/status HTTP/1.1\r\nconnection: close\r\n\r\n', '400'],
    ['an old version without a Host', 'GET /v1/status HTTP/1.0\r\n\r\n', '403'],
    ['headers without end', `GET / HTTP/1.1\r\na: ${'b'.repeat(100_000)}\r\n\r\n`, '431'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      '400',
    ],
    [
      'a length that is none',
      'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: a\r\n\r\n',
      '400',
    ],
  ])('being answered: %s', async (_which, bytes, status) => {
    expect(await answerTo(bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test('being forgotten when its sender goes away in the middle of it', async () => {
    const { port, hostname } = new URL(daemon.url);
    const head =
      'POST /v1/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
    for (let cut = 1; cut < head.length; cut += 7) {
      const socket = connect(Number(port), hostname);
      socket.write(head.slice(0, cut), () => socket.destroy());
    }
    const socket = connect(Number(port), hostname);
    socket.write(`${head}content-length: 100\r\n\r\n{"a`, () => socket.destroy());
    expect((await daemon.ask('GET', '/healthz')).status).toBe(200);
  });
});
