/**
 * What is no request, or no whole one. The daemon answers with what it names, and is as well afterwards as before.
 */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';

let daemon: DaemonProcess;

beforeAll(async () => {
  const folder = freshFolder();
  const file = join(folder, 'slotkeeper.json');
  // Nothing that is sent is run.
  const config = { listen: { port: 0 }, journal: { path: join(folder, 'journal.db') } };
  writeFileSync(file, JSON.stringify(config));
  daemon = await DaemonProcess.start(['--config', file]);
});

describe('what is no request', () => {
  const HEAD = 'HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n';

  /** All that is answered to these bytes. */
  async function answerTo(bytes: string): Promise<string> {
    const { port, hostname } = new URL(daemon.url);
    const socket = connect(Number(port), hostname);
    socket.write(bytes);
    return text(socket);
  }

  /** A whole problem, as the API is described, under an id that is in the header and in the log, once. */
  async function expectProblem(answer: string, status: number) {
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    const problem = JSON.parse(body);
    const { code, requestId } = problem;
    expect(head).toContain('application/problem+json');
    expect(head).toContain(`x-request-id: ${requestId}`);
    expect(problem).toMatchObject({ type: `urn:slotkeeper:problem:${code}`, status });
    expect(problem).toMatchObject({ title: expect.any(String), detail: expect.any(String) });
    const line = await daemon.logged((line) => line.requestId === requestId);
    expect(line).toMatchObject({ msg: 'answered', at: expect.any(String), status });
    return problem;
  }

  test.each([
    ['nonsense', 'nonsense\r\n\r\n', '400'],
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
    ['a path that cannot be read', `GET /% ${HEAD}`, '400'],
    ['what nobody can expect', `GET /healthz ${HEAD}expect: a miracle\r\n`, '417'],
    [
      'a body where none is needed',
      `DELETE /v1/limits ${HEAD}content-type: application/json\r\n`,
      '200',
    ],
  ])('being answered: %s', async (_which, bytes, status) => {
    const answer = await answerTo(bytes.endsWith('\r\n\r\n') ? bytes : `${bytes}\r\n`);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    if (status !== '200') await expectProblem(answer, Number(status));
  });

  test.each([
    ['no Host', 'GET /v1/status HTTP/1.1\r\nconnection: close\r\n\r\n', 'host_required'],
    ['a path that cannot be read', `GET /v1/sessions/%ff ${HEAD}\r\n`, 'unsupported_request'],
    ['a method that needs a body', `QUERY /v1/sessions ${HEAD}\r\n`, 'unsupported_request'],
    [
      'a body that is no JSON',
      `POST /v1/sessions ${HEAD}content-type: application/json\r\ncontent-length: 1\r\n\r\n{`,
      'invalid_json',
    ],
  ])('being told what of it is wrong: %s', async (_which, bytes, code) => {
    const problem = await expectProblem(await answerTo(bytes), 400);
    expect(problem.code).toBe(code);
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
