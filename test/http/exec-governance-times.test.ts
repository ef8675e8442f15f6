/**
 * The times of sessions with execs in them, over a real socket, on a clock that is the test's own: what is
 * activity, which limit is told, and what becomes of execs whose session has ended.
 */
import { describe, expect, test } from 'vitest';
import { marked } from '../support/commands.ts';
import { DaemonHere } from '../support/daemon-here.ts';
import { runsIn, until } from '../support/daemon-process.ts';
import { Programs } from '../support/programs.ts';

const MINUTE_MS = 60_000;
const IDLE_MS = 30 * MINUTE_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A daemon with a session `s`, and programs for it. */
async function begin(content: object = {}) {
  const daemon = await DaemonHere.start(content);
  await daemon.ask('POST', '/v1/sessions', { sessionId: 's' });
  const look = () => daemon.ask('GET', '/v1/sessions/s');
  const exec = (body: object, sessionId = 's') =>
    daemon.ask('POST', `/v1/sessions/${sessionId}/exec`, { timeoutMs: 2 * DAY_MS, ...body });
  return { daemon, clock: daemon.clock, programs: new Programs(), look, exec };
}

const idle = { code: 'session_closed', reason: 'idle_timeout', limitMs: IDLE_MS };
const old = { code: 'session_closed', reason: 'max_lifetime', limitMs: DAY_MS };

describe('a session', () => {
  test('being idle whatever is asked about it, and 410 then, with the time and its limit', async () => {
    const { daemon, clock, look, exec } = await begin();
    await clock.advance(IDLE_MS - 1);
    await daemon.ask('GET', '/v1/sessions');
    await daemon.ask('GET', '/v1/explain?sessionId=s');
    await daemon.ask('DELETE', '/v1/sessions/s?dryRun=true');
    await daemon.ask('POST', '/v1/sessions', { sessionId: 's' });
    expect(await exec({ cmd: [] })).toMatchObject({ status: 422 });
    expect((await look()).status).toBe(200);
    await clock.advance(1);
    const gone = { status: 410, body: { ...idle, elapsedMs: IDLE_MS } };
    expect(await look()).toMatchObject(gone);
    expect(await exec({ cmd: ['true'] })).toMatchObject(gone);
    expect(await daemon.ask('DELETE', '/v1/sessions/s')).toMatchObject(gone);
  });

  test('ending though nobody asks for it again', async () => {
    const { daemon, clock } = await begin();
    await clock.advance(IDLE_MS);
    const { body } = await daemon.ask('GET', '/v1/status');
    expect(body).toMatchObject({ activeSessions: 0, openSessions: 0 });
  });

  test('having the lifetime as its reason where both times are over', async () => {
    const { clock, look } = await begin();
    clock.stall(2 * DAY_MS);
    await clock.advance(0);
    expect(await look()).toMatchObject({ status: 410, body: old });
  });

  test('keeping its first reason, whatever comes later', async () => {
    const { daemon, clock, look } = await begin();
    await clock.advance(IDLE_MS);
    await daemon.ask('DELETE', '/v1/sessions/s');
    clock.stall(MINUTE_MS);
    await clock.advance(0);
    expect(await look()).toMatchObject({ status: 410, body: { ...idle, elapsedMs: IDLE_MS } });
  });

  test('becoming no younger by what is done in it', async () => {
    const { clock, look, exec } = await begin();
    for (let at = 0; at < DAY_MS - IDLE_MS / 2; at += IDLE_MS / 2) {
      await clock.advance(IDLE_MS / 2);
      expect((await exec({ cmd: ['true'] })).status).toBe(200);
    }
    await clock.advance(IDLE_MS / 2);
    expect(await look()).toMatchObject({ status: 410, body: { ...old, elapsedMs: DAY_MS } });
  });
});

describe('an exec', () => {
  test('being timed out after five minutes where nothing else is said', async () => {
    const { clock, programs, look, exec } = await begin();
    const reply = exec({ cmd: programs.patient('a'), timeoutMs: undefined });
    await programs.hasBegun('a');
    await clock.advance(5 * MINUTE_MS - 1);
    expect((await look()).body).toMatchObject({ runs: [{ state: 'running' }] });
    await clock.advance(1);
    const { status, body } = await reply;
    expect([status, body.state, body.reason]).toEqual([200, 'timed_out', 'deadline']);
    expect(Number(body.deadlineAt) - Number(body.startedAt)).toBe(5 * MINUTE_MS);
  });

  test('that is timed out keeping its slot until its processes are gone', async () => {
    const { clock, programs, exec } = await begin({ limits: { maxRunsPerSession: 1 } });
    const { env, alive } = marked();
    const reply = exec({ cmd: programs.stubborn('a'), env, timeoutMs: MINUTE_MS });
    await programs.hasBegun('a');
    await clock.advance(MINUTE_MS);
    await programs.wasTold('a');
    const full = { code: 'max_runs_per_session_exceeded', limit: 1, active: 1 };
    expect(await exec({ cmd: ['true'] })).toMatchObject({ status: 429, body: full });
    expect(alive().length).toBeGreaterThan(0);
    programs.go('a');
    expect((await reply).body).toMatchObject({ state: 'timed_out', reason: 'deadline' });
    expect(alive()).toEqual([]);
    expect((await exec({ cmd: ['true'] })).body.state).toBe('succeeded');
  });

  test.each([
    ['succeeded', 'true', {}],
    ['failed', 'exit 3', {}],
    ['timed_out', 'sleep 1000', { timeoutMs: 40 * MINUTE_MS }],
  ])('being activity as long as it lasts: %s', async (state, end, more) => {
    const { clock, programs, look, exec } = await begin();
    const cmd = ['sh', '-c', `touch ${programs.at('a')}.begun; ${programs.untilGo('a')}; ${end}`];
    const reply = exec({ cmd, ...more });
    await programs.hasBegun('a');
    await until(look, ({ body }) => runsIn(body).length === 1);
    await clock.advance(40 * MINUTE_MS - 1);
    expect((await look()).body).toMatchObject({ state: 'active', runs: [{ state: 'running' }] });
    if (state === 'timed_out') await clock.advance(1);
    else programs.go('a');
    expect(await reply).toMatchObject({ status: 200, body: { state } });
    await clock.advance(IDLE_MS - 1);
    expect((await look()).status).toBe(200);
    await clock.advance(1);
    expect(await look()).toMatchObject({ status: 410, body: idle });
  });

  test('being no activity where it is refused', async () => {
    const { daemon, clock, programs, look, exec } = await begin({ limits: { maxParallelRuns: 1 } });
    await daemon.ask('POST', '/v1/sessions', { sessionId: 'other' });
    const beside = exec({ cmd: programs.patient('beside') }, 'other');
    await programs.hasBegun('beside');
    await clock.advance(IDLE_MS - 1);
    expect(await exec({ cmd: ['true'] })).toMatchObject({ status: 429 });
    await clock.advance(1);
    expect(await look()).toMatchObject({ status: 410, body: idle });
    programs.go('beside');
    expect((await beside).status).toBe(200);
  });

  test('ending with its session, which is gone at once for everybody else', async () => {
    const limits = { maxRunsPerSession: 1 };
    const { daemon, clock, programs, look, exec } = await begin({ limits });
    const { env, alive } = marked();
    const reply = exec({ cmd: programs.stubborn('a'), env });
    await programs.hasBegun('a');
    await clock.advance(DAY_MS);
    await programs.wasTold('a');
    // It is full still, but it is gone: that is what counts.
    expect(await exec({ cmd: ['true'] })).toMatchObject({ status: 410, body: old });
    expect(alive().length).toBeGreaterThan(0);
    const { body } = await daemon.ask('GET', '/v1/status');
    expect(body).toMatchObject({ activeRuns: 1, activeSessions: 1 });
    await clock.advance(MINUTE_MS);
    programs.go('a');
    const ended = { state: 'cancelled', reason: 'max_lifetime' };
    expect(await reply).toMatchObject({ status: 200, body: ended });
    expect(alive()).toEqual([]);
    await until(
      () => daemon.ask('GET', '/v1/status'),
      ({ body }) => body.activeRuns === 0 && body.activeSessions === 0,
    );
    // How long it took to end it is not its age.
    expect(await look()).toMatchObject({ status: 410, body: { ...old, elapsedMs: DAY_MS } });
  });
});
