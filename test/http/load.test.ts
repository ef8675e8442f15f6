/**
 * Ten thousand execs from two hundred connections, of which fifty may be at work: each is answered with what
 * the API names, never more are at work than may be, and everything is free when it is over. The programs
 * themselves write down when they begin and end.
 *
 * `LOAD_REQUESTS` chooses how many; `TORTURE=1` ten times as many.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';
import { Connections, type RawReply, type RawRequest } from '../support/raw-requests.ts';
import { residentBytes } from '../support/raw-sockets.ts';

const { env } = process;
const REQUESTS = Number(env.LOAD_REQUESTS ?? (env.TORTURE === '1' ? 100_000 : 10_000));
const CONNECTIONS = 200;
const LIMIT = 50;
const SESSIONS = 10;
const TIMEOUT_MS = REQUESTS * 30;
/** A daemon that kept the answers, or the runs with their output, would need more. */
const MOST_GROWTH_BYTES = 200 * 1024 * 1024;

const folder = freshFolder();
const marks = join(folder, 'marks');
const cmd = ['sh', '-c', `echo + >> ${marks}; sleep 0.5; echo - >> ${marks}`];
let daemon: DaemonProcess;
let connections: Connections;

beforeAll(async () => {
  const file = join(folder, 'slotkeeper.json');
  const config = {
    listen: { port: 0 },
    journal: { path: join(folder, 'journal.db') },
    limits: { maxRunsPerSession: 'infinity', maxRunsPerKind: { exec: LIMIT } },
    exec: { enabled: true },
  };
  writeFileSync(file, JSON.stringify(config));
  daemon = await DaemonProcess.start(['--config', file]);
  connections = new Connections(daemon.url, CONNECTIONS);
  for (let at = 0; at < SESSIONS; at += 1) {
    await daemon.ask('POST', '/v1/sessions', { sessionId: `s${at}` });
  }
});

afterAll(() => connections.close());

/** How often there was which answer, by status and code, or state. Each connection asks again when it is answered. */
async function ask(amount: number): Promise<Map<string, number>> {
  const answers = new Map<string, number>();
  let asked = 0;
  const goOn = async () => {
    while (asked < amount) {
      asked += 1;
      const answer = answerOf(await connections.ask(execIn(`s${asked % SESSIONS}`)));
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, goOn));
  return answers;
}

function execIn(sessionId: string): RawRequest {
  const headers = { 'content-type': 'application/json' };
  const path = `/v1/sessions/${sessionId}/exec`;
  return { method: 'POST', path, headers, body: JSON.stringify({ cmd }) };
}

function answerOf({ status, text }: RawReply): string {
  const { code, state } = JSON.parse(text);
  return `${status} ${code ?? state}`;
}

/** The most that were between their two marks at one moment, and how many are there still. */
function atWork(): { most: number; still: number; begun: number } {
  let [most, still, begun] = [0, 0, 0];
  for (const mark of readFileSync(marks, 'utf8').trim().split('\n')) {
    still += mark === '+' ? 1 : -1;
    begun += mark === '+' ? 1 : 0;
    most = Math.max(most, still);
  }
  return { most, still, begun };
}

describe(`${REQUESTS} execs over ${CONNECTIONS} connections`, () => {
  test('being answered as named, with never too many at work', {
    timeout: TIMEOUT_MS,
  }, async () => {
    await ask(CONNECTIONS * 5);
    const before = residentBytes(daemon);
    const answers = await ask(REQUESTS);
    const grown = residentBytes(daemon) - before;
    console.log([...answers].map(([answer, count]) => `${answer}: ${count}`).join(', '), atWork());
    const named = ['200 succeeded', '429 max_runs_per_kind_exceeded', '429 max_runs_exceeded'];
    expect([...answers.keys()].filter((answer) => !named.includes(answer))).toEqual([]);
    expect(grown).toBeLessThan(MOST_GROWTH_BYTES);
    expect(atWork().most).toBeLessThanOrEqual(LIMIT);
  });

  test('leaving all slots free, and every program at its end', async () => {
    const { body } = await daemon.ask('GET', '/v1/status');
    expect(body).toMatchObject({ activeRuns: 0, waitingRuns: 0, stuckRuns: 0, restarts: 0 });
    expect(atWork()).toMatchObject({ still: 0 });
    expect(daemon.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});
