import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { faultCodes } from '../src/index.ts';

const root = join(import.meta.dirname, '..');
const sources = ['src', 'supervisors']
  .flatMap((folder) => readdirSync(join(root, folder), { withFileTypes: true, recursive: true }))
  .filter((entry) => entry.isFile() && !entry.name.endsWith('fault-codes.ts'))
  .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
  .join('\n');

/** Codes that are written where a fault is made; a child's status is one, too. */
const raised = new Set([
  ...[...sources.matchAll(/(?:new SlotkeeperError|requestFault)\(\s*'([a-z_]+)'/g)].map(
    ([, code]) => code,
  ),
  ...[...sources.matchAll(/extends SlotkeeperError<'([a-z_]+)'>/g)].map(([, code]) => code),
  ...[...sources.matchAll(/const code = .*\? '([a-z_]+)' : '([a-z_]+)';/g)].flatMap(
    ([, one, other]) => [one, other],
  ),
  'running',
  'restarting',
]);

describe('faultCodes', () => {
  test('listing every code that is raised', () => {
    expect(Object.keys(faultCodes)).toEqual(expect.arrayContaining([...raised]));
  });

  test('listing no code that is never raised', () => {
    expect([...raised]).toEqual(expect.arrayContaining(Object.keys(faultCodes)));
  });

  test('saying what each means', () => {
    for (const meaning of Object.values(faultCodes)) expect(meaning.length).toBeGreaterThan(20);
  });
});
