/**
 * A keeper's link to a host that answers, or hangs. The host is played by a server of the test, and who is to be
 * killed for it by a process that sleeps.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, test } from 'vitest';
import { writeCard } from '../../src/executors/host-card.ts';
import { HostLink } from '../../src/executors/host-link.ts';
import { type HostRequest, listenTo, say } from '../../src/executors/host-protocol.ts';
import { identify, type ProcessIdentity } from '../../src/executors/process-table.ts';
import { makePlace } from '../support/host-places.ts';
import { freshFolder } from '../support/journal-places.ts';

/** Short, for a host that is known to be silent. */
const IMPATIENT = { everyMs: 10, beforeHello: 3, afterHello: 3 };
const servers = new Set<Server>();
const sleepers = new Set<ChildProcess>();

afterEach(() => {
  for (const server of servers) server.close();
  for (const sleeper of sleepers) sleeper.kill('SIGKILL');
  servers.clear();
  sleepers.clear();
});

/** A process that could be a host. */
function sleeping() {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  sleepers.add(child);
  const identity = identify(child.pid ?? 0) as ProcessIdentity; // it was just started
  return { identity, signal: once(child, 'exit').then(([, signal]) => signal as string), child };
}

/** A spool whose host does this with whoever comes. */
async function hostThat(meets: (socket: Socket) => void) {
  const spoolDir = freshFolder();
  const path = makePlace(spoolDir);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    meets(socket);
  }).listen(path);
  servers.add(server);
  await once(server, 'listening');
  return { spoolDir, path };
}

function lostOf(link: HostLink, attempt: string): Promise<string> {
  return new Promise((resolve) => {
    link.expect(attempt, { ended: () => resolve('ended'), hostLost: () => resolve('lost') });
  });
}

describe('a host that never says hello', () => {
  test('being killed, if it has said who it is', async () => {
    const { identity, signal } = sleeping();
    const { spoolDir, path } = await hostThat((socket) => socket.resume());
    writeCard(path, identity);
    expect(await new HostLink(spoolDir, IMPATIENT).find()).toBeUndefined();
    expect(await signal).toBe('SIGKILL');
  });

  test('being given up, if nobody knows who it is', async () => {
    const { identity, child } = sleeping();
    const { spoolDir, path } = await hostThat((socket) => socket.resume());
    expect(await new HostLink(spoolDir, IMPATIENT).find()).toBeUndefined();
    // Of a process before.
    writeCard(path, { ...identity, startTicks: 1 });
    expect(await new HostLink(spoolDir, IMPATIENT).find()).toBeUndefined();
    expect(child).toMatchObject({ exitCode: null, signalCode: null });
  });

  test('not being waited for, nor killed, by a keeper that has stopped', async () => {
    const { identity, child } = sleeping();
    let link: HostLink | undefined;
    const { spoolDir, path } = await hostThat(() => link?.close());
    writeCard(path, identity);
    link = new HostLink(spoolDir);
    expect(await link.find()).toBeUndefined();
    expect(child).toMatchObject({ exitCode: null, signalCode: null });
  });
});

describe('a host that falls silent', () => {
  test('being killed, and those who wait for its commands being told', async () => {
    const { identity, signal } = sleeping();
    const { spoolDir } = await hostThat((socket) => {
      socket.resume();
      say(socket, { type: 'hello', identity, running: ['1.1'] });
    });
    const link = new HostLink(spoolDir, IMPATIENT);
    const lost = lostOf(link, '1.1');
    expect(await link.find()).toEqual(new Set(['1.1']));
    expect(await lost).toBe('lost');
    expect(await signal).toBe('SIGKILL');
  });

  test('being left in peace where it never answers such questions', async () => {
    const { spoolDir } = await hostThat((socket) => {
      socket.resume();
      say(socket, { type: 'hello', running: [] });
      // Far longer than its keeper's patience.
      setTimeout(() => say(socket, { type: 'ended', attempt: '1.1', end: {} as never }), 200); // its end is not looked at
    });
    const link = new HostLink(spoolDir, IMPATIENT);
    const told = lostOf(link, '1.1');
    await link.find();
    expect(await told).toBe('ended');
    link.close();
  });
});

describe('a host that answers', () => {
  const answering = (identity: ProcessIdentity, questions: (count: number) => void) => {
    let count = 0;
    return hostThat((socket) => {
      say(socket, { type: 'hello', identity, running: [] });
      listenTo<HostRequest>(socket, ({ type }) => {
        if (type === 'ping') say(socket, { type: 'pong' });
        count += 1;
        questions(count);
      });
    });
  };

  test('being asked again and again, and living on', async () => {
    const { identity, child } = sleeping();
    let link: HostLink | undefined;
    await new Promise<void>((resolve, reject) => {
      answering(identity, (count) => count === 30 && resolve()).then(({ spoolDir }) => {
        link = new HostLink(spoolDir, IMPATIENT);
        lostOf(link, '1.1').then(() => reject(new Error('it was lost')));
        return link.find();
      }, reject);
    });
    link?.close();
    expect(child).toMatchObject({ exitCode: null, signalCode: null });
  });

  test('living on when its keeper, or the whole machine, stands still for long', async () => {
    const { identity, child } = sleeping();
    let link: HostLink | undefined;
    await new Promise<void>((resolve, reject) => {
      const standStill = (count: number) => {
        const until = performance.now() + (count % 5 === 0 ? 100 : 0);
        while (performance.now() < until);
        if (count === 20) resolve();
      };
      answering(identity, standStill).then(({ spoolDir }) => {
        link = new HostLink(spoolDir, IMPATIENT);
        lostOf(link, '1.1').then(() => reject(new Error('it was lost')));
        return link.find();
      }, reject);
    });
    link?.close();
    expect(child).toMatchObject({ exitCode: null, signalCode: null });
  });
});
