/**
 * How the daemon starts, and what it does to what the one before it has left when it cannot.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { AgentPlace, ends, noSessions } from '../support/agents.ts';
import { DaemonProcess, MAIN } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';

describe('a daemon that cannot listen', () => {
  test('not touching what the one before has left at work and waiting', async () => {
    const place = new AgentPlace();
    const first = await DaemonProcess.start(place.args);
    const ids = await place.line(first, ['a', 'b', 'c']);
    await first.kill();

    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number }; // of a port
    const there = place.argsWith('taken.json', { listen: { port } });
    await expect(DaemonProcess.start(there)).rejects.toThrow(
      /ended with 1: .*somebody listens there.* \[check_failed\]/s,
    );
    other.close();

    const next = await DaemonProcess.start(place.args);
    const queue = await next.ask('GET', '/api/queue/status');
    expect(queue.body).toMatchObject({ running: 1, queued: 2 });
    place.go();
    expect(await ends(next, ids)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(place.begun).toEqual(['a', 'b', 'c']);
    await noSessions(next);
  });

  test('saying in one line what keeps it from that', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number }; // of a port
    const folder = freshFolder();
    writeFileSync(join(folder, 'file'), '');
    const config = { listen: { port }, journal: { path: join(folder, 'file', 'journal.db') } };
    const file = join(folder, 'slotkeeper.json');
    writeFileSync(file, JSON.stringify(config));
    const fault = await DaemonProcess.start(['--config', file]).catch(({ message }) => message);
    other.close();
    expect(fault).toMatch(/listen: .* somebody listens there/);
    expect(fault).toMatch(/journal: .* is no folder/);
    expect(fault).not.toMatch(/^ +at /m);
  });
});

test('a daemon whose log has no room going on, and ending as it is told', async () => {
  const file = join(freshFolder(), 'slotkeeper.json');
  writeFileSync(file, JSON.stringify({ listen: { port: 0 }, journal: { path: null } }));
  const log = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', file, '--try'], {
    stdio: ['ignore', log, 'pipe'],
  });
  const [said] = await once(child.stderr as Readable, 'data');
  const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(String(said)) ?? [''];
  for (let n = 0; n < 100; n += 1) {
    expect((await fetch(`${url}/v1/sessions/none`)).status).toBe(404);
  }
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});
