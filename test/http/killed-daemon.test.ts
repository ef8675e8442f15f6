/**
 * A daemon that is killed in the middle of everything: what it has answered is there in the next one.
 *
 * On the built package, with real processes: `npm test` builds first.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AgentPlace, ends, noSessions } from '../support/agents.ts';
import { fileWith } from '../support/config-files.ts';
import { DaemonProcess, runsIn, until } from '../support/daemon-process.ts';
import { freshPlace } from '../support/journal-places.ts';

/** Free for each daemon: it says where it listens. */
const listen = { port: 0 };

function configOf(journal: string, more: object = {}): string {
  const config = { listen, journal: { path: journal }, exec: { enabled: true }, ...more };
  return fileWith(JSON.stringify(config));
}

test('a session and its exec being there after kill -9, and the outcome told when it ends', async () => {
  const journal = freshPlace();
  const args = ['--config', configOf(journal)];
  const go = `${journal}.go`;
  const first = await DaemonProcess.start(args);
  const opened = await first.ask('POST', '/v1/sessions', {
    sessionId: 's1',
    labels: { for: 'ci' },
  });
  expect(opened).toMatchObject({ status: 201, body: { sessionId: 's1', isDurable: true } });
  // It goes on when it is told to, so it runs still when the next daemon comes.
  const script = `echo begun > ${journal}.begun; echo begun; until [ -e ${go} ]; do sleep 0.05; done; echo done; exit 7`;
  const exec = first.ask('POST', '/v1/sessions/s1/exec', { cmd: ['sh', '-c', script] });
  exec.catch(() => {}); // its daemon is killed before it answers
  const atWork = await until(
    () => first.ask('GET', '/v1/sessions/s1'),
    // The program has begun, and its run was there when the daemon answered.
    ({ body }) => existsSync(`${journal}.begun`) && runsIn(body).length > 0,
  );
  const [{ runId } = { runId: '' }] = runsIn(atWork.body);
  await first.kill();
  await expect(exec).rejects.toThrow();

  const second = await DaemonProcess.start(args);
  const found = await second.ask('GET', '/v1/sessions/s1');
  expect(found).toMatchObject({
    status: 200,
    body: {
      state: 'active',
      owner: 'local',
      labels: { for: 'ci' },
      createdAt: opened.body.createdAt,
      runs: [{ runId, kind: 'exec', state: 'running' }],
    },
  });
  const adopted = await second.ask('GET', `/v1/runs/${runId}`);
  expect(adopted).toMatchObject({ status: 200, body: { state: 'running', stdout: 'begun\n' } });
  writeFileSync(go, '');
  const ended = await until(
    () => second.ask('GET', `/v1/runs/${runId}`),
    ({ body }) => body.endedAt !== null,
  );
  expect(ended).toMatchObject({
    status: 200,
    body: { state: 'failed', exitCode: 7, signal: null, stdout: 'begun\ndone\n', stderr: '' },
  });
  expect((await second.ask('GET', '/v1/sessions/s1')).body.runs).toEqual([]);
  const next = await second.ask('POST', '/v1/sessions/s1/exec', { cmd: ['echo', 'here'] });
  expect(next).toMatchObject({ status: 200, body: { state: 'succeeded', stdout: 'here\n' } });
});

test('an agent being taken up, and its session closed when it is gone', async () => {
  const journal = freshPlace();
  const script = `touch ${journal}.begun; until [ -e ${journal}.go ]; do sleep 0.05; done`;
  const args = ['--config', configOf(journal, { agent: { command: 'sh', args: ['-c', script] } })];
  const first = await DaemonProcess.start(args);
  const { body } = await first.ask('POST', '/api/agent/start', { config: {}, group: 'g' });
  await until(
    async () => existsSync(`${journal}.begun`),
    (hasBegun) => hasBegun,
  );
  await first.kill();

  const second = await DaemonProcess.start(args);
  const queue = await second.ask('GET', '/api/queue/status');
  expect(queue.body).toMatchObject({ running: 1, queued: 0, utilizationPercent: 100 });
  writeFileSync(`${journal}.go`, '');
  await noSessions(second);
  const ended = await second.ask('GET', `/v1/runs/${body.agentId}`);
  expect(ended.body).toMatchObject({ state: 'succeeded', exitCode: 0 });
});

test('an exec that had ended being found, with its outcome and what it has printed', async () => {
  const args = ['--config', configOf(freshPlace())];
  const first = await DaemonProcess.start(args);
  await first.ask('POST', '/v1/sessions', { sessionId: 's1' });
  const cmd = ['sh', '-c', 'echo out; echo err >&2; exit 7'];
  const { body } = await first.ask('POST', '/v1/sessions/s1/exec', { cmd });
  expect(body).toMatchObject({ state: 'failed', exitCode: 7, stdout: 'out\n', stderr: 'err\n' });
  await first.kill();
  const second = await DaemonProcess.start(args);
  const found = await second.ask('GET', `/v1/runs/${body.runId}`);
  expect(found).toMatchObject({ status: 200, body: { ...body, endedAt: expect.any(Number) } });
});

test('agents that had ended being found, of which nothing else is left', async () => {
  const place = new AgentPlace();
  const first = await DaemonProcess.start(place.args);
  place.go();
  const ids = await place.line(first, ['a', 'b']);
  expect(await ends(first, ids)).toEqual(['succeeded', 'succeeded']);
  await first.kill();
  const second = await DaemonProcess.start(place.args);
  expect(await ends(second, ids)).toEqual(['succeeded', 'succeeded']);
  await noSessions(second);
});

test('agents that wait waiting again, and beginning in their order with what they were given', async () => {
  const place = new AgentPlace();
  const first = await DaemonProcess.start(place.args);
  const ids = await place.line(first, ['a', 'b', 'c']);
  await first.kill();
  const second = await DaemonProcess.start(place.args);
  const [, ...waiting] = ids;
  const queue = await second.ask('GET', '/api/queue/status');
  expect(queue.body).toMatchObject({ running: 1, queued: 2 });
  for (const [ahead, id] of waiting.entries()) {
    const { body } = await second.ask('GET', `/v1/explain?runId=${id}`);
    expect(body).toMatchObject({ state: 'waiting', ahead });
  }
  const late = await second.ask('POST', '/api/agent/start', { config: {}, group: 'd' });
  expect(late.body).toMatchObject({ status: 'queued', queue: { position: 2, running: 1 } });
  expect(place.begun).toEqual(['a']);
  place.go();
  const all = [...ids, String(late.body.agentId)];
  expect(await ends(second, all)).toEqual(all.map(() => 'succeeded'));
  expect(place.begun).toEqual(['a', 'b', 'c', 'd']);
  await noSessions(second);
});

test('an agent that waits too long, timing out in whichever daemon that is', async () => {
  const place = new AgentPlace({ queueTimeoutMs: 5_000 });
  const first = await DaemonProcess.start(place.args);
  await place.line(first, ['a']);
  const waiting = await place.start(first, 'b');
  await first.kill();
  const second = await DaemonProcess.start(place.args);
  expect(await ends(second, [waiting])).toEqual(['timed_out']);
  const { body } = await second.ask('GET', `/v1/runs/${waiting}`);
  expect(body).toMatchObject({ reason: 'wait_timeout', startedAt: null });
  place.go();
  await noSessions(second);
  expect(place.begun).toEqual(['a']);
});
