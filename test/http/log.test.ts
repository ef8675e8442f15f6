/**
 * The log of a daemon: what is in it, and what becomes of the daemon whose log nobody reads.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { DaemonProcess, type LogLine } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';

/** Of log lines: more than the pipe and both its ends hold. */
const MANY = 2_000;

let daemon: DaemonProcess;

beforeAll(async () => {
  const file = join(freshFolder(), 'slotkeeper.json');
  writeFileSync(file, JSON.stringify({ listen: { port: 0 }, journal: { path: null } }));
  daemon = await DaemonProcess.start(['--config', file]);
});

function answersAt(place: string): LogLine[] {
  return daemon.log.filter(({ msg, at }) => msg === 'answered' && at === place);
}

test('requests being answered while nobody reads it, and told when somebody does', async () => {
  daemon.leaveLog();
  for (let n = 0; n < MANY; n += 1) {
    expect((await daemon.ask('GET', '/v1/sessions/none')).status).toBe(404);
  }
  const last = (await daemon.ask('GET', '/v1/runs/none')).headers.get('x-request-id');
  daemon.readLog();
  await daemon.logged(({ requestId }) => requestId === last);
  expect(answersAt('/v1/sessions/:id')).toHaveLength(MANY);
});

test('who only watches not being in it, unless he is not answered well', async () => {
  await daemon.ask('GET', '/healthz');
  await daemon.ask('GET', '/v1/status');
  const foreign = { headers: { origin: 'http://example.org' } };
  await daemon.ask('GET', '/v1/status', undefined, foreign);
  const last = (await daemon.ask('GET', '/v1/runs/none')).headers.get('x-request-id');
  await daemon.logged(({ requestId }) => requestId === last);
  expect([answersAt('/healthz').length, answersAt('/v1/status').length]).toEqual([0, 1]);
});
