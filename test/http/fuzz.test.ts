/**
 * Requests by chance, made from the daemon's own description of its API, to the real process: each is answered,
 * with what the daemon names, and nothing of it stays behind.
 *
 * `FUZZ_SEED` and `FUZZ_REQUESTS` choose others; `TORTURE=1` chooses new ones, and many.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STATUSES } from '../../src/http/problem.ts';
import { faultCodes } from '../../src/index.ts';
import { DaemonProcess, until } from '../support/daemon-process.ts';
import { type Description, LAST_RUN, requestsOf } from '../support/fuzz-requests.ts';
import { freshFolder } from '../support/journal-places.ts';
import { Connections, type RawReply, type RawRequest } from '../support/raw-requests.ts';

const { env } = process;
const IS_TORTURE = env.TORTURE === '1';
const FIXED_SEED = 20_261_121;
const SEED = Number(env.FUZZ_SEED ?? (IS_TORTURE ? Date.now() % 2 ** 31 : FIXED_SEED));
const REQUESTS = Number(env.FUZZ_REQUESTS ?? (IS_TORTURE ? 200_000 : 5_200));
/** So many are asked at once, over as many connections. */
const AT_ONCE = 20;
const TIMEOUT_MS = IS_TORTURE ? 3_600_000 : 300_000;
/** A process that leaks a page with each request would need more. */
const MOST_GROWTH_BYTES = 250 * 1024 * 1024;

const folder = freshFolder();
const tally = new Map<number, number>();
const sessionsAnswered = new Set<unknown>();
let lastRun = 'none';
let daemon: DaemonProcess;
let connections: Connections;
let requests: fc.Arbitrary<RawRequest>;

beforeAll(async () => {
  const file = join(folder, 'slotkeeper.json');
  const config = {
    listen: { port: 0 },
    journal: { path: join(folder, 'journal.db') },
    exec: { enabled: true },
    agent: { command: 'true' },
    limits: { maxParallelSessions: 10_000 },
    queueTimeoutMs: 2_000,
  };
  writeFileSync(file, JSON.stringify(config));
  daemon = await DaemonProcess.start(['--config', file]);
  connections = new Connections(daemon.url, AT_ONCE);
  const { body } = await daemon.ask('GET', '/openapi.json');
  requests = requestsOf(body as unknown as Description); // as it describes itself
});

afterAll(() => {
  connections.close();
  const counts = [...tally].sort().map(([status, count]) => `${status}: ${count}`);
  console.log(`Asked from seed ${SEED} on; ${counts.join(', ')}`);
});

/** What is wrong with an answer, if anything is. */
function faultOf({ method, path }: RawRequest, reply: RawReply): string | undefined {
  const { status, type, text } = reply;
  if (/node_modules|\.[jt]s:\d+|at async|SQLITE/.test(text) || text.includes(folder))
    return 'leaks';
  if (status >= 200 && status < 300) return undefined;
  if (status < 400 || (status >= 500 && status !== 503 && status !== 504)) return 'has a status';
  if (method === 'HEAD' || path.startsWith('/readyz')) return undefined;
  if (!type.startsWith('application/problem+json')) return 'is no problem';
  const { code, status: told } = JSON.parse(text);
  if (told !== status) return 'tells another status';
  return code in STATUSES || code in faultCodes ? undefined : 'has no code of ours';
}

async function ask(request: RawRequest): Promise<void> {
  const path = request.path.replaceAll(LAST_RUN, lastRun);
  const reply = await connections.ask({ ...request, path });
  tally.set(reply.status, (tally.get(reply.status) ?? 0) + 1);
  const fault = faultOf(request, reply);
  if (fault) throw new Error(`${fault}: ${JSON.stringify({ request, reply }).slice(0, 4_000)}`);
  if (reply.status === 200 || reply.status === 201) remember(reply);
}

function remember({ type, text }: RawReply): void {
  if (!type.startsWith('application/json') || text === '') return;
  const { sessionId, runId, agentId } = JSON.parse(text);
  if (sessionId !== undefined) sessionsAnswered.add(sessionId);
  lastRun = runId ?? agentId ?? lastRun;
}

function residentBytes(): number {
  const { pid } = daemon.log.find(({ msg }) => msg === 'listening') ?? {};
  const [, kilobytes = '0'] =
    /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

async function openSessions(): Promise<string[]> {
  const { body } = await daemon.ask('GET', '/v1/sessions');
  return (body.sessions as { sessionId: string }[]).map(({ sessionId }) => sessionId); // as they are listed
}

describe('requests by chance', () => {
  test('being answered, each with what is named', { timeout: TIMEOUT_MS }, async () => {
    const together = fc.array(requests, { minLength: AT_ONCE, maxLength: AT_ONCE });
    const play = async (all: RawRequest[]) => {
      await Promise.all(all.map(ask));
    };
    const property = fc.asyncProperty(together, play);
    await fc.assert(property, { seed: SEED, numRuns: 20, endOnFailure: true });
    const before = residentBytes();
    const numRuns = Math.ceil(REQUESTS / AT_ONCE) - 20;
    await fc.assert(property, { seed: SEED + 1, numRuns, endOnFailure: true });
    expect(residentBytes() - before).toBeLessThan(MOST_GROWTH_BYTES);
    expect(daemon.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  test('leaving no session and no slot that nobody was told of', async () => {
    await until(openSessions, (open) => open.every((one) => sessionsAnswered.has(one)));
    for (const sessionId of await openSessions()) {
      await daemon.ask('DELETE', `/v1/sessions/${encodeURIComponent(sessionId)}`);
    }
    const { body } = await until(
      () => daemon.ask('GET', '/v1/status'),
      ({ body }) => body.activeSessions === 0,
    );
    const none = {
      activeRuns: 0,
      waitingRuns: 0,
      waitingSessions: 0,
      openSessions: 0,
      stuckRuns: 0,
    };
    expect(body).toMatchObject({ state: 'accepting', storage: 'ok', restarts: 0, ...none });
  });
});
