/**
 * What a daemon tells newcomers to ask: it is asked, as it is printed.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { freshFolder } from '../support/journal-places.ts';

const root = join(import.meta.dirname, '../..');
const main = join(root, 'dist/src/cli/main.js');
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const run = promisify(execFile);

test('curl being there, where everything is tested', () => {
  if (!hasCurl) console.log('curl is not here: the printed requests are not tried');
  expect(hasCurl || process.env.CI !== 'true').toBe(true);
});

test.runIf(hasCurl)('printing requests that work as they are printed', async () => {
  const folder = freshFolder();
  const flags = ['--config', join(root, 'examples/daemon.json'), '--journal', join(folder, 'j.db')];
  const daemon = spawn(process.execPath, [main, 'serve', '--try', ...flags], { cwd: root });
  try {
    const lines = await printedBy(daemon.stderr);
    expect(lines).toHaveLength(6);
    for (const line of lines) {
      const { stdout } = await run('sh', ['-c', `${line} --silent --fail-with-body`]);
      expect(JSON.parse(stdout)).not.toHaveProperty('code');
    }
  } finally {
    daemon.kill();
    await once(daemon, 'close');
  }
});

test('the README showing some of them', () => {
  const [, shown = ''] =
    /```sh\n(curl[^`]+)```/.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  expect(shown.trim().split('\n')).toHaveLength(3);
});

async function printedBy(stream: NodeJS.ReadableStream): Promise<string[]> {
  let text = '';
  for await (const piece of stream) {
    text += String(piece);
    if (text.includes('Ctrl-C')) break;
  }
  return text.split('\n').filter((line) => line.startsWith('  curl'));
}
