/**
 * Clients who do not read what they are answered, on real sockets: hung up on when they take nothing of it; not
 * when they have to wait for what comes next.
 */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { hangUpUntaken } from '../../src/http/untaken-answer.ts';

/** More than the connection and both its ends hold. */
const LONG = Buffer.alloc(32 * 1024 * 1024, 'x');
const REQUEST = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';
const FOR_EVER_MS = 3_600_000;

/** A server with this patience, somebody who has asked so many things and reads nothing, and both ends. */
async function asked(times: number, patienceMs: number, answer: RequestListener) {
  const server = createServer((request, response) => {
    hangUpUntaken(response, patienceMs);
    answer(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo; // it listens on a port
  const client = connect(port, '127.0.0.1');
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  client.write(REQUEST.repeat(times));
  const [socket] = (await once(server, 'connection')) as [Socket]; // as it is described
  return { client, server, socket };
}

test('who takes nothing being hung up on', async () => {
  const { socket } = await asked(1, 10, (_request, response) => response.end(LONG));
  await once(socket, 'close');
  expect(socket.destroyed).toBe(true);
});

test('who takes nothing being hung up on, however short each of his answers is', async () => {
  const short = Buffer.alloc(100_000, 'x');
  const { socket } = await asked(1_000, 10, (_request, response) => response.end(short));
  await once(socket, 'close');
  expect(socket.destroyed).toBe(true);
});

test('who has taken all having the time of a connection that is kept', async () => {
  const { client, server, socket } = await asked(1, FOR_EVER_MS, (_request, response) => {
    response.end(LONG);
    response.once('finish', () => server.emit('answered'));
  });
  client.resume();
  await once(server, 'answered');
  expect(socket.timeout).toBeGreaterThan(0);
  expect(socket.timeout).toBeLessThan(FOR_EVER_MS);
});

test('who has taken all having to wait for the next as long as it needs', async () => {
  const answers = [LONG];
  const { client, server, socket } = await asked(2, FOR_EVER_MS, (_request, response) => {
    const answer = answers.pop();
    if (!answer) return;
    response.end(answer);
    response.once('finish', () => server.emit('answered'));
  });
  client.resume();
  await once(server, 'answered');
  expect(socket.timeout).toBe(0);
});
