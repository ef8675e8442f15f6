/**
 * `/metrics` of the real daemon: what was asked of it is counted, by route and not by path.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DaemonProcess, until } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';
import { type Metrics, metricsIn } from '../support/metrics.ts';

const base = { listen: { port: 0 }, journal: { path: null }, exec: { enabled: true } };

function start(more: object = {}): Promise<DaemonProcess> {
  const file = join(freshFolder(), 'slotkeeper.json');
  writeFileSync(file, JSON.stringify({ ...base, ...more }));
  return DaemonProcess.start(['--config', file]);
}

async function metricsOf({ url }: DaemonProcess): Promise<Metrics> {
  return metricsIn(await (await fetch(`${url}/metrics`)).text());
}

async function value(daemon: DaemonProcess, sample: string): Promise<number | undefined> {
  return (await metricsOf(daemon)).samples.get(`slotkeeper_${sample}`);
}

describe('GET /metrics', () => {
  let daemon: DaemonProcess;

  beforeAll(async () => {
    daemon = await start({ limits: { maxRunsPerSession: 1 } });
  });

  test('answering as Prometheus reads, each name with the prefix', async () => {
    const response = await fetch(`${daemon.url}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const { types, samples } = metricsIn(await response.text());
    for (const name of [...types.keys(), ...samples.keys()]) expect(name).toMatch(/^slotkeeper_/);
    expect(samples.get('slotkeeper_http_requests_in_flight')).toBe(1);
    expect(samples.get('slotkeeper_process_open_fds')).toBeGreaterThan(0);
  });

  test('counting what execs have come to', async () => {
    await daemon.ask('POST', '/v1/sessions', { sessionId: 's' });
    await daemon.ask('POST', '/v1/sessions/s/exec', { cmd: ['true'] });
    await daemon.ask('POST', '/v1/sessions/s/exec', { cmd: ['false'] });
    const { samples } = await metricsOf(daemon);
    expect(samples.get('slotkeeper_runs_ended_total{kind="exec",state="succeeded"}')).toBe(1);
    expect(samples.get('slotkeeper_runs_ended_total{kind="exec",state="failed"}')).toBe(1);
    expect(samples.get('slotkeeper_run_work_seconds_count{kind="exec"}')).toBe(2);
    expect(samples.get('slotkeeper_sessions_open')).toBe(1);
  });

  test('counting requests by the pattern of their route, whatever became of them', async () => {
    await daemon.ask('GET', '/v1/runs/nobody-1');
    await daemon.ask('GET', '/v1/runs/nobody-2');
    await daemon.ask('GET', '/nowhere/at/all');
    await daemon.ask('GET', '/v1/sessions/%E0%A4%A');
    await daemon.ask('GET', '/v1/status', undefined, { headers: { origin: 'https://evil.test' } });
    const of = (route: string) =>
      value(daemon, `http_requests_total{method="GET",route="${route}",status="4xx"}`);
    expect(await of('/v1/runs/:id')).toBe(2);
    expect(await of('none')).toBe(2);
    expect(await of('/v1/status')).toBe(1);
    const text = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(text).not.toMatch(/nobody|nowhere|evil/);
    const times = 'http_request_duration_seconds_count{method="GET",route="/v1/runs/:id"}';
    expect(await value(daemon, times)).toBe(2);
  });

  test('counting a client that goes away, and nothing of him in flight', async () => {
    const events = request(`${daemon.url}/v1/events`).end();
    await new Promise((resolve) => events.once('response', resolve));
    expect(await value(daemon, 'http_requests_in_flight')).toBe(2);
    events.destroy();
    const gone = 'http_requests_total{method="GET",route="/v1/events",status="gone"}';
    await until(
      () => value(daemon, gone),
      (count) => count === 1,
    );
    expect(await value(daemon, 'http_requests_in_flight')).toBe(1);
  });
});

test('needing a key where there are keys, and no scope', async () => {
  const hash = `sha256:${createHash('sha256').update('of-alice').digest('hex')}`;
  const daemon = await start({ keys: [{ id: 'a', hash, owner: 'alice', scopes: [] }] });
  expect((await fetch(`${daemon.url}/metrics`)).status).toBe(401);
  const headers = { authorization: 'Bearer of-alice' };
  const reply = await fetch(`${daemon.url}/metrics`, { headers });
  expect(reply.status).toBe(200);
  expect(await reply.text()).not.toContain('alice');
});
