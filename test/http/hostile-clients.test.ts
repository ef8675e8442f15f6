/**
 * Clients that go away at every stage, ask for too much, ask by another name, or ask without waiting for
 * answers. What they leave behind is nothing: no slot, no process, no connection.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { marked, until as untilSo } from '../support/commands.ts';
import { DaemonProcess, type LogLine, runsIn, until } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';
import { Connections } from '../support/raw-requests.ts';
import {
  allFrom,
  connectionTo,
  head,
  openFiles,
  residentBytes,
  written,
} from '../support/raw-sockets.ts';

const folder = freshFolder();
let daemon: DaemonProcess;

beforeAll(async () => {
  const file = join(folder, 'slotkeeper.json');
  const journal = { path: join(folder, 'journal.db') };
  const config = { listen: { port: 0 }, journal, exec: { enabled: true } };
  writeFileSync(file, JSON.stringify(config));
  daemon = await DaemonProcess.start(['--config', file]);
});

/** An exec in a session of its own that goes on for ever, and says when it has begun. */
async function endless(sessionId: string) {
  const { env, alive } = marked();
  const begun = (name: string) => join(folder, `${sessionId}-${name}`);
  const cmd = (name: string) => ['sh', '-c', `touch ${begun(name)}; sleep 1000 & sleep 1000`];
  await daemon.ask('POST', '/v1/sessions', { sessionId });
  const path = `/v1/sessions/${sessionId}`;
  return {
    path,
    alive,
    request: (name = 'one') => written('POST', `${path}/exec`, { cmd: cmd(name), env }),
    hasBegun: (name = 'one') => untilSo(() => existsSync(begun(name))),
  };
}

/** Resolves when the daemon has seen that the client of an exec is gone, after so many lines of its log. */
async function goneAfter(lines: number): Promise<void> {
  const isIt = ({ at, msg }: LogLine) =>
    at === '/v1/sessions/:id/exec' && msg === 'the client has gone away';
  await daemon.logged((line) => isIt(line) && daemon.log.indexOf(line) >= lines);
}

async function expectNothingLeft(path: string, alive: () => number[]): Promise<void> {
  await until(
    () => daemon.ask('GET', '/v1/status'),
    ({ body }) => body.activeRuns === 0,
  );
  expect(alive()).toEqual([]);
  expect(runsIn((await daemon.ask('GET', path)).body)).toEqual([]);
  expect(await daemon.ask('POST', `${path}/exec`, { cmd: ['true'] })).toMatchObject({
    body: { state: 'succeeded' },
  });
}

describe('a client that goes away', () => {
  test.each([
    ['before-the-body', 0],
    ['within-the-body', 20],
  ])('%s having begun nothing', async (sessionId, most) => {
    const { path, alive, request } = await endless(sessionId);
    const before = openFiles(daemon);
    const lines = daemon.log.length;
    const whole = request();
    const socket = await connectionTo(daemon);
    socket.write(whole.slice(0, whole.indexOf('\r\n\r\n') + 4 + most), () => socket.destroy());
    await goneAfter(lines);
    await untilSo(() => openFiles(daemon) <= before);
    expect(existsSync(join(folder, `${sessionId}-one`))).toBe(false);
    await expectNothingLeft(path, alive);
  });

  test('as soon as the request is written leaving nothing, whatever had begun', async () => {
    const { path, alive, request } = await endless('at-once');
    const socket = await connectionTo(daemon);
    const lines = daemon.log.length;
    socket.write(request(), () => socket.destroy());
    await goneAfter(lines);
    await expectNothingLeft(path, alive);
  });

  test('while the program is at work taking it with him, and all that it has started', async () => {
    const { path, alive, request, hasBegun } = await endless('at-work');
    const socket = await connectionTo(daemon);
    socket.write(request());
    await hasBegun();
    expect(alive().length).toBeGreaterThan(0);
    socket.destroy();
    await expectNothingLeft(path, alive);
  });

  test('who has asked twice before any answer taking both with him', async () => {
    const { path, alive, request, hasBegun } = await endless('asked-twice');
    const socket = await connectionTo(daemon);
    socket.write(request('one') + request('two'));
    await hasBegun('one');
    await hasBegun('two');
    socket.destroy();
    await expectNothingLeft(path, alive);
  });

  test('while his answers are written leaving nothing', async () => {
    const { path, alive } = await endless('answered');
    const before = openFiles(daemon);
    const cmd = ['sh', '-c', 'yes | head -c 1000000'];
    const { body } = await daemon.ask('POST', `${path}/exec`, { cmd });
    const socket = await connectionTo(daemon);
    socket.pause();
    socket.write(written('GET', `/v1/runs/${body.runId}`).repeat(30));
    await daemon.logged(({ at, msg }) => at === '/v1/runs/:id' && msg === 'answered');
    socket.destroy();
    await untilSo(() => openFiles(daemon) <= before);
    await expectNothingLeft(path, alive);
  });

  test('only with the half that he writes on being taken for gone', async () => {
    const { path, alive, request, hasBegun } = await endless('half');
    const socket = await connectionTo(daemon);
    socket.write(request());
    await hasBegun();
    socket.end();
    expect(await allFrom(socket)).toBe('');
    await expectNothingLeft(path, alive);
  });
});

describe('too much', () => {
  test('being refused by its length, before it is there', async () => {
    const socket = await connectionTo(daemon);
    socket.write(`${head('POST', '/v1/sessions', 10 ** 12)}\r\n`);
    expect(await allFrom(socket)).toMatch(/^HTTP\/1.1 413 .+"code":"unsupported_request"/s);
  });

  test('being read to its end where that is near, so that the answer arrives', async () => {
    const size = 8 * 1024 * 1024;
    const socket = await connectionTo(daemon);
    const answers = allFrom(socket);
    socket.write(`${head('POST', '/v1/sessions', size)}\r\n${'x'.repeat(size)}`);
    socket.write(`${head('GET', '/healthz', 0)}connection: close\r\n\r\n`);
    expect(await answers).toMatch(/^HTTP\/1.1 413 .+HTTP\/1.1 200 /s);
  });

  test('being hung up on where it does not tell its length', async () => {
    const before = residentBytes(daemon);
    const socket = await connectionTo(daemon);
    const answer = allFrom(socket);
    const type = 'content-type: application/json\r\ntransfer-encoding: chunked\r\n';
    socket.write(`${head('POST', '/v1/sessions', 0)}${type}\r\n`);
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const feed = () => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', feed);
    feed();
    // Whoever goes on writing may not get to read it.
    expect((await answer) || 'HTTP/1.1 413 ').toMatch(/^HTTP\/1.1 413 /);
    expect(residentBytes(daemon) - before).toBeLessThan(100 * 1024 * 1024);
  });
});

describe('another name', () => {
  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.nip.io:80',
    'localhost@evil.example',
    '[::1].evil.example',
  ])('not being answered to: Host %j', async (host) => {
    await expectRefused({ host }, 'host_not_allowed');
  });

  test.each(['https://evil.example', 'null', 'http://localhost', ''])(
    'not being asked from: Origin %j',
    async (origin) => {
      await expectRefused({ origin }, 'origin_not_allowed');
    },
  );

  async function expectRefused(headers: Record<string, string>, code: string): Promise<void> {
    const connections = new Connections(daemon.url, 1);
    for (const path of ['/v1/status', '/v1/events', '/healthz', '/openapi.json', '/nothing']) {
      const reply = await connections.ask({ method: 'GET', path, headers });
      expect({ path, status: reply.status, ...JSON.parse(reply.text) }).toMatchObject({
        path,
        status: 403,
        code,
      });
    }
    connections.close();
  }
});

describe('asking without waiting for answers', () => {
  test('being answered in order', async () => {
    const socket = await connectionTo(daemon);
    const names = Array.from({ length: 500 }, (_, at) => `nobody-${at}`);
    const asked = names.map((name) => written('GET', `/v1/sessions/${name}`)).join('');
    socket.write(`${asked}${head('GET', '/healthz', 0)}connection: close\r\n\r\n`);
    const answers = [...(await allFrom(socket)).matchAll(/"sessionId":"(nobody-\d+)"/g)];
    expect(answers.map(([, name]) => name)).toEqual(names);
  });

  test('being answered in order also where the first takes longest', async () => {
    const { path } = await endless('in-order');
    const socket = await connectionTo(daemon);
    const exec = written('POST', `${path}/exec`, { cmd: ['sh', '-c', 'sleep 0.2; echo slow'] });
    socket.write(`${exec}${head('GET', '/v1/sessions/nobody', 0)}connection: close\r\n\r\n`);
    expect(await allFrom(socket)).toMatch(/^HTTP\/1.1 200 .+"stdout":"slow.+HTTP\/1.1 404 /s);
  });
});
