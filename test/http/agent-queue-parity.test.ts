/**
 * What the queue of agents did before this daemon, and what was wrong with it: each test shows the behaviour that is
 * right, of the real process over a real socket. Its times are in `agent-queue-times.test.ts`; what outlives the daemon
 * is besides in `killed-daemon.test.ts` and `ending.test.ts`.
 */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AgentPlace, ends, noSessions } from '../support/agents.ts';
import { DaemonProcess, until } from '../support/daemon-process.ts';
import { Programs } from '../support/programs.ts';

const start = (daemon: DaemonProcess, group: string) =>
  daemon.ask('POST', '/api/agent/start', { config: {}, group });

/** How many wait before each of these; `undefined` for one that waits no more. */
async function ahead(daemon: DaemonProcess, ids: readonly string[]): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (const id of ids) seen.push((await daemon.ask('GET', `/v1/explain?runId=${id}`)).body.ahead);
  return seen;
}

/** Resolves when so many have begun, in whatever daemon. */
async function begun(daemon: DaemonProcess, place: AgentPlace, groups: string[]): Promise<void> {
  await until(
    () => daemon.ask('GET', '/healthz'),
    () => place.begun.length >= groups.length,
  );
  expect(place.begun).toEqual(groups);
}

describe('agents', () => {
  test('beginning in the order in which they came, as many as may work', async () => {
    const place = new AgentPlace();
    const daemon = await DaemonProcess.start(place.args, { MAX_CONCURRENT_AGENTS: '2' });
    const told = [];
    for (const group of ['a', 'b', 'c', 'd']) told.push((await start(daemon, group)).body);
    const queue = (position: number, running: number) => ({ position, running, maxConcurrency: 2 });
    expect(told).toMatchObject([
      { status: 'started', queue: queue(0, 1) },
      { status: 'started', queue: queue(0, 2) },
      { status: 'queued', queue: queue(0, 2) },
      { status: 'queued', queue: queue(1, 2) },
    ]);
    const { body } = await daemon.ask('GET', '/api/queue/status');
    expect(body).toMatchObject({ running: 2, queued: 2, utilizationPercent: 100 });
    // Two that are let go at a time write down in any order that they have begun.
    await until(
      () => daemon.ask('GET', '/healthz'),
      () => place.begun.length === 2,
    );
    const [a, b, c, d] = told.map(({ agentId }) => String(agentId));
    await daemon.ask('DELETE', `/v1/runs/${b}`);
    await begun(daemon, place, [...place.begun.slice(0, 2), 'c']);
    await daemon.ask('DELETE', `/v1/runs/${a}`);
    await begun(daemon, place, [...place.begun.slice(0, 3), 'd']);
    place.go();
    expect(await ends(daemon, [c, d].map(String))).toEqual(['succeeded', 'succeeded']);
    await noSessions(daemon);
  });

  test('counting down as those before them leave, or begin', async () => {
    const place = new AgentPlace();
    const daemon = await DaemonProcess.start(place.args);
    const [a, b, c, d] = await place.line(daemon, ['a', 'b', 'c', 'd']);
    const waiting = [b, c, d].map(String);
    expect(await ahead(daemon, waiting)).toEqual([0, 1, 2]);
    await daemon.ask('DELETE', `/v1/runs/${b}`);
    expect(await ahead(daemon, waiting)).toEqual([undefined, 0, 1]);
    await daemon.ask('DELETE', `/v1/runs/${a}`);
    await begun(daemon, place, ['a', 'c']);
    expect(await ahead(daemon, waiting)).toEqual([undefined, undefined, 0]);
    const { body } = await daemon.ask('GET', '/api/queue/status');
    expect(body).toMatchObject({ running: 1, queued: 1 });
  });

  test('getting what they are given as it is, which no shell sees', async () => {
    const place = new AgentPlace();
    const daemon = await DaemonProcess.start(place.args);
    const { folder } = new Programs();
    const group = `$(touch ${folder}/x) \`id\` "; touch ${folder}/x; ' € \u0000`;
    await place.line(daemon, [group]);
    expect(place.begun).toEqual([group]);
    expect(readdirSync(folder)).toEqual(['here']);
  });

  test('that nobody has started being unknown', async () => {
    const daemon = await DaemonProcess.start(new AgentPlace().args);
    for (const method of ['GET', 'DELETE']) {
      const { status, body } = await daemon.ask(method, '/v1/runs/nobody');
      expect([status, body.code]).toEqual([404, 'run_not_found']);
    }
  });

  test('being refused where so many wait as may, leaving nothing', async () => {
    const place = new AgentPlace({ limits: { maxWaiters: 1 } });
    const daemon = await DaemonProcess.start(place.args);
    await place.line(daemon, ['a', 'b']);
    const refused = await start(daemon, 'c');
    expect(refused).toMatchObject({ status: 429, body: { code: 'queue_full' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const { body } = await daemon.ask('GET', '/v1/status');
    expect(body).toMatchObject({ activeSessions: 2, activeRuns: 1, waitingRuns: 1 });
  });
});

test('an agent being refused where there is no session for it, before it has an id', async () => {
  const place = new AgentPlace({ limits: { maxParallelSessions: 2 } });
  const daemon = await DaemonProcess.start(place.args);
  await place.line(daemon, ['a', 'b']);
  const refused = await start(daemon, 'c');
  const full = { code: 'max_sessions_exceeded', limit: 2, active: 2 };
  expect(refused).toMatchObject({ status: 503, body: full });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect((await daemon.ask('GET', '/api/queue/status')).body).toMatchObject({ queued: 1 });
});

describe('an agent that is stopped', () => {
  test('being gone, its slot with it, and staying stopped', async () => {
    const place = new AgentPlace();
    const daemon = await DaemonProcess.start(place.args);
    const [a, b] = await place.line(daemon, ['a', 'b']);
    const stopped = await daemon.ask('DELETE', `/v1/runs/${a}`);
    const end = { state: 'cancelled', reason: 'cancelled', signal: 'SIGTERM', exitCode: null };
    expect(stopped).toMatchObject({ status: 200, body: end });
    await begun(daemon, place, ['a', 'b']);
    place.go();
    expect(await ends(daemon, [String(b)])).toEqual(['succeeded']);
    expect((await daemon.ask('GET', `/v1/runs/${a}`)).body).toEqual(stopped.body);
    const again = await daemon.ask('DELETE', `/v1/runs/${a}`);
    expect(again).toMatchObject({ status: 200, body: stopped.body });
  });

  test('while it waits never beginning, in no daemon, and each telling the same of it', async () => {
    const place = new AgentPlace();
    const first = await DaemonProcess.start(place.args);
    const [a, b, c] = await place.line(first, ['a', 'b', 'c']);
    const stopped = await first.ask('DELETE', `/v1/runs/${b}`);
    await first.kill();
    const end = { state: 'cancelled', reason: 'cancelled', startedAt: null, exitCode: null };
    expect(stopped).toMatchObject({ status: 200, body: { ...end, kind: 'agent', stdout: '' } });
    const second = await DaemonProcess.start(place.args);
    const found = await second.ask('GET', `/v1/runs/${b}`);
    const { endedAt: _, ...rest } = stopped.body;
    expect(found).toMatchObject({ status: 200, body: rest });
    place.go();
    expect(await ends(second, [a, b, c].map(String))).toEqual([
      'succeeded',
      'cancelled',
      'succeeded',
    ]);
    expect(place.begun).toEqual(['a', 'c']);
    await noSessions(second);
  });
});

test('an agent that waits too long being timed out alone, and found so by the next daemon', async () => {
  const place = new AgentPlace();
  const first = await DaemonProcess.start(place.args, { QUEUE_TIMEOUT_MS: '200' });
  const [a] = await place.line(first, ['a']);
  const b = await place.start(first, 'b');
  expect(await ends(first, [b])).toEqual(['timed_out']);
  const told = await first.ask('GET', `/v1/runs/${b}`);
  expect(told.body).toMatchObject({ reason: 'wait_timeout', startedAt: null, exitCode: null });
  // Who works is not cut, however long.
  expect((await first.ask('GET', `/v1/runs/${a}`)).body.state).toBe('running');
  await first.kill();
  const second = await DaemonProcess.start(place.args);
  const { endedAt: _, ...rest } = told.body;
  expect(await second.ask('GET', `/v1/runs/${b}`)).toMatchObject({ status: 200, body: rest });
  place.go();
  expect(await ends(second, [String(a)])).toEqual(['succeeded']);
  await noSessions(second);
  expect(place.begun).toEqual(['a']);
});

describe('the program of agents', () => {
  /** What ends the program, and how it may be written. */
  function programmed(script: string) {
    const command = new Programs().at('agent.sh');
    const write = () => writeFileSync(command, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return { write, remove: () => rmSync(command), place: { agent: { command } } };
  }

  test('that is not there any more giving each slot back, so that the next one begins', async () => {
    const { write, remove, place } = programmed('exit 0');
    write();
    const daemon = await DaemonProcess.start(new AgentPlace(place).args);
    remove();
    const failed = ['a', 'b', 'c'].map((group) => start(daemon, group));
    const ids = (await Promise.all(failed)).map(({ body }) => String(body.agentId));
    expect(await ends(daemon, ids)).toEqual(['failed', 'failed', 'failed']);
    const { body } = await daemon.ask('GET', `/v1/runs/${ids[0]}`);
    expect(body).toMatchObject({ error: { code: 'command_not_started' }, exitCode: null });
    expect(JSON.stringify(body)).not.toMatch(/\bat .+[jt]s:\d+/);
    write();
    const next = await start(daemon, 'd');
    expect(await ends(daemon, [String(next.body.agentId)])).toEqual(['succeeded']);
    await noSessions(daemon);
    const queue = await daemon.ask('GET', '/api/queue/status');
    expect(queue.body).toMatchObject({ running: 0, queued: 0, utilizationPercent: 0 });
  });

  test.each([
    ['kill -9 $$', { state: 'failed', exitCode: null, signal: 'SIGKILL' }],
    ['exit 137', { state: 'failed', exitCode: 137, signal: null }],
    ['exit 0', { state: 'succeeded', exitCode: 0, signal: null }],
  ])('that ends with `%s` being told as it was', async (script, end) => {
    const { write, place } = programmed(script);
    write();
    const daemon = await DaemonProcess.start(new AgentPlace(place).args);
    const { body } = await start(daemon, 'a');
    await ends(daemon, [String(body.agentId)]);
    expect((await daemon.ask('GET', `/v1/runs/${body.agentId}`)).body).toMatchObject(end);
  });
});
