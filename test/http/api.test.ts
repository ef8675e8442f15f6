/**
 * The API of the daemon, by requests to the real process: every route, asked rightly and wrongly.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DaemonProcess, runsIn, until } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';

const folder = freshFolder();
const at = (name: string): string => join(folder, name);
/** A program that has begun when the one file is there, and goes on when the other is. */
const waiting = (name: string) => {
  const script = `cat > ${at(name)}.in; touch ${at(name)}.begun; until [ -e ${at(name)}.go ]; do sleep 0.02; done`;
  return ['sh', '-c', script];
};
const go = (name: string) => writeFileSync(`${at(name)}.go`, '');
const hasBegun = (name: string) => existsSync(`${at(name)}.begun`);

let daemon: DaemonProcess;

beforeAll(async () => {
  const [command, ...args] = waiting('agent');
  const config = {
    listen: { port: 0 },
    journal: { path: at('journal.db') },
    exec: { enabled: true },
    agent: { command, args },
  };
  writeFileSync(at('slotkeeper.json'), JSON.stringify(config));
  daemon = await DaemonProcess.start(['--config', at('slotkeeper.json')]);
});

async function open(body: object = {}): Promise<string> {
  const { body: session } = await daemon.ask('POST', '/v1/sessions', body);
  return `/v1/sessions/${String(session.sessionId)}`;
}

function labels(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`label-${at}`, 'x']));
}

describe('sessions', () => {
  test('taking as many labels as its description says', async () => {
    const { status, body } = await daemon.ask('POST', '/v1/sessions', { labels: labels(16) });
    expect([status, body.labels]).toEqual([201, labels(16)]);
    const { body: description } = await daemon.ask('GET', '/openapi.json');
    expect(JSON.stringify(description)).toContain('"maxProperties":16');
  });

  test('being opened once by one id', async () => {
    const body = { sessionId: 'once', labels: { a: 'b' }, idleTimeoutMs: 1_000_000 };
    const first = await daemon.ask('POST', '/v1/sessions', body);
    expect(first).toMatchObject({
      status: 201,
      body: { ...body, owner: 'local', state: 'active', maxLifetimeMs: 86_400_000, runs: [] },
    });
    const second = await daemon.ask('POST', '/v1/sessions', { sessionId: 'once' });
    expect(second).toMatchObject({ status: 200, body: { createdAt: first.body.createdAt } });
  });

  test('being listed, looked at, and found by an id with any sign in it', async () => {
    const sessionId = 'a/b c%é"';
    await open({ sessionId });
    const path = `/v1/sessions/${encodeURIComponent(sessionId)}`;
    expect(await daemon.ask('GET', path)).toMatchObject({ status: 200, body: { sessionId } });
    const { body } = await daemon.ask('GET', '/v1/sessions');
    expect(body.sessions).toContainEqual(expect.objectContaining({ sessionId }));
  });

  test('being closed by plan, then in truth, and gone then', async () => {
    const path = await open({ sessionId: 'to-close' });
    const plan = await daemon.ask('DELETE', `${path}?dryRun=true`);
    expect(plan.body).toMatchObject({ isComplete: false, steps: [{ action: 'release_session' }] });
    const report = await daemon.ask('DELETE', path);
    expect(report).toMatchObject({ status: 200, body: { reason: 'released', isComplete: true } });
    for (const [method, url] of [
      ['GET', path],
      ['DELETE', path],
      ['POST', `${path}/exec`],
    ] as const) {
      const gone = await daemon.ask(method, url, method === 'POST' ? { cmd: ['true'] } : undefined);
      expect(gone).toMatchObject({
        status: 410,
        body: { code: 'session_closed', reason: 'released' },
      });
    }
    expect(await daemon.ask('POST', '/v1/sessions', { sessionId: 'to-close' })).toMatchObject({
      status: 201,
    });
  });

  test('ending by their time, with how long it was and what the limit is', async () => {
    const path = await open({ idleTimeoutMs: 1 });
    const { body } = await until(
      () => daemon.ask('GET', path),
      ({ status }) => status === 410,
    );
    expect(body).toMatchObject({ reason: 'idle_timeout', limitMs: 1 });
    expect(body.elapsedMs).toBeGreaterThanOrEqual(1);
  });

  test('that nobody has opened being not found', async () => {
    for (const method of ['GET', 'DELETE']) {
      expect(await daemon.ask(method, '/v1/sessions/nobody')).toMatchObject({
        status: 404,
        body: { code: 'session_not_found', status: 404 },
      });
    }
  });

  test.each([
    [{ sessionId: '' }, 'body.sessionId'],
    [{ sessionId: 'a\nb' }, 'body.sessionId'],
    [{ idleTimeoutMs: 0 }, 'body.idleTimeoutMs'],
    [{ idleTimeoutMs: 1_800_001 }, 'body.idleTimeoutMs'],
    [{ maxLifetimeMs: 1.5 }, 'body.maxLifetimeMs'],
    [{ labels: { a: 1 } }, 'body.labels.a'],
    [{ labels: labels(17) }, 'body.labels'],
    [{ owner: 'root' }, 'body'],
  ])('not being opened with %j', async (body, place) => {
    const { status, body: problem } = await daemon.ask('POST', '/v1/sessions', body);
    expect(status).toBe(422);
    expect(problem).toMatchObject({ code: 'invalid_request', faults: [{ at: place }] });
  });
});

describe('exec', () => {
  test('refusing an order that is too long by this name, and sending nothing of it back', async () => {
    const path = await open();
    const env = { SECRET: 'hush'.repeat(32_768) };
    const { status, body } = await daemon.ask('POST', `${path}/exec`, { cmd: ['true'], env });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      code: 'invalid_option',
      option: 'order',
      detail: 'The work order is too long: its JSON must be a string of at most 131,072 characters',
    });
    expect(JSON.stringify(body)).not.toContain('hush');
  });

  test('answering with what the program has come to', async () => {
    const path = await open();
    const cmd = ['sh', '-c', 'echo "$A"; pwd; echo oops >&2; exit 3'];
    const exec = await daemon.ask('POST', `${path}/exec`, { cmd, env: { A: 'a b' }, cwd: folder });
    expect(exec).toMatchObject({
      status: 200,
      body: {
        state: 'failed',
        exitCode: 3,
        signal: null,
        stdout: `a b\n${folder}\n`,
        stderr: 'oops\n',
        stdoutTruncated: false,
      },
    });
    expect(await daemon.ask('GET', `/v1/runs/${exec.body.runId}`)).toMatchObject({
      status: 200,
      body: exec.body,
    });
  });

  test('telling a death by signal, a time that is over and what cannot be started', async () => {
    const path = await open();
    const ask = (body: object) => daemon.ask('POST', `${path}/exec`, body);
    expect(await ask({ cmd: ['sh', '-c', 'kill -9 $$'] })).toMatchObject({
      status: 200,
      body: { exitCode: null, signal: 'SIGKILL' },
    });
    expect(await ask({ cmd: ['sleep', '100'], timeoutMs: 1 })).toMatchObject({
      status: 200,
      body: { state: 'timed_out', reason: 'deadline' },
    });
    expect(await ask({ cmd: ['/no/such'] })).toMatchObject({
      status: 200,
      body: { state: 'failed', exitCode: null, error: { code: 'command_not_started' } },
    });
  });

  test('being refused at once above the limit of a session, which lives on', async () => {
    const path = await open();
    const first = daemon.ask('POST', `${path}/exec`, { cmd: waiting('one') });
    const second = daemon.ask('POST', `${path}/exec`, { cmd: waiting('two') });
    await until(
      () => daemon.ask('GET', path),
      ({ body }) => runsIn(body).length === 2,
    );
    const third = await daemon.ask('POST', `${path}/exec`, { cmd: ['true'] });
    expect(third).toMatchObject({
      status: 429,
      body: {
        code: 'max_runs_per_session_exceeded',
        title: 'Too many concurrent exec operations for this session',
        limit: 2,
        active: 2,
        scope: 'session',
      },
    });
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(third.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    go('one');
    go('two');
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    expect((await daemon.ask('POST', `${path}/exec`, { cmd: ['true'] })).body.state).toBe(
      'succeeded',
    );
  });

  test('being cancelled when the client goes away', async () => {
    const path = await open();
    const runId = await leave(path, { cmd: waiting('left') }, 'left');
    const { body } = await until(
      () => daemon.ask('GET', `/v1/runs/${runId}`),
      ({ body }) => body.endedAt !== null,
    );
    expect(body).toMatchObject({
      state: 'cancelled',
      reason: 'cancelled',
      error: { message: expect.stringContaining('its client has gone away') },
    });
  });

  test('going on without the client when he says so', async () => {
    const path = await open();
    const runId = await leave(path, { cmd: waiting('kept'), onDisconnect: 'detach' }, 'kept');
    expect((await daemon.ask('GET', `/v1/runs/${runId}`)).body.state).toBe('running');
    go('kept');
    const { body } = await until(
      () => daemon.ask('GET', `/v1/runs/${runId}`),
      ({ body }) => body.endedAt !== null,
    );
    expect(body).toMatchObject({ state: 'succeeded', exitCode: 0 });
  });

  /** The client goes when the program is at work; resolves with the id of its run. */
  async function leave(path: string, body: object, name: string): Promise<string> {
    const leaving = new AbortController();
    const { signal } = leaving;
    const exec = daemon.ask('POST', `${path}/exec`, body, { signal }).catch(() => undefined);
    const { body: session } = await until(
      () => daemon.ask('GET', path),
      ({ body }) => hasBegun(name) && runsIn(body).length === 1,
    );
    leaving.abort();
    await exec;
    return runsIn(session)[0]?.runId ?? '';
  }

  test('being cancelled by the id of its run', async () => {
    const path = await open();
    const exec = daemon.ask('POST', `${path}/exec`, { cmd: waiting('cancelled') });
    const { body } = await until(
      () => daemon.ask('GET', path),
      ({ body }) => runsIn(body).length === 1,
    );
    const runId = runsIn(body)[0]?.runId;
    expect(await daemon.ask('DELETE', `/v1/runs/${runId}`)).toMatchObject({
      status: 200,
      body: { state: 'cancelled', reason: 'cancelled' },
    });
    expect(await exec).toMatchObject({ status: 200, body: { runId, state: 'cancelled' } });
  });

  test.each([
    [{}, 'body.cmd'],
    [{ cmd: 'ls' }, 'body.cmd'],
    [{ cmd: [] }, 'body.cmd[0]'],
    [{ cmd: [''] }, 'body.cmd[0]'],
    [{ cmd: ['a', 1] }, 'body.cmd[1]'],
    [{ cmd: ['a\0'] }, 'body.cmd[0]'],
    [{ cmd: ['a'], timeoutMs: 0 }, 'body.timeoutMs'],
    [{ cmd: ['a'], env: { 'A=B': 'c' } }, 'body.env.A=B'],
    [{ cmd: ['a'], shell: true }, 'body'],
  ])('being refused with %j', async (body, place) => {
    const path = await open();
    const { status, body: problem } = await daemon.ask('POST', `${path}/exec`, body);
    expect(status).toBe(422);
    expect(problem).toMatchObject({ code: 'invalid_request', faults: [{ at: place }] });
  });

  test('being refused in a folder that is not there, before it has a slot', async () => {
    const path = await open();
    const { status, body } = await daemon.ask('POST', `${path}/exec`, { cmd: ['a'], cwd: '/no' });
    expect({ status, code: body.code, option: body.option }).toEqual({
      status: 422,
      code: 'invalid_option',
      option: 'cwd',
    });
  });
});

describe('the queue of agents', () => {
  test('starting one and counting the others down', async () => {
    const start = (group: string) =>
      daemon.ask('POST', '/api/agent/start', { config: { a: 1 }, group, initialRepoContext: 'c' });
    const [first, second, third] = [await start('g1'), await start('g2'), await start('g3')];
    const queueOf = (position: number) => ({ position, running: 1, maxConcurrency: 1 });
    expect(first).toMatchObject({ status: 200, body: { status: 'started', queue: queueOf(0) } });
    expect(second.body).toMatchObject({ status: 'queued', queue: queueOf(0) });
    expect(third.body).toMatchObject({ status: 'queued', queue: queueOf(1) });
    const queue = await daemon.ask('GET', '/api/queue/status');
    expect(queue.body).toEqual({
      running: 1,
      queued: 2,
      maxConcurrency: 1,
      utilizationPercent: 100,
      estimatedWaitMs: 90_000,
      estimatedWaitSec: 90,
    });
    const waits = await daemon.ask('GET', `/v1/explain?runId=${third.body.agentId}`);
    expect(waits.body).toMatchObject({ state: 'waiting', ahead: 1, kind: 'agent' });
    await until(
      async () => hasBegun('agent'),
      (it) => it,
    );
    expect(JSON.parse(readFileSync(at('agent.in'), 'utf8'))).toEqual({
      config: { a: 1 },
      group: 'g1',
      initialRepoContext: 'c',
    });
    go('agent');
    const { body } = await until(
      () => daemon.ask('GET', `/v1/runs/${third.body.agentId}`),
      ({ body }) => body.endedAt !== null,
    );
    expect(body).toMatchObject({ state: 'succeeded', kind: 'agent' });
  });

  test.each([{}, { config: {} }, { group: 'g' }, { config: null, group: 'g' }])(
    'refusing %j in the words of before',
    async (body) => {
      expect(await daemon.ask('POST', '/api/agent/start', body)).toMatchObject({
        status: 400,
        body: { detail: 'Missing config or group' },
      });
    },
  );
});

describe('limits', () => {
  test('being changed and set back, unlimited ones as words', async () => {
    const { body: before } = await daemon.ask('GET', '/v1/limits');
    const changes = { maxRunsPerSession: 'infinity', maxRunsPerKind: { gpu: 1 } };
    const changed = await daemon.ask('PATCH', '/v1/limits', changes);
    expect(changed).toMatchObject({ status: 200, body: { limits: changes } });
    expect(changed.body).toMatchObject({ configured: before.configured, changedBy: 'local' });
    const { body: after } = await daemon.ask('DELETE', '/v1/limits');
    expect(after).toMatchObject({ limits: before.limits, configured: before.configured });
  });

  test.each([
    [{ maxParallelRuns: 0 }, 'body.maxParallelRuns'],
    [{ maxRunsPerKind: { a: 'b' } }, 'body.maxRunsPerKind.a'],
    [{ maxRuns: 1 }, 'body'],
  ])('not being changed by %j', async (body, place) => {
    const { status, body: problem } = await daemon.ask('PATCH', '/v1/limits', body);
    expect(status).toBe(422);
    expect(problem).toMatchObject({ faults: [{ at: place }] });
  });
});

describe('looking in', () => {
  test('telling the status, and whether it is well', async () => {
    const { status, body } = await daemon.ask('GET', '/v1/status');
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: 'accepting', storage: 'ok', maxParallelRuns: 50 });
    for (const path of ['/healthz', '/readyz']) {
      expect(await daemon.ask('GET', path)).toMatchObject({ status: 200, body: { status: 'ok' } });
    }
  });

  test('telling the status as events, at once and whenever it has changed', async () => {
    const leaving = new AbortController();
    const response = await fetch(`${daemon.url}/v1/events`, { signal: leaving.signal });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const path = await open();
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.split('event: status').length > 2) break;
    }
    const [first, second] = [...text.matchAll(/^data: (.+)$/gm)].map(([, json]) =>
      JSON.parse(json ?? ''),
    );
    expect(second.version).toBeGreaterThan(first.version);
    leaving.abort();
    await daemon.ask('DELETE', path);
  });

  test('explaining what holds and what is not there', async () => {
    await open({ sessionId: 'held' });
    expect(await daemon.ask('GET', '/v1/explain?sessionId=held')).toMatchObject({
      status: 200,
      body: { state: 'held', owner: 'local' },
    });
    expect((await daemon.ask('GET', '/v1/explain?runId=none')).status).toBe(404);
    expect((await daemon.ask('GET', '/v1/explain')).status).toBe(422);
    expect((await daemon.ask('GET', '/v1/explain?runId=a&sessionId=b')).status).toBe(422);
  });

  test('describing every route', async () => {
    const { body } = await daemon.ask('GET', '/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths ?? {})).toEqual([
      '/v1/sessions',
      '/v1/sessions/{id}',
      '/v1/sessions/{id}/exec',
      '/v1/runs/{id}',
      '/api/agent/start',
      '/api/queue/status',
      '/v1/status',
      '/v1/events',
      '/v1/explain',
      '/v1/limits',
      '/healthz',
      '/readyz',
      '/metrics',
    ]);
  });
});

describe('a request', () => {
  test('being done once under one Idempotency-Key', async () => {
    const path = await open();
    const ask = (cmd: string[]) =>
      daemon.ask('POST', `${path}/exec`, { cmd }, { headers: { 'idempotency-key': 'k1' } });
    const first = await ask(['echo', 'once']);
    const second = await ask(['echo', 'once']);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(await ask(['echo', 'twice'])).toMatchObject({
      status: 422,
      body: { code: 'idempotency_key_reused' },
    });
  });

  test('that is no JSON, of another type, too large, or for nothing being refused', async () => {
    const send = (init: RequestInit) => daemon.ask('POST', '/v1/sessions', undefined, init);
    const json = { 'content-type': 'application/json' };
    expect(await send({ headers: json, body: '{"a":' })).toMatchObject({
      status: 400,
      body: { code: 'invalid_json' },
    });
    expect(await send({ headers: json, body: '{"__proto__": {"a": 1}}' })).toMatchObject({
      status: 400,
    });
    expect(await send({ headers: { 'content-type': 'text/plain' }, body: '{}' })).toMatchObject({
      status: 415,
      body: { code: 'unsupported_request' },
    });
    expect(await send({ headers: json, body: JSON.stringify('x'.repeat(2 ** 20)) })).toMatchObject({
      status: 413,
    });
    expect(await daemon.ask('GET', '/v2')).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    expect(await daemon.ask('PUT', '/v1/status')).toMatchObject({ status: 404 });
    expect(await daemon.ask('GET', '/v1/sessions/%E0%A4%A')).toMatchObject({ status: 400 });
  });

  test('having an id that its answer and the log tell', async () => {
    const { headers, body } = await daemon.ask('GET', '/v1/sessions/nobody');
    const requestId = headers.get('x-request-id');
    expect(body.requestId).toBe(requestId);
    const line = await daemon.logged((one) => one.requestId === requestId);
    expect(line).toMatchObject({ at: '/v1/sessions/:id', method: 'GET', status: 404 });
  });

  test('from a page of another site being refused', async () => {
    expect(
      await daemon.ask('GET', '/v1/status', undefined, {
        headers: { origin: 'https://evil.example' },
      }),
    ).toMatchObject({ status: 403, body: { code: 'origin_not_allowed' } });
  });
});
