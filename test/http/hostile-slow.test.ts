/**
 * Clients that are slow on purpose, a thousand that say nothing, and one that reads nothing of what he is
 * answered: the others are served meanwhile, and in the end the daemon hangs up on all of them.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until as untilSo } from '../support/commands.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';
import { allFrom, connectionTo, head, openFiles, residentBytes } from '../support/raw-sockets.ts';

const IDLE = 1_000;
const SLOW = 50;
/** More than the connection and both its ends hold. */
const ANSWERS = 600;
/** One sign of a request; it would take minutes until it is there. */
const DRIP_MS = 500;
const GONE = 'the client has gone away';
/** The daemon gives a request 30 s, and an answer as long to be taken. */
const TIMEOUT_MS = 120_000;

let daemon: DaemonProcess;
let before: { readonly files: number; readonly bytes: number };
let drip: NodeJS.Timeout;
const idle: Socket[] = [];
const slow: Socket[] = [];
let unread: Socket;
const answers: Promise<string>[] = [];

beforeAll(async () => {
  const folder = freshFolder();
  const file = join(folder, 'slotkeeper.json');
  writeFileSync(file, JSON.stringify({ listen: { port: 0 }, journal: { path: null } }));
  daemon = await DaemonProcess.start(['--config', file]);
  before = { files: openFiles(daemon), bytes: residentBytes(daemon) };
  while (idle.length < IDLE) idle.push(await connectionTo(daemon));
  unread = await connectionTo(daemon);
  unread.write(`${head('GET', '/openapi.json', 0)}\r\n`.repeat(ANSWERS));
  const beginnings = [
    'GET /v1/status HTTP/1.1\r\nx: ',
    `${head('POST', '/v1/sessions', 1_000)}\r\n"`,
  ];
  for (const beginning of beginnings) for (let at = 0; at < SLOW; at += 1) await begin(beginning);
  drip = setInterval(() => {
    for (const socket of slow) if (socket.writable) socket.write('x');
  }, DRIP_MS);
});

afterAll(() => {
  clearInterval(drip);
  for (const socket of [...idle, ...slow, unread]) socket.destroy();
});

async function begin(beginning: string): Promise<void> {
  const socket = await connectionTo(daemon);
  socket.write(beginning);
  slow.push(socket);
  answers.push(allFrom(socket));
}

describe('a thousand that say nothing, and a hundred that are slow', () => {
  test('keeping nobody else from being served', async () => {
    for (let asked = 0; asked < 200; asked += 1) {
      expect((await daemon.ask('GET', '/v1/status')).status).toBe(200);
    }
    expect(openFiles(daemon)).toBeGreaterThanOrEqual(before.files + IDLE + 2 * SLOW + 1);
    expect(residentBytes(daemon) - before.bytes).toBeLessThan(150 * 1024 * 1024);
  });

  test('being hung up on, with the reason', { timeout: TIMEOUT_MS }, async () => {
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatch(/^HTTP\/1.1 408 .+"code":"unsupported_request"/s);
    }
    for (const socket of idle) if (!socket.readableEnded) await once(socket.resume(), 'end');
    await daemon.logged(({ msg, at }) => at === '/openapi.json' && msg === GONE);
    await untilSo(() => openFiles(daemon) <= before.files + 5);
    expect((await daemon.ask('GET', '/readyz')).status).toBe(200);
  });
});
