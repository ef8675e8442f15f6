/**
 * What the daemon makes of a request besides answering it: its status, and an exec that is refused, beside a
 * bare route of Fastify that answers the same JSON. Each is a process of its own, and has no other work.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { expectCount, FEW_ROUNDS, type Sampler, sampleEach } from './harness.ts';
import { printTable } from './table.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'dist', 'src', 'cli', 'main.js');
const BARE = join(import.meta.dirname, 'http-bare.js');
const CONNECTIONS = 50;
const SECONDS = 2;
/** Until what the daemon does all the time is compiled. */
const WARM_UP_SECONDS = 8;
const LOOK_MS = 20;
const EXEC = '/v1/sessions/bench/exec';
const STATUS = '/v1/status';

interface Server {
  readonly url: string;
  readonly process: ChildProcess;
}

export async function benchHttp(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-bench-'));
  const daemon = await start([MAIN, 'serve', '--config', configIn(folder)], join(folder, 'log'));
  await post(daemon, '/v1/sessions', { sessionId: 'bench' });
  // Goes on while the others are refused, and ends with its daemon.
  const held = post(daemon, EXEC, { cmd: ['sleep', '1000'] }).catch(() => {});
  const status = await (await fetch(`${daemon.url}${STATUS}`)).text();
  const refused = await refusal(daemon);
  const bare = await start([BARE, status, refused], join(folder, 'bare'));
  const samplers = [
    rate('GET, bare', bare, 'GET', 200),
    rate('GET /v1/status', daemon, 'GET', 200),
    rate('POST, bare', bare, 'POST', 429),
    rate('POST exec, refused', daemon, 'POST', 429),
  ];
  for (let at = 0; at < WARM_UP_SECONDS; at += SECONDS) {
    for (const { sample } of samplers) await sample();
  }
  const rates = await sampleEach(samplers, FEW_ROUNDS);
  print(rates);
  bare.process.kill();
  daemon.process.kill('SIGTERM');
  await Promise.all([held, once(daemon.process, 'exit')]);
  rmSync(folder, { recursive: true });
}

function configIn(folder: string): string {
  const file = join(folder, 'slotkeeper.json');
  const journal = { path: join(folder, 'journal.db') };
  const config = { listen: { port: 0 }, journal, exec: { enabled: true }, drainTimeoutMs: 0 };
  writeFileSync(file, JSON.stringify({ ...config, limits: { maxRunsPerSession: 1 } }));
  return file;
}

/** Its log goes to a file: a reader would take time from the client, and from nobody in life. */
async function start(args: readonly string[], log: string): Promise<Server> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', openSync(log, 'w'), 'inherit'] });
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const line = readFileSync(log, 'utf8')
      .split('\n')
      .find((text) => text.includes('"url"'));
    if (line !== undefined) return { url: JSON.parse(line).url, process: child };
  }
}

async function post({ url }: Server, path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** The problem that is answered once the one exec that may be at work is. */
async function refusal(daemon: Server): Promise<string> {
  for (;;) {
    const status = await (await fetch(`${daemon.url}${STATUS}`)).text();
    if (JSON.parse(status).activeRuns === 1) break;
  }
  return (await post(daemon, EXEC, { cmd: ['true'] })).text();
}

/** Answers in a second. */
function rate(name: string, { url }: Server, method: 'GET' | 'POST', status: number): Sampler {
  const sample = async () => {
    const result = await autocannon({
      url: `${url}${method === 'GET' ? STATUS : EXEC}`,
      connections: CONNECTIONS,
      duration: SECONDS,
      method,
      ...(method === 'POST' && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ cmd: ['true'] }),
      }),
    });
    const { errors, requests } = result;
    expectCount(`${name}: errors`, errors, 0);
    const others = status === 200 ? result.non2xx : result['2xx'];
    expectCount(`${name}: other answers`, others, 0);
    return requests.total / result.duration;
  };
  return { name, sample };
}

function print(rates: ReadonlyMap<string, number>): void {
  const of = (name: string) => rates.get(name) ?? Number.NaN;
  const row = (what: string) => ({ what, value: of(what), unit: '/s' });
  const beside = (what: string, bare: string, aim: string) => {
    return { ...row(what), ratio: of(what) / of(bare), against: bare, aim };
  };
  printTable(`Answers per second over ${CONNECTIONS} connections, each with the same JSON`, [
    row('GET, bare'),
    beside('GET /v1/status', 'GET, bare', '≥ 0.9'),
    row('POST, bare'),
    beside('POST exec, refused', 'POST, bare', '≥ 0.6'),
  ]);
}
