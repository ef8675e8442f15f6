import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
/** A folder is no program: `workload` has a test of its own. */
const examples = readdirSync(join(root, 'examples'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''));

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

/** The blocks of code, or of what it prints, in a guide. */
function blocks(guide: string, language: 'ts' | 'text' = 'ts'): string[] {
  const text = readFileSync(join(root, guide), 'utf8');
  const fenced = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g');
  return [...text.matchAll(fenced)].map(([, block = '']) => block.trim());
}

describe('README', () => {
  test.each(['first-limiter', 'counter'])('showing the example %s, word for word', (example) => {
    const code = source(example).split('\n').slice(1).join('\n').split('\n/* Prints')[0];
    expect(blocks('README.md')).toContain(code?.trim());
  });

  test('showing no other code', () => {
    expect(blocks('README.md').length).toBe(2);
  });
});

describe.each(['docs/limiter.md', 'docs/durability.md', 'docs/sessions.md', 'docs/commands.md'])(
  '%s',
  (guide) => {
    const shown = blocks(guide).map((block) => [block.split('\n')[0], block]);

    test.each(shown)('showing what an example runs: %s', (_firstLine, block) => {
      expect(examples.map(source).join('\n')).toContain(block);
    });

    test.each(blocks(guide, 'text'))('showing what an example prints: %s', (block) => {
      expect(examples.map(promised).join('\n')).toContain(block);
    });
  },
);
