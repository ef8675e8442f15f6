/**
 * The figures of the guides are drawn by `npm run figures`; what is committed is what it draws.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const FIGURES = join(ROOT, 'docs', 'figures');
const PROGRAM = join(ROOT, 'build', 'bench', 'figures.js');

/** The figures of a folder, by name. */
function figuresIn(folder: string): Record<string, string> {
  const files = readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]);
  return Object.fromEntries(files);
}

test('the figures being those that npm run figures draws', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'slotkeeper-figures-'));
  try {
    await promisify(execFile)(process.execPath, [PROGRAM, folder], { timeout: 20_000 });
    expect(figuresIn(folder)).toEqual(figuresIn(FIGURES));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('the guide to the limiter showing each that is a picture', () => {
  const guide = readFileSync(join(ROOT, 'docs', 'limiter.md'), 'utf8');
  const pictures = readdirSync(FIGURES).filter((file) => file.endsWith('.svg'));
  for (const file of pictures) expect(guide).toContain(`](figures/${file})`);
});

test('the guide to sessions showing the life cycles as their machines have them', () => {
  const guide = readFileSync(join(ROOT, 'docs', 'sessions.md'), 'utf8');
  const charts = readdirSync(FIGURES).filter((file) => file.endsWith('.mmd'));
  expect(charts).toEqual(['run.mmd', 'session.mmd']);
  for (const file of charts) {
    const chart = readFileSync(join(FIGURES, file), 'utf8');
    expect(guide).toContain(`\`\`\`mermaid\n${chart}\`\`\``);
  }
});
