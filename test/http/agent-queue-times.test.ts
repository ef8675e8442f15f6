/**
 * The times of the queue of agents, over a real socket, on a clock that is the test's own: how long an agent waits at
 * most, and how long whoever comes now is told that he would.
 */
import { describe, expect, test } from 'vitest';
import { DaemonHere } from '../support/daemon-here.ts';
import { until } from '../support/daemon-process.ts';

const SECOND_MS = 1_000;
const QUEUE_MS = 300 * SECOND_MS;
const LIFETIME_MS = 100 * QUEUE_MS;

/** A daemon whose agents work until they are stopped. */
async function begin(content: object = {}) {
  const agent = { command: 'sleep', args: ['1000'] };
  const daemon = await DaemonHere.start({ agent, ...content });
  const start = async () => {
    const { body } = await daemon.ask('POST', '/api/agent/start', { config: {}, group: 'g' });
    return String(body.agentId);
  };
  const look = async (id: string) => (await daemon.ask('GET', `/v1/runs/${id}`)).body;
  const stop = (id: string) => daemon.ask('DELETE', `/v1/runs/${id}`);
  const queue = async () => (await daemon.ask('GET', '/api/queue/status')).body;
  return { daemon, clock: daemon.clock, start, look, stop, queue };
}

/** It is at work. */
const works = ({ state }: Readonly<Record<string, unknown>>) => state === 'running';

describe('an agent that waits', () => {
  test('being timed out after five minutes, and not before; who works is not', async () => {
    const { clock, start, look } = await begin();
    const [a, b] = [await start(), await start()];
    await until(() => look(a), works);
    await clock.advance(SECOND_MS);
    const c = await start();
    await clock.advance(QUEUE_MS - SECOND_MS - 1);
    expect((await look(b)).state).toBe('queued');
    await clock.advance(1);
    const timedOut = { state: 'timed_out', reason: 'wait_timeout', startedAt: null };
    expect([await look(b), await look(c)]).toMatchObject([timedOut, { state: 'queued' }]);
    await clock.advance(SECOND_MS);
    expect(await look(c)).toMatchObject(timedOut);
    await clock.advance(10 * QUEUE_MS);
    expect((await look(a)).state).toBe('running');
  });

  test('and begins in time working as long as it takes', async () => {
    const { clock, start, look, stop } = await begin();
    const [a, b] = [await start(), await start()];
    await clock.advance(QUEUE_MS - 1);
    await stop(a);
    await until(() => look(b), works);
    await clock.advance(QUEUE_MS);
    expect((await look(b)).state).toBe('running');
  });

  test('waiting for ever, or not at all, where that is so wanted', async () => {
    const sessions = { maxLifetimeMs: 'infinity' };
    const endless = await begin({ queueTimeoutMs: 'infinity', sessions });
    const [, b] = [await endless.start(), await endless.start()];
    await endless.clock.advance(1_000 * QUEUE_MS);
    expect((await endless.look(b)).state).toBe('queued');
    const { daemon, start } = await begin({ queueTimeoutMs: 0 });
    await start();
    const body = { config: {}, group: 'g' };
    const refused = await daemon.ask('POST', '/api/agent/start', body);
    const full = { code: 'max_runs_per_kind_exceeded', limit: 1, active: 1 };
    expect(refused).toMatchObject({ status: 429, body: full });
    expect((await daemon.ask('GET', '/v1/status')).body).toMatchObject({ activeSessions: 1 });
  });
});

test('an agent that hangs being ended with the lifetime of its session', async () => {
  const { clock, start, look } = await begin({ sessions: { maxLifetimeMs: LIFETIME_MS } });
  const agent = await start();
  await clock.advance(LIFETIME_MS - 1);
  expect((await look(agent)).state).toBe('running');
  await clock.advance(1);
  const { state, reason } = await until(
    () => look(agent),
    ({ endedAt }) => endedAt !== null,
  );
  expect([state, reason]).toEqual(['cancelled', 'max_lifetime']);
});

describe('the estimate of a wait', () => {
  test('being made of how long agents have worked, never of how long they have waited', async () => {
    const { clock, start, look, stop, queue } = await begin();
    expect(await queue()).toMatchObject({ estimatedWaitMs: 0, estimatedWaitSec: 0 });
    const agents: string[] = [];
    for (let at = 0; at < 7; at += 1) agents.push(await start());
    // Nothing is known yet: half a minute for each round.
    expect(await queue()).toMatchObject({ queued: 6, estimatedWaitMs: 7 * 30 * SECOND_MS });
    for (const id of agents.slice(0, 5)) {
      await until(() => look(id), works);
      await clock.advance(10 * SECOND_MS);
      await stop(id);
    }
    const [next = '', last = ''] = agents.slice(5);
    await until(() => look(next), works);
    expect(await queue()).toMatchObject({ running: 1, queued: 1, estimatedWaitMs: 20_000 });
    await stop(last);
    // All at work and nobody waits: whoever comes has to wait all the same.
    expect(await queue()).toMatchObject({ running: 1, queued: 0, estimatedWaitSec: 10 });
    await stop(next);
    expect(await queue()).toMatchObject({ running: 0, queued: 0, estimatedWaitMs: 0 });
  });
});
