/**
 * Bodies that are not read: nested too deep, compressed, in another charset. What is sent under a key is no exception.
 */
import { describe, expect, test } from 'vitest';
import { plainDaemon } from '../support/plain-daemon.ts';
import { allFrom, connectionTo } from '../support/raw-sockets.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

/** As deep as this, with an agent's two fields around it. */
function deepAgent(levels: number): string {
  return `{"group":"g","config":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
}

async function answerTo(path: string, body: string, headers: Readonly<Record<string, string>>) {
  await using daemon = await plainDaemon({ agent: { command: 'true' } });
  const init = { method: 'POST', body, headers: { ...JSON_TYPE, ...headers } };
  const answer = await fetch(`${daemon.url}${path}`, init);
  const text = await answer.text();
  return { status: answer.status, body: JSON.parse(text) };
}

describe('a body that is nested too deep', () => {
  const refused = {
    status: 422,
    body: { code: 'invalid_request', faults: [{ at: 'body' }] },
  };

  test.each([101, 7_000, 400_000])('being refused at %i levels', async (levels) => {
    expect(await answerTo('/api/agent/start', deepAgent(levels), {})).toMatchObject(refused);
  });

  test.each(['/api/agent/start', '/v1/sessions'])(
    'being refused at %s under a key, too',
    async (path) => {
      const headers = { 'idempotency-key': 'k' };
      expect(await answerTo(path, deepAgent(7_000), headers)).toMatchObject(refused);
    },
  );

  test('being looked at where it is not', async () => {
    const deep = `{"nobody":${'['.repeat(99)}${']'.repeat(99)}}`;
    const { body } = await answerTo('/v1/sessions', deep, { 'idempotency-key': 'k' });
    expect(body.detail).toContain('nobody');
  });
});

describe('a body in a form that is not read', () => {
  test.each([
    ['content-encoding', 'gzip'],
    ['content-type', 'application/json; charset=utf-16'],
    ['content-type', 'application/json;charset="latin1"'],
  ])('being refused: %s: %s', async (name, value) => {
    const answer = await answerTo('/v1/sessions', '{}', { [name]: value });
    expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_request' } });
  });

  test.each([
    ['content-encoding', 'identity'],
    ['content-type', 'application/json; charset=UTF-8'],
    ['content-type', 'application/json; charset="utf-8"'],
  ])('being read where it is none: %s: %s', async (name, value) => {
    expect(await answerTo('/v1/sessions', '{}', { [name]: value })).toMatchObject({ status: 201 });
  });

  test.each([
    ['gzip, chunked', 415],
    ['chunked', 201],
  ])('being refused or read by its transfer: %s', async (coding, status) => {
    await using daemon = await plainDaemon();
    const socket = await connectionTo(daemon);
    const head = `POST /v1/sessions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`;
    socket.write(`${head}connection: close\r\ntransfer-encoding: ${coding}\r\n\r\n`);
    socket.write('2\r\n{}\r\n0\r\n\r\n');
    expect(await allFrom(socket)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});
