/**
 * The curl lines of the guide to the HTTP API, played in their order against a real daemon: each has the status
 * that stands behind it, and the JSON.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';

const run = promisify(execFile);
const guide = readFileSync(join(import.meta.dirname, '../../docs/http-api.md'), 'utf8');
const WHERE = 'http://127.0.0.1:7411';
const EXPECTED = /^# (?<status>\d{3})(?: (?<json>\{.+\}))?$/;
/** What does not end by itself is ended by curl, with this status. */
const TIMED_OUT = 28;

const lines = [...guide.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
  block.trim().split('\n'),
);
const asked = lines.flatMap((line, at) => (/^curl /.test(line) ? [[line, lines[at + 1]]] : []));
const variables = lines.filter((line) => /^\w+=\$\(/.test(line));
const env: Record<string, string | undefined> = { PATH: process.env.PATH };
let daemon: DaemonProcess;

beforeAll(async () => {
  const folder = freshFolder();
  const file = join(folder, 'slotkeeper.json');
  const [, config = ''] = /^echo '(.+)' > slotkeeper\.json$/m.exec(guide) ?? [];
  const where = { listen: { port: 0 }, journal: { path: join(folder, 'journal.db') } };
  writeFileSync(file, JSON.stringify({ ...JSON.parse(config), ...where }));
  daemon = await DaemonProcess.start(['--config', file]);
});

/** What a line of shell prints. */
async function shell(line: string): Promise<string> {
  const here = line.replaceAll(WHERE, daemon.url);
  const done = run('sh', ['-c', here], { env }).catch((fault) => {
    if (fault.code === TIMED_OUT) return fault;
    throw fault;
  });
  return (await done).stdout;
}

/** Those that a line speaks of, set by the line of the guide that sets them. */
async function setVariables(line: string): Promise<void> {
  for (const one of variables) {
    const [name = ''] = one.split('=');
    if (line.includes(`/$${name}`)) env[name] ??= await shell(`${one}; printf %s "$${name}"`);
  }
}

async function answerTo(line: string): Promise<{ status: string; body: string }> {
  await setVariables(line);
  const time = line.includes(' -N ') ? '--max-time 1 ' : '';
  const text = await shell(line.replace('curl ', `curl -sS ${time}-w '\\n%{http_code}' `));
  const end = text.lastIndexOf('\n');
  return { body: text.slice(0, end), status: text.slice(end + 1) };
}

describe('the tour through the HTTP API', () => {
  test.each(asked)('being right: %s', async (line = '', comment = '') => {
    const { status, json } = EXPECTED.exec(comment)?.groups ?? {};
    const answer = await answerTo(line);
    expect({ ...answer, status: answer.status }).toMatchObject({ status });
    if (json) expect(JSON.parse(answer.body)).toMatchObject(JSON.parse(json));
  });

  test('showing every route', async () => {
    const { body } = await daemon.ask('GET', '/openapi.json');
    const played = asked.map(([line = '']) => shapeOf(line)).concat(variables.map(shapeOf));
    for (const [path, operations] of Object.entries(body.paths as object)) {
      for (const method of Object.keys(operations)) {
        expect(played).toContain(`${method.toUpperCase()} ${path}`);
      }
    }
  });
});

/** `GET /v1/runs/{id}` */
function shapeOf(line: string): string {
  const [, method = 'GET'] = /-X (\w+)/.exec(line) ?? [];
  const [, path = ''] = /7411([^ '?]*)/.exec(line) ?? [];
  return `${method} ${path.replace(/^(\/v1\/\w+\/)[^/]+/, '$1{id}')}`;
}
