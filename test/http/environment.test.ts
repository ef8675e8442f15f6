/**
 * The names of the environment that the systems before this daemon had, on the real process: their defaults, what they
 * set, that an empty one sets nothing, and that a wrong one is told instead of stopping everything later.
 */
import { describe, expect, test } from 'vitest';
import { AgentPlace } from '../support/agents.ts';
import { DaemonProcess } from '../support/daemon-process.ts';
import { Programs } from '../support/programs.ts';

const start = (env: NodeJS.ProcessEnv = {}) => {
  return DaemonProcess.start(new AgentPlace({ exec: { enabled: true } }).args, env);
};

/** What a daemon says of itself: its limits, the times of a new session, how long an agent waits. */
async function termsOf(daemon: DaemonProcess): Promise<readonly unknown[]> {
  const { limits } = (await daemon.ask('GET', '/v1/limits')).body;
  const { maxRunsPerSession, maxRunsPerKind } = limits as Record<string, unknown>; // as they are answered
  const { body } = await daemon.ask('POST', '/v1/sessions', {});
  return [maxRunsPerSession, maxRunsPerKind, body.idleTimeoutMs, body.maxLifetimeMs];
}

const NAMES = [
  'MAX_CONCURRENT_EXECS_PER_SESSION',
  'SESSION_IDLE_TIMEOUT_MS',
  'SESSION_MAX_LIFETIME_MS',
  'MAX_CONCURRENT_AGENTS',
  'QUEUE_TIMEOUT_MS',
  'HEALTH_CHECK_INTERVAL_MS',
  'DOCKER_CPU_LIMIT',
  'DOCKER_MEMORY_LIMIT',
  'DOCKER_PIDS_LIMIT',
];

describe('the environment', () => {
  test('setting nothing where it is empty, and the defaults of before standing then', async () => {
    const daemon = await start(Object.fromEntries(NAMES.map((name) => [name, ''])));
    const agent = expect.objectContaining({ agent: 1 });
    expect(await termsOf(daemon)).toEqual([2, agent, 1_800_000, 86_400_000]);
  });

  test('setting what its names say', async () => {
    const daemon = await start({
      MAX_CONCURRENT_EXECS_PER_SESSION: '1',
      SESSION_IDLE_TIMEOUT_MS: '60000',
      SESSION_MAX_LIFETIME_MS: '70000',
      MAX_CONCURRENT_AGENTS: '4',
      DOCKER_MEMORY_LIMIT: '2g',
    });
    const agent = expect.objectContaining({ agent: 4 });
    expect(await termsOf(daemon)).toEqual([1, agent, 60_000, 70_000]);
    const note = 'DOCKER_MEMORY_LIMIT is reserved: it has no effect until there are containers';
    await daemon.logged(({ msg }) => msg === note);
  });

  test.each(['0', 'infinity'])('meaning no limit by %s, and saying so', async (text) => {
    const names = ['MAX_CONCURRENT_AGENTS', 'MAX_CONCURRENT_EXECS_PER_SESSION'];
    const daemon = await start(Object.fromEntries(names.map((name) => [name, text])));
    for (const name of names) {
      await daemon.logged(({ msg = '' }) => msg.startsWith(`${name}=${text}: `));
    }
    const agents = [];
    for (const group of ['a', 'b', 'c']) {
      agents.push(await daemon.ask('POST', '/api/agent/start', { config: {}, group }));
    }
    expect(agents.map(({ body }) => body.status)).toEqual(['started', 'started', 'started']);
    const queue = await daemon.ask('GET', '/api/queue/status');
    // All runs together have their limit still.
    const shares = { maxConcurrency: 50, utilizationPercent: 6, estimatedWaitMs: 0 };
    expect(queue.body).toMatchObject({ running: 3, queued: 0, ...shares });
    await expectExecs(daemon, 4);
  });

  test.each([
    ['MAX_CONCURRENT_AGENTS', 'auto'],
    ['MAX_CONCURRENT_AGENTS', 'abc'],
    ['MAX_CONCURRENT_EXECS_PER_SESSION', '2abc'],
    ['SESSION_IDLE_TIMEOUT_MS', '-1'],
    ['QUEUE_TIMEOUT_MS', 'NaN'],
  ])('keeping the daemon from starting that says %s=%s', async (name, text) => {
    const told = new RegExp(`ended with 78: [^]*${name}[^]*got "${text}"`);
    await expect(start({ [name]: text })).rejects.toThrow(told);
  });
});

/** So many are at work in one session at a time. */
async function expectExecs(daemon: DaemonProcess, count: number): Promise<void> {
  const programs = new Programs();
  await daemon.ask('POST', '/v1/sessions', { sessionId: 's' });
  const names = Array.from({ length: count }, (_, at) => `${at}`);
  const replies = names.map((name) =>
    daemon.ask('POST', '/v1/sessions/s/exec', { cmd: programs.patient(name) }),
  );
  for (const name of names) await programs.hasBegun(name);
  programs.go(...names);
  for (const { status } of await Promise.all(replies)) expect(status).toBe(200);
}
