import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
const examples = readdirSync(join(root, 'examples')).map((file) => file.replace(/\.ts$/, ''));

function source(example: string): string {
  return readFileSync(join(root, 'examples', `${example}.ts`), 'utf8');
}

/** What an example says at its end that it prints. */
function promised(example: string): string {
  return (
    /\/\* Prints:\n([\s\S]*)\*\/\n$/.exec(source(example))?.[1] ?? 'it does not say what it prints'
  );
}

describe('examples', () => {
  test.each(examples)('running %s and printing what it says', async (example) => {
    const program = join(root, 'build', 'examples', `${example}.js`);
    const { stdout, stderr } = await run(process.execPath, [program], { timeout: 20_000 });
    expect(stdout).toBe(promised(example));
    expect(stderr).toBe('');
  });
});

describe('README', () => {
  test('showing the counter example, word for word', () => {
    const shown = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1];
    const code = source('counter').split('\n').slice(1).join('\n').split('\n/* Prints')[0];
    expect(shown?.trim()).toBe(code?.trim());
  });
});
