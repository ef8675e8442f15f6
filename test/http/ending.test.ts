/**
 * How the daemon ends when it is told to, by the real process.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AgentPlace, ends, noSessions } from '../support/agents.ts';
import { marked } from '../support/commands.ts';
import { DaemonProcess, until } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';

function place(drainTimeoutMs: number): { folder: string; args: string[] } {
  const folder = freshFolder();
  const file = join(folder, 'slotkeeper.json');
  const journal = { path: join(folder, 'data', 'journal.db') };
  const exec = { enabled: true };
  writeFileSync(file, JSON.stringify({ listen: { port: 0 }, journal, exec, drainTimeoutMs }));
  return { folder, args: ['--config', file] };
}

/** An exec that is at work, and goes on until there is a file `go`. */
async function execInBackground(daemon: DaemonProcess, folder: string) {
  await daemon.ask('POST', '/v1/sessions', { sessionId: 's' });
  const script = `touch ${folder}/begun; until [ -e ${folder}/go ]; do sleep 0.02; done`;
  const exec = daemon.ask('POST', '/v1/sessions/s/exec', { cmd: ['sh', '-c', script] });
  exec.catch(() => {}); // looked at later
  await until(
    () => daemon.ask('GET', '/healthz'),
    () => existsSync(join(folder, 'begun')),
  );
  return { reply: exec };
}

/** One that goes on though it is told to end. */
async function stubborn(daemon: DaemonProcess, folder: string) {
  const { env, alive } = marked();
  await daemon.ask('POST', '/v1/sessions', { sessionId: 's' });
  const script = `trap '' TERM; touch ${folder}/begun; while :; do sleep 1; done`;
  const cmd = ['sh', '-c', script];
  daemon.ask('POST', '/v1/sessions/s/exec', { cmd, env }).catch(() => {}); // it may be cut off
  await until(
    () => daemon.ask('GET', '/healthz'),
    () => existsSync(join(folder, 'begun')),
  );
  return { alive };
}

/** Resolves when it has heard the signal. */
async function told(daemon: DaemonProcess, count: number): Promise<void> {
  daemon.signal('SIGTERM');
  await daemon.logged((line) => line.msg === 'told to end' && line.count === count);
}

describe('SIGTERM', () => {
  test('letting work end, refusing newcomers, and leaving durable sessions', async () => {
    const { folder, args } = place(60_000);
    const daemon = await DaemonProcess.start(args);
    const exec = await execInBackground(daemon, folder);
    daemon.signal('SIGTERM');
    const ready = await until(
      () => daemon.ask('GET', '/readyz'),
      ({ status }) => status !== 200,
    );
    expect(ready).toMatchObject({ status: 503, body: { status: 'draining' } });
    expect(await daemon.ask('POST', '/v1/sessions', {})).toMatchObject({
      status: 503,
      body: { code: 'draining' },
    });
    expect(await daemon.ask('POST', '/v1/sessions/s/exec', { cmd: ['true'] })).toMatchObject({
      status: 503,
      body: { code: 'draining' },
    });
    writeFileSync(join(folder, 'go'), '');
    expect(await exec.reply).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    expect(await daemon.ended()).toBe(0);
    const next = await DaemonProcess.start(args);
    expect(await next.ask('GET', '/v1/sessions/s')).toMatchObject({ status: 200 });
  });

  test('killing what has not ended in time', async () => {
    const { folder, args } = place(0);
    const daemon = await DaemonProcess.start(args);
    const exec = await execInBackground(daemon, folder);
    daemon.signal('SIGTERM');
    expect(await exec.reply).toMatchObject({
      status: 200,
      body: { state: 'interrupted', reason: 'shutdown', signal: 'SIGTERM' },
    });
    expect(await daemon.ended()).toBe(0);
  });

  test('leaving agents that wait to the next daemon, when the one at work has ended', async () => {
    const place = new AgentPlace({ drainTimeoutMs: 1_000_000 });
    const daemon = await DaemonProcess.start(place.args);
    const ids = await place.line(daemon, ['a', 'b', 'c']);
    daemon.signal('SIGTERM');
    await until(
      () => daemon.ask('GET', '/readyz'),
      ({ status }) => status === 503,
    );
    const newcomer = await daemon.ask('POST', '/api/agent/start', { config: {}, group: 'd' });
    expect(newcomer).toMatchObject({ status: 503, body: { code: 'draining' } });
    const queue = await daemon.ask('GET', '/api/queue/status');
    expect(queue.body).toMatchObject({ running: 1, queued: 2 });
    place.go();
    expect(await daemon.ended()).toBe(0);
    expect(place.begun).toEqual(['a']);

    const next = await DaemonProcess.start(place.args);
    expect(await ends(next, ids)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(place.begun).toEqual(['a', 'b', 'c']);
    await noSessions(next);
  });

  test('killing an agent that has not ended in time, of which the next daemon tells', async () => {
    const place = new AgentPlace({ drainTimeoutMs: 0 });
    const daemon = await DaemonProcess.start(place.args);
    const ids = await place.line(daemon, ['a', 'b']);
    daemon.signal('SIGTERM');
    expect(await daemon.ended()).toBe(0);
    place.go();
    const next = await DaemonProcess.start(place.args);
    expect(await ends(next, ids)).toEqual(['interrupted', 'succeeded']);
    const { body } = await next.ask('GET', `/v1/runs/${ids[0]}`);
    expect(body).toMatchObject({ reason: 'shutdown', signal: 'SIGTERM' });
    await noSessions(next);
  });

  test('that comes twice ending the wait', async () => {
    const { folder, args } = place(1_000_000);
    const daemon = await DaemonProcess.start(args);
    const exec = await execInBackground(daemon, folder);
    exec.reply.catch(() => {}); // whether it is still answered is not promised
    daemon.signal('SIGTERM');
    await until(
      () => daemon.ask('GET', '/readyz'),
      ({ status }) => status !== 200,
    );
    daemon.signal('SIGTERM');
    expect(await daemon.ended()).toBe(0);
  });

  test('that comes again killing what does not want to end', async () => {
    const { args, folder } = place(1_000_000);
    const daemon = await DaemonProcess.start(args);
    const { alive } = await stubborn(daemon, folder);
    await told(daemon, 1);
    await told(daemon, 2);
    expect(await daemon.ended()).toBe(0);
    expect(alive()).toEqual([]);
  });

  test('that comes a third time leaving it to the next daemon', async () => {
    const { args, folder } = place(1_000_000);
    const daemon = await DaemonProcess.start(args);
    const { alive } = await stubborn(daemon, folder);
    await told(daemon, 1);
    await told(daemon, 2);
    expect(alive()).not.toEqual([]);
    daemon.signal('SIGTERM');
    expect(await daemon.ended()).toBe(0);
    const next = await DaemonProcess.start(args);
    await until(
      () => next.ask('GET', '/v1/status'),
      ({ body }) => body.activeRuns === 0,
    );
    expect(alive()).toEqual([]);
  });

  test('ending who only looks on', async () => {
    const { args } = place(0);
    const daemon = await DaemonProcess.start(args);
    const { body } = await fetch(`${daemon.url}/v1/events`);
    const looking = body?.getReader();
    await looking?.read();
    daemon.signal('SIGINT');
    expect(await daemon.ended()).toBe(0);
  });
});

describe('serve', () => {
  test('telling what is wrong with its configuration, with status 78', async () => {
    await expect(DaemonProcess.start(['--max-runs', '0'])).rejects.toThrow(
      /ended with 78: .*\n.*--max-runs/,
    );
  });

  test('not serving a journal that another one has', async () => {
    const { args } = place(0);
    await DaemonProcess.start(args);
    await expect(DaemonProcess.start(args)).rejects.toThrow('[journal_in_use]');
  });
});
