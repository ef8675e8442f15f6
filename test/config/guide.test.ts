/**
 * The guide's tables are those of the schema: `npm run figures` draws them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withTables } from '../../bench/configuration-tables.ts';
import { parseJson } from '../../src/config/json-text.ts';
import { loadedFrom } from '../support/config-files.ts';

const guide = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');

test('the guide having the tables that the schema gives', () => {
  expect(guide).toBe(withTables(guide));
});

test('the file that the guide shows being a right one', () => {
  const [, text = ''] = /```json\n([^`]+)```/.exec(guide) ?? [];
  expect(loadedFrom(JSON.parse(text)).values.limits.maxRunsPerKind.gpu).toBe(1);
  expect(parseJson(text)).toHaveProperty('value');
});
