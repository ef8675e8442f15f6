/**
 * What was asked for under an `Idempotency-Key` when the client was cut off, or the daemon killed: done once,
 * whichever daemon is asked again.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { until } from '../support/commands.ts';
import { fileWith } from '../support/config-files.ts';
import { DaemonProcess, type Reply } from '../support/daemon-process.ts';
import { freshPlace } from '../support/journal-places.ts';

const KEYED = { headers: { 'idempotency-key': 'k1' } };

/** Daemons one after the other on one journal, and a program that says each time that it is begun. */
function place() {
  const journal = freshPlace();
  const begun = `${journal}.begun`;
  const go = `${journal}.go`;
  const script = `echo begun >> ${begun}; until [ -e ${go} ]; do sleep 0.05; done; echo printed`;
  const program = ['sh', '-c', script];
  const [command, ...args] = program;
  const config = {
    listen: { port: 0 },
    journal: { path: journal },
    exec: { enabled: true },
    agent: { command, args },
  };
  const file = fileWith(JSON.stringify(config));
  return {
    program,
    start: () => DaemonProcess.start(['--config', file]),
    letGo: () => writeFileSync(go, ''),
    hasBegun: () => until(() => existsSync(begun)),
    timesBegun: () => readFileSync(begun, 'utf8').split('begun').length - 1,
  };
}

function execIn(daemon: DaemonProcess, cmd: readonly string[]): Promise<Reply> {
  return daemon.ask('POST', '/v1/sessions/s1/exec', { cmd }, KEYED);
}

describe('a client who is cut off from his exec', () => {
  test.each([
    ['being answered by it when he asks again', {}, 'succeeded', 'printed\n'],
    ['having ended it where he has said so', { onDisconnect: 'cancel' }, 'cancelled', ''],
  ])('%s', async (_, said, state, stdout) => {
    const { program, start, letGo, hasBegun, timesBegun } = place();
    const daemon = await start();
    await daemon.ask('POST', '/v1/sessions', { sessionId: 's1' });
    const path = '/v1/sessions/s1/exec';
    const cut = new AbortController();
    const init = { ...KEYED, signal: cut.signal };
    const unanswered = daemon.ask('POST', path, { cmd: program, ...said }, init);
    unanswered.catch(() => {}); // he is cut off
    await hasBegun();
    cut.abort();
    await daemon.logged(({ msg }) => msg === 'the client has gone away');
    const answer = daemon.ask('POST', path, { cmd: program, ...said }, KEYED);
    if (state === 'succeeded') letGo();
    expect(await answer).toMatchObject({ status: 200, body: { state, stdout } });
    expect(timesBegun()).toBe(1);
  });
});

describe('after kill -9 the same request under the same key', () => {
  test('being answered by the exec that goes on', async () => {
    const { program, start, letGo, hasBegun, timesBegun } = place();
    const first = await start();
    await first.ask('POST', '/v1/sessions', { sessionId: 's1' });
    const unanswered = execIn(first, program);
    unanswered.catch(() => {}); // its daemon is killed before it answers
    await hasBegun();
    await first.kill();
    await expect(unanswered).rejects.toThrow();

    const second = await start();
    const answer = execIn(second, program);
    letGo();
    expect(await answer).toMatchObject({
      status: 200,
      body: { state: 'succeeded', stdout: 'printed\n' },
    });
    expect((await answer).headers.get('idempotency-replayed')).toBe('true');
    expect(timesBegun()).toBe(1);
  });

  test('being answered by the exec that has ended, and refused with another request', async () => {
    const { program, start, letGo, timesBegun } = place();
    const first = await start();
    await first.ask('POST', '/v1/sessions', { sessionId: 's1' });
    letGo();
    const { endedAt: _toTheMillisecond, ...body } = (await execIn(first, program)).body;
    await first.kill();

    const second = await start();
    expect(await execIn(second, program)).toMatchObject({ status: 200, body });
    // From its memory now.
    expect(await execIn(second, program)).toMatchObject({ status: 200, body });
    await second.kill();
    const third = await start();
    expect(await execIn(third, ['echo', 'other'])).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
    expect(timesBegun()).toBe(1);
  });

  test('being answered by the agent that goes on', async () => {
    const { start, letGo, hasBegun, timesBegun } = place();
    const first = await start();
    const start1 = await first.ask('POST', '/api/agent/start', { config: {}, group: 'g' }, KEYED);
    await hasBegun();
    await first.kill();

    const second = await start();
    const start2 = await second.ask('POST', '/api/agent/start', { config: {}, group: 'g' }, KEYED);
    expect(start2).toMatchObject({ status: 200, body: { agentId: start1.body.agentId } });
    expect(start2.body).toMatchObject({ status: 'started', queue: { position: 0, running: 1 } });
    letGo();
    expect(timesBegun()).toBe(1);
  });

  test('being answered by the session that was opened, also when it is closed', async () => {
    const { start } = place();
    const first = await start();
    const { body } = await first.ask('POST', '/v1/sessions', {}, KEYED);
    await first.kill();

    const second = await start();
    const { sessionId } = body;
    const again = await second.ask('POST', '/v1/sessions', {}, KEYED);
    expect(again).toMatchObject({ status: 200, body: { sessionId, state: 'active' } });
    await second.ask('DELETE', `/v1/sessions/${sessionId}`);
    await second.kill();

    const third = await start();
    const closed = await third.ask('POST', '/v1/sessions', {}, KEYED);
    expect(closed).toMatchObject({ status: 200, body: { sessionId, state: 'closed' } });
    expect((await third.ask('GET', '/v1/status')).body.openSessions).toBe(0);
  });
});
